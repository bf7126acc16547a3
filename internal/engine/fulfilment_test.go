package engine_test

import (
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestOverlappingGrantsCoverEachOther(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		first, second := h.granted("alice", "", dba), h.granted("alice", "", dba)
		if _, err := h.engine.Access.Revoke(t.Context(), by, first, ""); err != nil {
			t.Fatal(err)
		}
		h.ended(first, governance.EndRevokedBy, governance.OutcomeCovered)
		if !h.administers("alice") {
			t.Fatal("the end of one grant took the other's right")
		}
		if _, err := h.engine.Access.Revoke(t.Context(), by, second, ""); err != nil {
			t.Fatal(err)
		}
		h.ended(second, governance.EndRevokedBy, governance.OutcomeRemoved)
		if h.administers("alice") {
			t.Error("the last grant has ended, but the right stands")
		}
	})
}

func TestGrantLeavesWhatStoodBefore(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.target.Exec(t, "postgres", `GRANT billing_admin TO alice`)
		h.declare()
		first := h.granted("alice", "", dba)
		second := h.granted("alice", "", dba)
		for _, id := range []governance.GrantID{first, second} {
			if _, err := h.engine.Access.Revoke(t.Context(), by, id, ""); err != nil {
				t.Fatal(err)
			}
		}
		h.until("both are over", func() bool { return !h.grant(first).State.Live() && !h.grant(second).State.Live() })
		if !h.administers("alice") {
			t.Error("a grant took away what stood before it")
		}
		h.sync()
		if !h.findings(governance.FindingStandingPrivilege)["billing/alice billing/role/billing_admin"] {
			t.Error("what stood before is no finding")
		}
		alone := h.granted("alice", "", dba)
		if _, err := h.engine.Access.Revoke(t.Context(), by, alone, ""); err != nil {
			t.Fatal(err)
		}
		h.ended(alone, governance.EndRevokedBy, governance.OutcomePreexisting)
		if !h.administers("alice") {
			t.Error("a grant alone took away what stood before it")
		}
	})
}

func TestGrantsThatEndTogetherAreTakenBackOnce(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		if _, err := h.engine.Access.OpenEvent(t.Context(), by, governance.BusinessEvent{Name: "INC-1", Kind: governance.Incident, EndsAt: h.clock.Now().Add(24 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
		first, second := h.granted("alice", "INC-1", dba), h.granted("alice", "INC-1", dba)
		if _, err := h.engine.Access.CloseEvent(t.Context(), by, "INC-1"); err != nil {
			t.Fatal(err)
		}
		outcomes := map[governance.Outcome]int{}
		for _, id := range []governance.GrantID{first, second} {
			h.untilState(id, governance.GrantEnded)
			outcomes[h.grant(id).Outcome]++
		}
		if outcomes[governance.OutcomeCovered] != 1 || outcomes[governance.OutcomeRemoved] != 1 {
			t.Errorf("outcomes %v; nobody but Stint took the right", outcomes)
		}
		if h.administers("alice") {
			t.Error("both grants have ended, and the right stands")
		}
	})
}

func TestRightThatRemainsThroughAnotherIsAFinding(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.target.Exec(t, "postgres", `GRANT billing_write TO alice`) // includes billing_read
		h.declare()
		id := h.granted("alice", "", reader)
		if _, err := h.engine.Access.Revoke(t.Context(), by, id, ""); err != nil {
			t.Fatal(err)
		}
		h.ended(id, governance.EndRevokedBy, governance.OutcomeRemoved)
		if !h.findings(governance.FindingStillEffective)["billing/alice billing/role/billing_read"] {
			t.Error("she can still read, and nothing says so")
		}
	})
}

func TestAdministratorGrantTakesItsMembershipAlong(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.target.Exec(t, "postgres", `GRANT billing_admin TO bob`)
		h.declare()
		for _, who := range []string{"alice", "bob"} {
			id := h.granted(who, "", dbaAdm)
			if _, err := h.engine.Access.Revoke(t.Context(), by, id, ""); err != nil {
				t.Fatal(err)
			}
			h.ended(id, governance.EndRevokedBy, governance.OutcomeRemoved)
		}
		if h.administers("alice") {
			t.Error("alice kept the membership that came with the administration")
		}
		if !h.administers("bob") {
			t.Error("bob lost the membership that stood before")
		}
	})
}

func TestRevocationOutlastsAnOutage(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id := h.granted("alice", "", dba)
		h.target.Stop(t)
		h.clock.Advance(time.Hour)
		h.untilState(id, governance.GrantRevoking)
		h.clock.Advance(governance.OverdueAfter)
		h.until("the revocation is a finding", func() bool {
			return h.findings(governance.FindingRevokeOverdue)["billing/alice billing/role/billing_admin"]
		})
		h.clock.Advance(72 * time.Hour)
		h.target.Restart(t)
		h.ended(id, governance.EndExpired, governance.OutcomeRemoved)
		h.admin = h.target.Connect(t, "postgres")
		if h.administers("alice") {
			t.Error("the right outlasted the outage")
		}
		if found := h.findings(governance.FindingRevokeOverdue); len(found) != 0 {
			t.Errorf("findings remain: %v", found)
		}
	})
}

func TestRestartAfterTheEndRevokesAtOnce(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id := h.granted("alice", "", dba)
		h.stop()
		h.clock.Advance(48 * time.Hour)
		h.start()
		h.ended(id, governance.EndExpired, governance.OutcomeRemoved)
		if h.administers("alice") {
			t.Error("the right outlasted the restart")
		}
	})
}

func TestRightThatCameBackIsRevokedAgain(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id := h.granted("alice", "", dba)
		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), id, ""); err != nil {
			t.Fatal(err)
		}
		h.ended(id, governance.EndReturned, governance.OutcomeRemoved)
		h.asStint(`GRANT billing_admin TO alice`)
		h.clock.Advance(2 * time.Minute) // the second read
		h.until("it is gone again", func() bool { return !h.administers("alice") })
		h.until("its evidence is written", func() bool {
			kinds := h.verifyEvidence().Kinds
			return kinds["grant.resurfaced"] == 1 && kinds["grant.removed_again"] == 1
		})
	})
}

func TestGrantThatTheTargetRefusesFailsWithItsReason(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.target.Exec(t, "postgres", `DROP ROLE alice`)
		view := h.request("alice", "auto", "", dba)
		h.untilState(view.Grants[0], governance.GrantProvisionFailed)
		if g := h.grant(view.Grants[0]); g.EndReason != governance.EndProvisionFailed || g.EndDetail == "" {
			t.Errorf("ended because %s, detail %q", g.EndReason, g.EndDetail)
		}
	})
}

func TestGrantNotActivatedInTimeIsNeverGiven(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.target.Stop(t)
		view := h.request("alice", "auto", "", dba)
		h.clock.Advance(15 * time.Minute)
		h.untilState(view.Grants[0], governance.GrantCancelled)
		h.target.Restart(t)
		h.admin = h.target.Connect(t, "postgres")
		if h.administers("alice") {
			t.Error("it was given after all")
		}
	})
}

func TestClockThatRunsBehindStopsGrantingAndNotRevoking(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id := h.granted("alice", "", dba)
		h.clock.Advance(59 * time.Minute)
		h.until("the time is marked", func() bool { return h.marked() })
		h.stop()
		h.clock.Advance(-30 * time.Minute)
		h.start()
		if _, err := h.engine.Access.Request(t.Context(), actor("bob"), askAuto("bob", dba)); err == nil {
			t.Error("something was granted by a clock that is behind")
		}
		if _, err := h.engine.Access.Revoke(t.Context(), by, id, ""); err != nil {
			t.Fatal(err)
		}
		h.ended(id, governance.EndRevokedBy, governance.OutcomeRemoved)
	})
}
