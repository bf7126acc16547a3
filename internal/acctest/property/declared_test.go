package property_test

import (
	"slices"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/modeltarget"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// schedule lets a read show no more than half of a target as gone.
var schedule = governance.DiscoverySchedule{Interval: governance.Duration(6 * time.Hour), MaxGonePercent: 50}

// declareAll declares the world's policy.
func (w *world) declareAll() {
	w.Helper()
	for _, o := range []governance.Object{
		governance.Identity{Name: "carol", Type: governance.Human, Groups: []string{"leads"}},
		governance.Identity{Name: "alice", Type: governance.Human, Manager: "carol", Groups: []string{"oncall"}},
		governance.Identity{Name: "bob", Type: governance.Human, Groups: []string{"leads", "oncall"}},
		governance.Identity{Name: "dave", Type: governance.Human, Manager: "carol", Groups: []string{"oncall"}},
		governance.Identity{Name: "bot", Type: governance.Agent, Owner: "alice", Groups: []string{"oncall"}},
		governance.Identity{Name: "erin", Type: governance.Human, Manager: "carol", Groups: []string{"oncall"}},
		governance.Identity{Name: "finn", Type: governance.Human, Manager: "bob", Groups: []string{"oncall"}},
		governance.Application{Name: "alpha", Connector: modeltarget.Config("alpha"), Correlation: "account.name == identity.name", Discovery: schedule},
		governance.Application{Name: "beta", Connector: modeltarget.Config("beta"), Correlation: "account.name == identity.name", Discovery: schedule},
	} {
		w.must(w.put(o))
	}
	for _, id := range everything {
		w.must(w.put(entitlement(id)))
	}
	w.must(w.put(policy("oncall", governance.PolicyAllow, conditionOncall)))
	for _, name := range templates {
		w.must(w.put(template(name, 0)))
	}
	w.must(w.put(rule("payments", 0)))
}

func entitlement(id governance.EntitlementID) governance.Entitlement {
	e := native(id)
	return governance.Entitlement{Application: applicationOf(id), Kind: e.Kind, NativeID: e.NativeID, Risk: governance.RiskHigh, Standing: governance.StandingForbidden}
}

func policy(name string, effect governance.PolicyEffect, condition string) governance.EligibilityPolicy {
	return governance.EligibilityPolicy{Name: name, Effect: effect, Entitlements: slices.Clone(everything), Condition: condition}
}

// templates are the names of those that are used.
var templates = []string{"auto", "staged", "incident", "lenient", "newcomer"}

// template is one of them; of each there are two, to change between.
func template(name string, variant int) governance.GrantTemplate {
	t := governance.GrantTemplate{
		Name: name, Entitlements: slices.Clone(everything), EligibilityPolicies: []governance.PolicyID{"oncall"},
		Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(8 * time.Hour)},
		ActivateWithin: governance.Duration(15 * time.Minute), Justification: governance.JustificationOptional,
		Approval:  governance.ApprovalDefinition{Automatic: true},
		Extension: &governance.ExtensionBounds{MaxTotal: governance.Duration(10 * time.Hour)},
	}
	within := governance.Duration(4 * time.Hour)
	switch name {
	case "auto":
		t.ScheduleWithin = &within
	case "newcomer":
		t.ScheduleWithin, t.CreateAccount = &within, true
	case "staged":
		t.BreakGlass = &governance.BreakGlass{Limit: 3, Per: within, Reviewers: governance.Approvers{Groups: []string{"leads"}}, ReviewWithin: within}
		t.Approval = governance.ApprovalDefinition{Stages: []governance.ApprovalStage{
			{Name: "manager", Quorum: 1, Approvers: governance.Approvers{Relations: []governance.Relation{governance.Manager}, Groups: []string{"leads"}}, Timeout: governance.Duration(30 * time.Minute), OnTimeout: governance.Lapse},
			{Name: "lead", Quorum: 1, Approvers: governance.Approvers{Groups: []string{"leads"}}, DistinctFrom: []string{"manager"}, Timeout: governance.Duration(30 * time.Minute), OnTimeout: governance.Lapse},
		}}
	case "incident":
		t.BusinessEvent = &governance.EventRequirement{Kinds: []governance.EventKind{governance.Incident}}
	case "lenient":
		grace := governance.Duration(20 * time.Minute)
		t.OnIneligible, t.IneligibleGrace = governance.IneligibleGrace, &grace
	}
	if variant == 1 {
		t.Entitlements = []governance.EntitlementID{alphaRead, alphaWrite, betaPay}
		t.Duration.Max = governance.Duration(2 * time.Hour)
	}
	return t
}

func rule(name string, variant int) governance.SoDRule {
	r := governance.SoDRule{Name: name, Mode: governance.SoDDeny, Limit: 1, IncludeOwned: true, Duties: map[string]governance.Duty{
		"pay":     {Entitlements: []governance.EntitlementID{betaPay}},
		"approve": {Entitlements: []governance.EntitlementID{betaApprove}},
	}}
	if variant == 1 {
		r.Duties["write"] = governance.Duty{Entitlements: []governance.EntitlementID{alphaWrite}}
	}
	return r
}
