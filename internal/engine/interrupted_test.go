package engine_test

import (
	"testing"
	"time"

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
	tx, err := h.target.Connect(h.t, "postgres").Begin(h.t.Context())
	if err == nil {
		_, err = tx.Exec(h.t.Context(), `LOCK TABLE pg_auth_members IN SHARE MODE`)
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
		lease := sqlc.DropLeaseParams{Key: "account/billing/alice"}
		if err := h.engine.Journal.Bookkeep(t.Context(), func(tx *journal.Tx) (err error) {
			lease.Fence, err = tx.TakeLease(t.Context(), sqlc.TakeLeaseParams{
				Key: lease.Key, Holder: "another process", Now: store.Micros(tx.Now.Add(time.Hour)), UntilAt: store.Micros(tx.Now.Add(time.Hour)),
			})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		h.until("a read is queued", func() bool { return h.queued(id, grants.OperationVerify) })
		if g := h.grant(id); g.State != governance.GrantProvisioning {
			t.Errorf("the overtaken worker made the grant %s", g.State)
		}
		release()
		if err := h.engine.Journal.Bookkeep(t.Context(), func(tx *journal.Tx) error { return tx.DropLease(t.Context(), lease) }); err != nil {
			t.Fatal(err)
		}
		h.untilState(id, governance.GrantActive)
		h.clock.Advance(time.Minute) // the read waits until the target can no longer act on the lost call
		h.until("the read is done", func() bool { return !h.queued(id, grants.OperationVerify) })
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
	inventory, startedAt, err := discovery.Read(h.t.Context(), h.engine.Journal, target)
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
			_, err = d.Apply(h.t.Context(), tx, set, application, inventory, startedAt)
			return err
		}); err != nil {
			h.t.Fatal(err)
		}
	}
}
