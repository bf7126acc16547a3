package cli

import (
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// tracedWorld is a small policy with something of everything that a trace tells.
func tracedWorld(t *testing.T) *governance.PolicySet {
	t.Helper()
	const admin, pay = governance.EntitlementID("billing/role/admin"), governance.EntitlementID("billing/role/pay")
	hours := func(n int) governance.Duration { return governance.Duration(time.Duration(n) * time.Hour) }
	two := hours(2)
	strict := governance.GrantTemplate{
		Name: "incident-admin", Entitlements: []governance.EntitlementID{admin}, EligibilityPolicies: []governance.PolicyID{"oncall"},
		Duration: governance.DurationBounds{Default: hours(1), Max: hours(4)}, Justification: governance.JustificationRequired,
		BusinessEvent: &governance.EventRequirement{Kinds: []governance.EventKind{governance.Incident, governance.Change}},
		Approval: governance.ApprovalDefinition{Stages: []governance.ApprovalStage{{
			Name: "lead", Quorum: 1, Timeout: hours(1),
			Approvers: governance.Approvers{Identities: []governance.IdentityID{"carol"}, Groups: []string{"leads"}, Relations: []governance.Relation{governance.Manager}},
		}}},
	}
	lax := governance.GrantTemplate{
		Name: "training", Entitlements: []governance.EntitlementID{admin}, EligibilityPolicies: []governance.PolicyID{"trainee"},
		Duration: governance.DurationBounds{Default: hours(1), Max: hours(1)}, Justification: governance.JustificationOptional, Approval: governance.ApprovalDefinition{Automatic: true},
	}
	set, err := governance.NewPolicySet(governance.Documents{
		Revision: 7,
		Entitlements: []governance.Entitlement{
			{Application: "billing", Kind: "role", NativeID: "admin", Risk: governance.RiskCritical, MaxDuration: &two},
			{Application: "billing", Kind: "role", NativeID: "pay", Risk: governance.RiskHigh},
		},
		Policies: []governance.EligibilityPolicy{
			{Name: "oncall", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{admin}, Condition: "contains(identity.groups, \"oncall\")\n&& event != null && event.kind == \"incident\"\n&& request.duration <= duration(\"4h\")"},
			{Name: "trainee", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{admin}, Condition: `contains(identity.groups, "trainees")`},
			{Name: "freeze", Effect: governance.PolicyDeny, Entitlements: []governance.EntitlementID{admin}, Condition: `!(identity.type == "human" || contains(identity.groups, "exempt"))`},
		},
		Rules: []governance.SoDRule{{Name: "hands", Mode: governance.SoDDeny, Limit: 1, IncludeOwned: true, Duties: map[string]governance.Duty{
			"run": {Entitlements: []governance.EntitlementID{admin}}, "pay": {Entitlements: []governance.EntitlementID{pay}},
		}}},
		Templates: []governance.GrantTemplate{strict, lax},
	})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestExplanationTellsEverythingThatWasWeighed(t *testing.T) {
	set := tracedWorld(t)
	alice := governance.Person{Identity: governance.Identity{Name: "alice", Type: governance.Human, Groups: []string{"oncall"}}, Status: governance.Active}
	question := governance.Question{
		Now: noon, Identity: alice, Template: "incident-admin", Entitlements: []governance.EntitlementID{"billing/role/admin"},
		Accounts: []governance.AccountID{"billing/alice"},
	}
	change := &governance.OpenEvent{BusinessEvent: governance.BusinessEvent{Name: "CHG-1", Kind: governance.Change, EndsAt: noon.Add(3 * time.Hour)}, ID: "CHG-1"}
	incident := &governance.OpenEvent{BusinessEvent: governance.BusinessEvent{Name: "INC-1", Kind: governance.Incident, EndsAt: noon.Add(3 * time.Hour)}, ID: "INC-1"}
	for name, ask := range map[string]func(q *governance.Question){
		"trace_denied.txt": func(q *governance.Question) {
			q.EventRef, q.Event = "CHG-1", change
			q.Held = []governance.Holding{{Identity: "alices-bot", Account: "billing/bot", Entitlement: "billing/role/boss"}}
			q.Inclusions = governance.Inclusions{"billing/role/boss": {"billing/role/pay"}}
		},
		"trace_no_event.txt": func(q *governance.Question) {
			q.Justification, q.Duration = "stuck", new(governance.Duration)
			*q.Duration = governance.Duration(3 * time.Hour)
		},
		"trace_allowed.txt": func(q *governance.Question) {
			q.Justification, q.EventRef, q.Event = "stuck", "INC-1", incident
		},
		"trace_shopping.txt": func(q *governance.Question) { q.Template = "training" },
		"trace_unknown.txt":  func(q *governance.Question) { q.Template = "dreams" },
	} {
		t.Run(name, func(t *testing.T) {
			q := question
			ask(&q)
			decision, trace := set.Trace(q)
			input := api.DecisionInput{RequestInput: api.RequestInput{Template: q.Template}, Identity: "alice", Explain: true}
			golden(t, name, plain().renderDecision(screen{}, api.ExplainedDecision{Decision: decision, Trace: &trace}, input))
		})
	}
}
