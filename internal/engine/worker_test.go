package engine_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// onPostgreSQL runs a test of what SQLite, with its one writer, cannot do.
func onPostgreSQL(t *testing.T) *harness {
	t.Helper()
	t.Parallel()
	return newHarness(t, pgtest.Shared(t).NewDatabase(t))
}

func TestRevocationDoesNotWaitForWhoeverLooksAtFindings(t *testing.T) {
	h := onPostgreSQL(t)
	h.declare()
	id := h.granted("alice", "", dba)
	looking, looked, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		done <- h.engine.Journal.Bookkeep(context.WithoutCancel(t.Context()), func(tx *journal.Tx) error {
			err := tx.LockDiscovery(t.Context(), string(billing))
			once.Do(func() { close(looking) })
			<-looked
			return err
		})
	}()
	<-looking
	if _, err := h.engine.Access.Return(t.Context(), actor("alice"), id, ""); err != nil {
		t.Error(err)
	} else {
		h.ended(id, governance.EndReturned, governance.OutcomeRemoved)
	}
	close(looked)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestChangeBesideALookAtFindingsIsLookedAtAgain(t *testing.T) {
	h := onPostgreSQL(t)
	h.declare()
	h.granted("alice", "", dba) // it has marked the findings
	if err := h.engine.Journal.Write(t.Context(), by, func(tx *journal.Tx) error {
		err := tx.MarkFindingsDue(t.Context(), string(billing))
		h.findings("") // a look that does not see the change
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var due []string
	if err := h.engine.Journal.Read(t.Context(), func(tx *journal.Tx) (err error) {
		due, err = tx.ApplicationsWithFindingsDue(t.Context())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(due) != 1 {
		t.Error("a change that was committed after the look is forgotten")
	}
}

func TestAccountWithManyDueOperationsHoldsUpNoOther(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		hers := h.grant(h.granted("alice", "", reader)).Grant
		if err := h.engine.Journal.Bookkeep(t.Context(), func(tx *journal.Tx) error {
			if _, err := tx.TakeLease(t.Context(), sqlc.TakeLeaseParams{
				Key: "account/billing/alice", Holder: "another process", Now: store.Micros(tx.Now.Add(time.Hour)), UntilAt: store.Micros(tx.Now.Add(time.Hour)),
			}); err != nil {
				return err
			}
			for range 300 {
				if err := grants.AddOperation(t.Context(), tx, hers, grants.OperationGrant, tx.Now.Add(-time.Minute)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		h.granted("bob", "", reader)
	})
}

func TestOvertakenOperationHoldsUpNoneThatIsWrittenWithIt(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		release := h.block()
		overtaken := h.request("alice", "auto", "", dba).Grants[0]
		other := h.request("bob", "auto", "", dba).Grants[0]
		for _, id := range []governance.GrantID{overtaken, other} {
			h.untilState(id, governance.GrantProvisioning)
		}
		if err := h.engine.Journal.Bookkeep(t.Context(), func(tx *journal.Tx) error {
			_, err := tx.TakeLease(t.Context(), sqlc.TakeLeaseParams{
				Key: "account/billing/alice", Holder: "another process", Now: store.Micros(tx.Now.Add(time.Hour)), UntilAt: store.Micros(tx.Now.Add(time.Hour)),
			})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		release()
		h.untilState(other, governance.GrantActive)
		h.until("a read is queued", func() bool { return h.queued(overtaken, grants.OperationVerify) })
		if g := h.grant(overtaken); g.State != governance.GrantProvisioning {
			t.Errorf("the overtaken worker made the grant %s", g.State)
		}
	})
}
