package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// extensible declares a template whose grants of an hour last three at most;
// with stages, an approver decides about each.
func (h *harness) extensible(name string, approval governance.ApprovalDefinition) {
	h.t.Helper()
	h.put(governance.GrantTemplate{
		Name: name, Entitlements: []governance.EntitlementID{dba}, EligibilityPolicies: []governance.PolicyID{"oncall"},
		Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(2 * time.Hour)},
		ActivateWithin: governance.Duration(15 * time.Minute), Justification: governance.JustificationOptional,
		Extension: &governance.ExtensionBounds{MaxTotal: governance.Duration(3 * time.Hour)}, Approval: approval,
	})
}

func (h *harness) extend(who string, id governance.GrantID, by time.Duration) access.RequestView {
	h.t.Helper()
	duration := governance.Duration(by)
	view, err := h.engine.Access.Extend(h.t.Context(), actor(who), id, &duration, "not done yet")
	if err != nil {
		h.t.Fatal(err)
	}
	return view
}

func denied(view access.RequestView, code governance.ReasonCode) bool {
	return view.State == governance.RequestDenied && slices.ContainsFunc(view.Decision.Denials(), func(r governance.Reason) bool { return r.Code == code })
}

func TestAnExtensionMovesTheEndWithinItsBounds(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.extensible("extensible", governance.ApprovalDefinition{Automatic: true})
		id := h.request("alice", "extensible", "", dba).Grants[0]
		h.untilState(id, governance.GrantActive)
		was := h.grant(id).NotAfter
		if _, err := h.engine.Access.Extend(t.Context(), actor("bob"), id, nil, ""); !fault.Is(err, fault.Forbidden) {
			t.Errorf("somebody else extends the grant: %v", err)
		}
		extended := h.extend("alice", id, 90*time.Minute)
		if extended.State != governance.RequestGranted || !slices.Equal(extended.Grants, []governance.GrantID{id}) {
			t.Fatalf("extension is %s of %v: %+v", extended.State, extended.Grants, extended.Decision.Reasons)
		}
		if g := h.grant(id); !g.NotAfter.Equal(was.Add(90*time.Minute)) || !slices.Equal(g.ExtendedBy, []governance.RequestID{extended.ID}) {
			t.Errorf("the grant ends at %s by %v, want 90m after %s", g.NotAfter, g.ExtendedBy, was)
		}
		if view := h.extend("alice", id, 31*time.Minute); !denied(view, governance.ReasonExtensionTooLong) {
			t.Errorf("beyond max_total: %s %+v", view.State, view.Decision.Reasons)
		}
		h.clock.Advance(was.Sub(h.clock.Now()) + time.Minute)
		if err := h.engine.Access.Due(t.Context()); err != nil || h.grant(id).State != governance.GrantActive || !h.administers("alice") {
			t.Errorf("past its first end the grant is %s, %v", h.grant(id).State, err)
		}
		h.clock.Advance(90 * time.Minute)
		h.ended(id, governance.EndExpired, governance.OutcomeRemoved)
		if view := h.extend("alice", id, time.Minute); !denied(view, governance.ReasonGrantNotActive) {
			t.Errorf("after its end: %s %+v", view.State, view.Decision.Reasons)
		}
		if report := h.verifyEvidence(); report.Kinds["grant.extended"] != 1 {
			t.Errorf("evidence: %v", report.Kinds)
		}
	})
}

func TestATemplateWithoutExtensionRefusesOne(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id := h.granted("alice", "", dba)
		if view := h.extend("alice", id, time.Minute); !denied(view, governance.ReasonExtensionNotAllowed) {
			t.Errorf("extension is %s: %+v", view.State, view.Decision.Reasons)
		}
	})
}

func TestAPendingExtensionLengthensNothingAndLapsesWithItsGrant(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.extensible("asked", governance.ApprovalDefinition{Stages: []governance.ApprovalStage{{
			Name: "lead", Quorum: 1, Approvers: group("leads"), Timeout: governance.Duration(24 * time.Hour), OnTimeout: governance.Lapse,
		}}})
		first, err := h.approves("bob", h.request("alice", "asked", "", dba).ID)
		if err != nil {
			t.Fatal(err)
		}
		id := first.Grants[0]
		h.untilState(id, governance.GrantActive)
		was := h.grant(id).NotAfter
		pending := h.extend("alice", id, time.Hour)
		if pending.State != governance.RequestPending || !h.grant(id).NotAfter.Equal(was) {
			t.Fatalf("extension is %s, the grant ends at %s", pending.State, h.grant(id).NotAfter)
		}
		granted, err := h.approves("bob", pending.ID)
		if err != nil || granted.State != governance.RequestGranted || !h.grant(id).NotAfter.Equal(was.Add(time.Hour)) {
			t.Fatalf("approved extension is %s, the grant ends at %s, %v", granted.State, h.grant(id).NotAfter, err)
		}
		late := h.extend("alice", id, 30*time.Minute)
		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), id, ""); err != nil {
			t.Fatal(err)
		}
		h.until("the extension lapses", func() bool {
			r, err := h.engine.Access.GetRequest(t.Context(), late.ID)
			return err == nil && r.State == governance.RequestLapsed
		})
		h.ended(id, governance.EndReturned, governance.OutcomeRemoved)
	})
}

func TestAnExtensionEndsWithItsBusinessEvent(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.extensible("extensible", governance.ApprovalDefinition{Automatic: true})
		ends := h.clock.Now().Add(90 * time.Minute)
		event, err := h.engine.Access.OpenEvent(t.Context(), by, governance.BusinessEvent{Name: "INC-1", Kind: governance.Incident, EndsAt: ends})
		if err != nil {
			t.Fatal(err)
		}
		id := h.request("alice", "extensible", string(event.ID), dba).Grants[0]
		h.untilState(id, governance.GrantActive)
		if view := h.extend("alice", id, time.Hour); view.State != governance.RequestGranted || !h.grant(id).NotAfter.Equal(ends) {
			t.Errorf("extension is %s, the grant ends at %s, the event at %s", view.State, h.grant(id).NotAfter, ends)
		}
		if view := h.extend("alice", id, time.Hour); !denied(view, governance.ReasonEventEndsFirst) {
			t.Errorf("beyond the event: %s %+v", view.State, view.Decision.Reasons)
		}
	})
}
