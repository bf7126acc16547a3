package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/connector/postgresql"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/discovery"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// block makes changes of memberships in the target wait until release is called.
func (h *harness) block() (release func()) {
	h.t.Helper()
	return h.blockBy(`LOCK TABLE pg_auth_members IN SHARE MODE`)
}

// blockOnly holds up whatever changes who is a member of one role, and no CREATE ROLE,
// which makes a membership itself since PostgreSQL 16.
func (h *harness) blockOnly(role string) (release func()) {
	h.t.Helper()
	if h.target.Version() < 160000 {
		return h.block()
	}
	return h.blockBy(`GRANT ` + role + ` TO carol`)
}

func (h *harness) blockBy(statement string) (release func()) {
	h.t.Helper()
	tx, err := h.target.Connect(h.t, "postgres").Begin(h.t.Context())
	if err == nil {
		_, err = tx.Exec(h.t.Context(), statement)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
	}
}

// untilTargetIsCalled waits until a change of Stint's waits in a blocked target.
func (h *harness) untilTargetIsCalled() {
	h.t.Helper()
	h.until("the target is called", func() bool {
		var waits bool
		if err := h.admin.QueryRow(h.t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'stint' AND wait_event_type = 'Lock')`).Scan(&waits); err != nil {
			h.t.Fatal(err)
		}
		return waits
	})
}

func TestIntentIsThereBeforeTheTargetIsCalledAndOutlastsTheCaller(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		release := h.block()
		id := h.request("alice", "auto", "", dba).Grants[0]
		h.untilTargetIsCalled()
		if g := h.grant(id); g.State != governance.GrantProvisioning || g.Preexisting == nil {
			t.Errorf("the target is called, and the grant is %s", g.State)
		}
		h.stop() // nobody hears what the target answers
		release()
		h.asStint(`GRANT billing_admin TO alice`)
		h.clock.Advance(48 * time.Hour)
		h.start()
		h.until("it is over", func() bool { return !h.grant(id).State.Live() })
		if h.administers("alice") {
			t.Error("a right was given whose answer was lost, and it stands for ever")
		}
	})
}

func TestOvertakenWorkerHasTheTargetReadBack(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		release := h.block()
		id := h.request("alice", "auto", "", dba).Grants[0]
		h.untilTargetIsCalled()
		giveBack := h.holdAccount()
		h.until("a read is queued", func() bool { return h.queued(id, grants.OperationVerify) })
		if g := h.grant(id); g.State != governance.GrantProvisioning {
			t.Errorf("the overtaken worker made the grant %s", g.State)
		}
		release()
		giveBack()
		h.untilState(id, governance.GrantActive)
		h.clock.Advance(time.Minute) // the read waits until the target can no longer act on the lost call
		h.until("the read is done", func() bool { return !h.queued(id, grants.OperationVerify) })
	})
}

func TestGrantWhoseCommitSeemedToFailGoesOn(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		ledger := filepath.Join(h.config.EvidenceDir, "grants.jsonl")
		if err := errors.Join(os.RemoveAll(ledger), os.Mkdir(ledger, 0o700)); err != nil {
			t.Fatal(err)
		}
		id := h.request("alice", "auto", "", dba).Grants[0]
		h.untilState(id, governance.GrantProvisioning)
		h.until("the ledger cannot be written", func() bool { return h.engine.Journal.LedgerTrouble() != nil })
		if !h.queued(id, grants.OperationGrant) {
			t.Error("nothing is to be done for a grant that has begun")
		}
		if err := os.Remove(ledger); err != nil {
			t.Fatal(err)
		}
		h.untilState(id, governance.GrantActive)
	})
}

func TestReadOfWhatNoGrantGaveTakesNothing(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.asStint(`GRANT billing_admin TO alice`)
		release := h.holdAccount()
		id := h.request("alice", "auto", "", dba).Grants[0]
		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), id, ""); err != nil {
			t.Fatal(err)
		}
		release()
		if err := h.engine.Journal.Bookkeep(t.Context(), func(tx *journal.Tx) error {
			g, err := grants.Get(t.Context(), tx, id)
			if err != nil {
				return err
			}
			return grants.AddOperation(t.Context(), tx, g.Grant, grants.OperationVerify, tx.Now)
		}); err != nil {
			t.Fatal(err)
		}
		h.until("the read is done", func() bool { return !h.queued(id, grants.OperationVerify) })
		if h.queued(id, grants.OperationRevoke) || !h.administers("alice") {
			t.Error("a right that stood before is taken for a grant that never gave it")
		}
	})
}

// holdAccount has another process hold alice's account until release is called.
func (h *harness) holdAccount() (release func()) {
	h.t.Helper()
	lease := sqlc.DropLeaseParams{Key: "account/billing/alice"}
	if err := h.engine.Journal.Bookkeep(h.t.Context(), func(tx *journal.Tx) (err error) {
		lease.Fence, err = tx.TakeLease(h.t.Context(), sqlc.TakeLeaseParams{
			Key: lease.Key, Holder: "another process", Now: store.Micros(tx.Now.Add(time.Hour)), UntilAt: store.Micros(tx.Now.Add(time.Hour)),
		})
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	return func() {
		if err := h.engine.Journal.Bookkeep(h.t.Context(), func(tx *journal.Tx) error { return tx.DropLease(h.t.Context(), lease) }); err != nil {
			h.t.Fatal(err)
		}
	}
}

func TestProcessClaimsNoAccountThatItHolds(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		release := h.block()
		id := h.request("alice", "auto", "", dba).Grants[0]
		h.untilTargetIsCalled()
		lease := func(ends time.Duration) {
			t.Helper()
			if err := h.engine.Journal.Bookkeep(t.Context(), func(tx *journal.Tx) error {
				n, err := tx.RenewLease(t.Context(), sqlc.RenewLeaseParams{Key: "account/billing/alice", Fence: 1, UntilAt: store.Micros(tx.Now.Add(ends))})
				if err == nil && n != 1 {
					t.Error("a process takes its own account over")
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		lease(-time.Second) // it has run out, as after a step of the clock, and nobody has renewed it yet
		h.untilState(h.request("bob", "auto", "", dba).Grants[0], governance.GrantProvisioning)
		lease(time.Minute)
		release()
		h.untilState(id, governance.GrantActive)
	})
}

// gated is a connector whose grants fail until there is a gate, and then wait
// for it.
type gated struct {
	connector.Factory
	mu     sync.Mutex
	called map[string]bool
	gate   chan struct{}
}

type gatedConnector struct {
	connector.Following
	*gated
}

func (g *gated) Open(config json.RawMessage, secrets connector.Secrets) (connector.Connector, error) {
	opened, err := g.Factory.Open(config, secrets)
	if err != nil {
		return nil, err
	}
	return gatedConnector{opened.(connector.Following), g}, nil
}

func (c gatedConnector) Grant(ctx context.Context, change connector.Change) (connector.Result, error) {
	c.mu.Lock()
	gate := c.gate
	if gate != nil {
		c.called[change.Account] = true
	}
	c.mu.Unlock()
	if gate == nil {
		return connector.Result{}, errors.New("not yet")
	}
	select {
	case <-gate:
	case <-ctx.Done():
	}
	return c.Following.Grant(ctx, change)
}

// calls lists the accounts that a grant was called for since there is a gate.
func (g *gated) calls() map[string]bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.called)
}

func TestGrantThatEndsWhileItWaitsForItsTurnIsNotGiven(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.stop()
		g := &gated{Factory: postgresql.NewFactory(), called: map[string]bool{}}
		h.config.Connectors = connector.NewRegistry(g)
		h.start()
		h.target.Exec(t, "postgres", `CREATE ROLE dave LOGIN`, `CREATE ROLE erin LOGIN`, `CREATE ROLE frank LOGIN`)
		h.declare()
		people := []string{"alice", "bob", "dave", "erin", "frank"}
		for _, who := range people[2:] {
			h.put(governance.Identity{Name: who, Type: governance.Human, Groups: []string{"oncall"}})
		}
		ids := map[string]governance.GrantID{}
		for _, who := range people {
			ids[who] = h.request(who, "auto", "", dba).Grants[0]
		}
		for _, id := range ids {
			h.untilState(id, governance.GrantProvisioning)
		}
		g.mu.Lock()
		g.gate = make(chan struct{})
		g.mu.Unlock()
		h.until("the target is called as often as it may be, and all are in hand", func() bool {
			var due []string
			if err := h.engine.Journal.Read(t.Context(), func(tx *journal.Tx) (err error) {
				due, err = tx.ApplicationsDue(t.Context(), store.Micros(tx.Now))
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return len(g.calls()) == 4 && len(due) == 0
		})
		waiting := ""
		for _, who := range people {
			if !g.calls()[who] {
				waiting = who
			}
		}
		if _, err := h.engine.Access.Return(t.Context(), actor(waiting), ids[waiting], ""); err != nil {
			t.Fatal(err)
		}
		close(g.gate)
		h.untilState(ids[waiting], governance.GrantProvisionFailed)
		if g.calls()[waiting] {
			t.Error("a right is given after it was returned")
		}
	})
}

// queued reports whether an operation of the kind waits for the grant.
func (h *harness) queued(id governance.GrantID, kind grants.OperationKind) bool {
	h.t.Helper()
	found := false
	if err := h.engine.Journal.Read(h.t.Context(), func(tx *journal.Tx) error {
		operations, err := tx.ListOpenOperationsOfGrant(h.t.Context(), string(id))
		for _, op := range operations {
			found = found || op.Kind == string(kind)
		}
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	return found
}

func TestDiscoveryThatBeganBeforeAGrantMovedLeavesWhatItMoved(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		apply := h.readSlowly()
		id := h.granted("alice", "", dba)
		apply()
		if gone := h.findings(governance.FindingRemovedOutOfBand); len(gone) != 0 {
			t.Errorf("a grant younger than the discovery is missed: %v", gone)
		}
		h.clock.Advance(time.Second)
		apply = h.readSlowly()
		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), id, ""); err != nil {
			t.Fatal(err)
		}
		h.ended(id, governance.EndReturned, governance.OutcomeRemoved)
		apply()
		if standing := h.findings(governance.FindingStandingPrivilege); standing["billing/alice billing/role/billing_admin"] {
			t.Error("a grant that ended during the discovery has become standing privilege")
		}
	})
}

// readSlowly reads the target now, and takes notice of what was read when apply
// is called.
func (h *harness) readSlowly() (apply func()) {
	h.t.Helper()
	d := h.engine.Discovery
	stored, err := h.engine.Catalog.Get(h.t.Context(), governance.KindApplication, string(billing))
	if err != nil {
		h.t.Fatal(err)
	}
	application := stored.Object.(governance.Application)
	target, err := d.Targets.Of(application)
	if err != nil {
		h.t.Fatal(err)
	}
	startedAt, err := h.engine.Journal.Time(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	inventory, err := discovery.Read(h.t.Context(), target)
	if err != nil {
		h.t.Fatal(err)
	}
	return func() {
		h.t.Helper()
		if err := h.engine.Journal.Write(h.t.Context(), by, func(tx *journal.Tx) error {
			set, err := d.Declared.Set(h.t.Context(), tx)
			if err != nil {
				return err
			}
			_, err = d.Apply(h.t.Context(), tx, set, application, inventory, startedAt, "")
			return err
		}); err != nil {
			h.t.Fatal(err)
		}
	}
}
