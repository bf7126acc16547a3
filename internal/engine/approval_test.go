package engine_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// staged declares a template with the given stages, through which on-call
// engineers may ask for billing_admin.
func (h *harness) staged(name string, stages ...governance.ApprovalStage) {
	h.t.Helper()
	for i := range stages {
		stages[i].Quorum, stages[i].Timeout = 1, governance.Duration(10*time.Minute)
		if stages[i].OnTimeout == "" {
			stages[i].OnTimeout = governance.Lapse
		}
	}
	h.put(governance.GrantTemplate{
		Name: name, Entitlements: []governance.EntitlementID{dba}, EligibilityPolicies: []governance.PolicyID{"oncall"},
		Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(8 * time.Hour)},
		ActivateWithin: governance.Duration(15 * time.Minute), Justification: governance.JustificationOptional,
		Approval: governance.ApprovalDefinition{Stages: stages},
	})
}

func (h *harness) approves(who string, id governance.RequestID) (access.RequestView, error) {
	return h.engine.Access.Approve(h.t.Context(), actor(who), id, "")
}

func group(names ...string) governance.Approvers { return governance.Approvers{Groups: names} }

func TestAStageThatRunsOutOfTimeIsEscalated(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(governance.Identity{Name: "dora", Type: governance.Human, Groups: []string{"chiefs"}})
		h.staged("escalating", governance.ApprovalStage{
			Name: "lead", Approvers: group("leads"), OnTimeout: governance.Escalate,
			Escalation: &governance.Escalation{Approvers: group("chiefs"), Timeout: governance.Duration(time.Hour)},
		})
		request := h.request("alice", "escalating", "", dba)
		if _, err := h.approves("dora", request.ID); !errors.Is(err, governance.ErrNotApprover) {
			t.Errorf("the chief approves before the escalation: %v", err)
		}
		if waiting, err := h.engine.Access.ListRequests(t.Context(), access.RequestFilter{Approver: "dora"}); err != nil || len(waiting) != 0 {
			t.Errorf("before the escalation %v waits for the chief, %v", waiting, err)
		}
		h.clock.Advance(10 * time.Minute)
		h.until("the request is escalated", func() bool {
			waiting, err := h.engine.Access.ListRequests(t.Context(), access.RequestFilter{Approver: "dora"})
			return err == nil && len(waiting) == 1 && waiting[0].Escalated
		})
		granted, err := h.approves("dora", request.ID)
		if err != nil || granted.State != governance.RequestGranted {
			t.Fatalf("the chief approves: %s, %v", granted.State, err)
		}
		second := h.request("alice", "escalating", "", dba)
		h.clock.Advance(10 * time.Minute)
		h.until("the request is escalated", func() bool {
			r, err := h.engine.Access.GetRequest(t.Context(), second.ID)
			return err == nil && r.Escalated
		})
		h.clock.Advance(time.Hour)
		h.until("the escalated request lapses", func() bool {
			r, err := h.engine.Access.GetRequest(t.Context(), second.ID)
			return err == nil && r.State == governance.RequestLapsed
		})
		if report := h.verifyEvidence(); report.Kinds["request.escalated"] != 2 || report.Kinds["request.lapsed"] != 1 {
			t.Errorf("evidence: %v", report.Kinds)
		}
	})
}

func TestTheOwnerOfTheEntitlementApproves(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(governance.Identity{Name: "dora", Type: governance.Human, Groups: []string{}})
		h.asStint(`CREATE ROLE ledger`)
		h.sync()
		const owned = governance.EntitlementID("billing/role/ledger")
		h.put(governance.Entitlement{Application: billing, Kind: "role", NativeID: "ledger", Owner: "dora", Risk: governance.RiskHigh, Standing: governance.StandingForbidden})
		h.put(governance.EligibilityPolicy{Name: "owned", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{owned, dba}, Condition: `contains(identity.groups, "oncall")`})
		h.put(governance.GrantTemplate{
			Name: "owned", Entitlements: []governance.EntitlementID{owned, dba}, EligibilityPolicies: []governance.PolicyID{"owned"},
			Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(8 * time.Hour)},
			ActivateWithin: governance.Duration(15 * time.Minute), Justification: governance.JustificationOptional,
			Approval: governance.ApprovalDefinition{Stages: []governance.ApprovalStage{{
				Name: "owner", Quorum: 1, Approvers: governance.Approvers{Relations: []governance.Relation{governance.EntitlementOwner}},
				Timeout: governance.Duration(10 * time.Minute), OnTimeout: governance.Lapse,
			}}},
		})
		if _, err := h.approves("dora", h.request("alice", "owned", "", owned, dba).ID); !errors.Is(err, governance.ErrNotApprover) {
			t.Errorf("who owns one of two approves both: %v", err)
		}
		granted, err := h.approves("dora", h.request("alice", "owned", "", owned).ID)
		if err != nil || granted.State != governance.RequestGranted {
			t.Errorf("the owner approves: %s, %v", granted.State, err)
		}
	})
}

func TestAnAgentsOwnerConfirmsAndSomebodyElseApproves(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.staged("agents",
			governance.ApprovalStage{Name: "owner", Approvers: governance.Approvers{Relations: []governance.Relation{governance.Owner}}},
			governance.ApprovalStage{Name: "lead", Approvers: group("leads", "oncall")})
		request := h.request("deploy-bot", "agents", "", dba)
		if _, err := h.approves("bob", request.ID); !errors.Is(err, governance.ErrNotApprover) {
			t.Errorf("somebody else confirms in the owner's place: %v", err)
		}
		if confirmed, err := h.approves("alice", request.ID); err != nil || confirmed.Stage != 1 {
			t.Fatalf("the owner confirms: %+v, %v", confirmed, err)
		}
		if _, err := h.approves("alice", request.ID); !errors.Is(err, governance.ErrNotApprover) {
			t.Errorf("the owner is the second pair of eyes as well: %v", err)
		}
		if granted, err := h.approves("bob", request.ID); err != nil || granted.State != governance.RequestGranted {
			t.Errorf("the lead approves: %s, %v", granted.State, err)
		}
	})
}

func TestWhoApprovedAsLeadDoesNotApproveAsPeer(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(governance.Identity{Name: "dora", Type: governance.Human, Groups: []string{"leads"}})
		h.staged("two", governance.ApprovalStage{Name: "lead", Approvers: group("leads")},
			governance.ApprovalStage{Name: "peer", Approvers: group("leads"), DistinctFrom: []string{"lead"}})
		request := h.request("alice", "two", "", dba)
		if _, err := h.approves("bob", request.ID); err != nil {
			t.Fatal(err)
		}
		var refused *governance.TransitionError
		if _, err := h.approves("bob", request.ID); !errors.As(err, &refused) {
			t.Errorf("bob approves in both stages: %v", err)
		}
		if granted, err := h.approves("dora", request.ID); err != nil || granted.State != governance.RequestGranted {
			t.Errorf("dora approves: %s, %v", granted.State, err)
		}
	})
}

func TestAConditionNamesTheApprovers(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(governance.Attribute{Object: governance.IdentityAttribute, Name: "level", Type: governance.IntAttribute, Description: "Seniority."})
		for name, level := range map[string]string{"dora": "5", "erin": "2"} {
			h.put(governance.Identity{Name: name, Type: governance.Human, Groups: []string{}, Attributes: map[string]json.RawMessage{"level": json.RawMessage(level)}})
		}
		h.staged("senior", governance.ApprovalStage{Name: "senior", Approvers: governance.Approvers{
			Condition: `approver.attributes.level != null && approver.attributes.level >= 4 && entitlement.risk == "high"`,
		}})
		request := h.request("alice", "senior", "", dba)
		if waiting, err := h.engine.Access.ListRequests(t.Context(), access.RequestFilter{Approver: "dora"}); err != nil || len(waiting) != 1 {
			t.Errorf("for dora %v waits, %v", waiting, err)
		}
		if _, err := h.approves("erin", request.ID); !errors.Is(err, governance.ErrNotApprover) {
			t.Errorf("whom the condition does not name approves: %v", err)
		}
		if granted, err := h.approves("dora", request.ID); err != nil || granted.State != governance.RequestGranted {
			t.Errorf("whom the condition names: %s, %v", granted.State, err)
		}
		if err := h.engine.Catalog.Delete(t.Context(), by, governance.KindAttribute, "identity/level", 1, false); !fault.Is(err, fault.InUse) {
			t.Errorf("delete an attribute that the condition reads: %v", err)
		}
	})
}
