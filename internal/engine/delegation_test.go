package engine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (h *harness) delegates(name string, from, to governance.IdentityID, until time.Duration, templates ...governance.TemplateID) {
	h.t.Helper()
	h.put(governance.Delegation{Name: name, From: from, To: to, EndsAt: h.clock.Now().Add(until), Templates: templates})
}

func TestADelegateApprovesWhileTheDelegationHolds(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		for _, name := range []string{"dora", "erin"} {
			h.put(governance.Identity{Name: name, Type: governance.Human, Groups: []string{}})
		}
		h.staged("lead", governance.ApprovalStage{Name: "lead", Approvers: group("leads")})
		h.delegates("away", "bob", "dora", time.Hour, "lead")
		h.delegates("chain", "dora", "erin", time.Hour)
		request := h.request("alice", "lead", "", dba)
		waiting, err := h.engine.Access.ListRequests(t.Context(), access.RequestFilter{Approver: "dora"})
		if err != nil || len(waiting) != 1 || waiting[0].OnBehalfOf != "bob" {
			t.Errorf("for the delegate %+v waits, %v", waiting, err)
		}
		if _, err := h.approves("erin", request.ID); !errors.Is(err, governance.ErrNotApprover) {
			t.Errorf("the delegate of a delegate approves: %v", err)
		}
		granted, err := h.approves("dora", request.ID)
		if err != nil || granted.State != governance.RequestGranted || granted.Approvals[0].OnBehalfOf != "bob" {
			t.Fatalf("the delegate approves: %+v, %v", granted, err)
		}
		second := h.request("alice", "lead", "", dba)
		if _, err := h.engine.Catalog.Put(t.Context(), by, governance.Delegation{Name: "away", From: "bob", To: "dora", EndsAt: h.clock.Now().Add(time.Minute)}, catalog.Precondition{Version: 1}); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(time.Minute)
		if _, err := h.approves("dora", second.ID); !errors.Is(err, governance.ErrNotApprover) {
			t.Errorf("the delegate approves after the delegation's end: %v", err)
		}
	})
}

func TestADelegationLetsNobodyApproveTheirOwnNorTwice(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(governance.Identity{Name: "dora", Type: governance.Human, Groups: []string{"leads"}})
		h.staged("lead", governance.ApprovalStage{Name: "lead", Approvers: group("leads")})
		h.delegates("to alice", "bob", "alice", time.Hour)
		h.delegates("from bob", "bob", "dora", time.Hour)
		if _, err := h.approves("alice", h.request("alice", "lead", "", dba).ID); !errors.Is(err, governance.ErrNotApprover) {
			t.Errorf("the requester approves in another's place: %v", err)
		}
		if _, err := h.approves("alice", h.request("deploy-bot", "lead", "", dba).ID); !errors.Is(err, governance.ErrNotApprover) {
			t.Errorf("the requester's owner approves in another's place: %v", err)
		}
		if _, err := h.approves("carol", h.request("bob", "lead", "", dba).ID); !errors.Is(err, governance.ErrNotApprover) {
			t.Errorf("somebody without a delegation approves: %v", err)
		}
		h.put(governance.GrantTemplate{
			Name: "both", Entitlements: []governance.EntitlementID{dba}, EligibilityPolicies: []governance.PolicyID{"oncall"},
			Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(time.Hour)},
			ActivateWithin: governance.Duration(15 * time.Minute), Justification: governance.JustificationOptional,
			Approval: governance.ApprovalDefinition{Stages: []governance.ApprovalStage{{
				Name: "two", Quorum: 2, Approvers: group("leads"), Timeout: governance.Duration(time.Hour), OnTimeout: governance.Lapse,
			}}},
		})
		both := h.request("alice", "both", "", dba)
		if _, err := h.approves("dora", both.ID); err != nil {
			t.Fatal(err)
		}
		var refused *governance.TransitionError
		if again, err := h.approves("dora", both.ID); !errors.As(err, &refused) {
			t.Errorf("dora counts for herself and for bob: %s, %v", again.State, err)
		}
	})
}

func TestOnlyPeopleDelegateAndWhatADelegationNamesStays(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		later := h.clock.Now().Add(time.Hour)
		for field, d := range map[string]governance.Delegation{
			"from":         {Name: "d", From: "deploy-bot", To: "bob", EndsAt: later},
			"to":           {Name: "d", From: "bob", To: "nobody", EndsAt: later},
			"ends_at":      {Name: "d", From: "bob", To: "carol", EndsAt: h.clock.Now()},
			"templates[0]": {Name: "d", From: "bob", To: "carol", EndsAt: later, Templates: []governance.TemplateID{"none"}},
		} {
			_, err := h.engine.Catalog.Put(t.Context(), by, d, catalog.Precondition{Create: true})
			var refused *fault.Error
			if !errors.As(err, &refused) || len(refused.Problems) != 1 || refused.Problems[0].Field != field {
				t.Errorf("%+v: %v, want a problem of %s", d, err, field)
			}
		}
		h.delegates("away", "bob", "carol", time.Hour, "approved")
		if err := h.engine.Catalog.Delete(t.Context(), by, governance.KindTemplate, "approved", 1, false); !fault.Is(err, fault.InUse) {
			t.Errorf("delete the delegation's template: %v", err)
		}
	})
}
