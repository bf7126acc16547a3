package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/ledger"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// fromBackup stops the engine and makes its state one that comes from a backup.
func (h *harness) fromBackup() {
	h.t.Helper()
	h.stop() // a log that moves meanwhile would be set back
	db, err := store.Open(h.t.Context(), h.config.Database, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := errors.Join(db.Write(h.t.Context(), func(q *store.Queries) error {
		state, err := q.GetState(h.t.Context())
		if err != nil {
			return err
		}
		return q.RestartLog(h.t.Context(), sqlc.RestartLogParams{LogOrigin: state.LogOrigin, EvidenceSize: state.EvidenceSize, RestoredAt: store.Micros(h.clock.Now())})
	}), db.Close()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) ledgerFile() string { return filepath.Join(h.config.EvidenceDir, "grants.jsonl") }

// stood writes a grant into the ledger, as a server does that gives it.
func (h *harness) stood(g governance.Grant) {
	h.t.Helper()
	no := false
	g.State, g.Preexisting = governance.GrantProvisioning, &no
	outside, err := ledger.Open(h.config.EvidenceDir)
	if err != nil {
		h.t.Fatal(err)
	}
	var e ledger.Entries
	e.Stands(g)
	if err := errors.Join(outside.Keep(e), outside.Close()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) inLedger(id governance.GrantID) bool {
	h.t.Helper()
	content, err := os.ReadFile(h.ledgerFile())
	if err != nil {
		h.t.Fatal(err)
	}
	lines := strings.Split(string(content), "\n")
	stands := false
	for _, line := range lines {
		if strings.Contains(line, string(id)) {
			stands = !strings.HasPrefix(line, `{"over"`)
		}
	}
	return stands
}

func (h *harness) trouble(part engine.Part) string {
	h.t.Helper()
	for _, c := range h.engine.Health(h.t.Context()) {
		if c.Part == part {
			return c.Trouble
		}
	}
	h.t.Fatalf("nothing is said of %s", part)
	return ""
}

// A grant that was only scheduled when the backup was taken may have been given
// afterwards: then it is taken back, also where it was cancelled before anybody
// looked. One that was not given keeps its time.
func TestRestoredStateTakesBackWhatWasScheduledInIt(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.bounded("booked", aheadBy(24*time.Hour))
		begins := h.clock.Now().Add(10 * time.Hour)
		given, waits := h.books("alice", "booked", begins).Grants[0], h.books("bob", "booked", begins).Grants[0]
		cancelled := h.books("alice", "booked", begins.Add(4*time.Hour)).Grants[0]
		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), cancelled, ""); err != nil {
			t.Fatal(err)
		}
		before := h.grant(given).Grant
		h.stop()
		h.stood(before)
		h.start()
		h.until("the ledger is settled", func() bool { return !h.inLedger(given) })
		if g := h.grant(given); g.State != governance.GrantScheduled {
			t.Errorf("without a restore it is %s", g.State)
		}

		h.fromBackup()
		h.stood(before)
		h.stood(h.grantOf(cancelled, before))
		h.asStint(`GRANT billing_admin TO alice`)
		h.start()
		h.until("both are over", func() bool { return !h.grant(given).State.Live() && !h.grant(cancelled).State.Live() })
		if h.administers("alice") {
			t.Error("what was given after the backup stands")
		}
		for _, id := range []governance.GrantID{given, cancelled} {
			if g := h.grant(id); g.EndReason != governance.EndBackupRestored {
				t.Errorf("grant %s is %s because %s", id, g.State, g.EndReason)
			}
		}
		if _, err := h.engine.Recovery.Resume(t.Context(), by, "a test"); err != nil {
			t.Fatal(err)
		}
		if g := h.grant(waits); g.State != governance.GrantScheduled {
			t.Errorf("what was not given is %s", g.State)
		}
		if report := h.verifyEvidence(); report.Kinds["grant.adopted"] != 2 {
			t.Errorf("evidence is %v", report.Kinds)
		}
	})
}

// grantOf is a grant like another one.
func (h *harness) grantOf(id governance.GrantID, like governance.Grant) governance.Grant {
	like.ID = id
	return like
}

func TestRestoredStateIsNotAcceptedBeforeTheLedgerIsTakenUp(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.fromBackup()
		h.stood(governance.Grant{ID: "g-1", Application: "payroll", Account: "payroll/alice", Entitlement: "payroll/role/all"})
		h.start()
		refused := func(want, inHealth string) {
			t.Helper()
			if _, err := h.engine.Recovery.Resume(t.Context(), by, "a test"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("resumed with %v, want %q", err, want)
			}
			if got := h.trouble(engine.PartLedger); !strings.Contains(got, inHealth) {
				t.Errorf("health says %q, want %q", got, inHealth)
			}
		}
		h.until("the ledger was looked at", func() bool { return h.engine.Recovery.Left().Grants == 1 })
		refused("payroll", "payroll")
		if err := os.WriteFile(h.ledgerFile(), []byte("{\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		refused("line 1", "not settled")
		if err := os.Remove(h.ledgerFile()); err != nil {
			t.Fatal(err)
		}
		if _, err := h.engine.Recovery.Resume(t.Context(), by, "a test"); err != nil || h.trouble(engine.PartLedger) != "" {
			t.Errorf("once it is put right: %v, health %q", err, h.trouble(engine.PartLedger))
		}
	})
}

// A crash can come between the commit that a target is about to be called and the
// ledger: whoever goes on writes it there first.
func TestTargetIsNotCalledAgainBeforeItStandsInTheLedger(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		release := h.block()
		id := h.request("alice", "auto", "", dba).Grants[0]
		h.untilTargetIsCalled()
		h.stop()
		release()
		if err := os.Remove(h.ledgerFile()); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(h.ledgerFile(), 0o700); err != nil { // a file cannot be written there
			t.Fatal(err)
		}
		h.start()
		h.until("the ledger is missed", func() bool { return h.engine.Journal.LedgerTrouble() != nil })
		if h.administers("alice") {
			t.Error("the target was called for what stands in no ledger")
		}
		if err := os.Remove(h.ledgerFile()); err != nil {
			t.Fatal(err)
		}
		h.untilState(id, governance.GrantActive)
		if !h.inLedger(id) {
			t.Error("it stands in no ledger")
		}
	})
}
