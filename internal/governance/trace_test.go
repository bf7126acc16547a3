package governance

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTracesOfDecisions looks at what the cases of testdata/decisions.txt weigh
// and lack, and at what holds for every trace.
func TestTracesOfDecisions(t *testing.T) {
	w := readWorld(t)
	set := w.policySet(t)
	for _, c := range readDecisionCases(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Logf("testdata/decisions.txt:%d", c.line)
			decision, trace := set.Trace(c.question(t, w))
			if diff := cmp.Diff(set.Decide(c.question(t, w)), decision); diff != "" {
				t.Errorf("traced, the decision is another one (-decided +traced):\n%s", diff)
			}
			if (trace.NearestMiss != nil) != (decision.Effect == Deny) {
				t.Errorf("comes to %s, and misses %+v", decision.Effect, trace.NearestMiss)
			}
			if (trace.Bounds != nil) != (set.Templates[TemplateID(c.one("template"))] != nil) {
				t.Errorf("bounds: %+v", trace.Bounds)
			}
			if want := c.words["weighs"]; want != nil {
				if diff := cmp.Diff(want, weighed(trace)); diff != "" {
					t.Errorf("weighs (-want +got):\n%s", diff)
				}
			}
			if want := c.one("lacks"); want != "" && trace.NearestMiss != nil {
				if diff := cmp.Diff(want, trace.NearestMiss.Message); diff != "" {
					t.Errorf("lacks (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// weighed is one line for each entitlement and its policies, one for each rule,
// and one for the bounds that do not hold.
func weighed(trace Trace) []string {
	var lines []string
	for _, e := range trace.Entitlements {
		line := string(e.Entitlement) + ":"
		for _, p := range e.Policies {
			line += fmt.Sprintf(" %s %s %s", p.Effect, p.Policy, p.Outcome)
			for i, part := range p.Parts {
				if part.Behind {
					line += fmt.Sprintf(" (behind: %d %s)", i+1, part.Outcome)
				}
			}
		}
		lines = append(lines, line)
	}
	for _, r := range trace.Rules {
		line := fmt.Sprintf("%s %s %d of %d:", r.Mode, r.Rule, len(r.Touches), r.Limit)
		for _, touch := range r.Touches {
			line += fmt.Sprintf(" %s by %s", touch.Duty, touch.Holding.Identity)
		}
		if r.Violated {
			line += " violated"
		}
		lines = append(lines, line)
	}
	b := trace.Bounds
	if b == nil {
		return append(lines, "no bounds")
	}
	for _, bound := range []struct {
		name  string
		holds bool
	}{{"duration", b.Duration.Holds}, {"justification", b.Justification.Holds}, {"event", b.BusinessEvent.Holds}, {"schedule", b.Schedule.Holds},
		{"cooldown", b.Cooldown == nil || b.Cooldown.Holds}, {"concurrency", b.Concurrency == nil || b.Concurrency.Holds}} {
		if !bound.holds {
			lines = append(lines, bound.name+" out of bounds")
		}
	}
	if b.BreakGlass != nil && !b.BreakGlass.Holds {
		lines = append(lines, "break-glass out of bounds")
	}
	return lines
}

func TestEveryDenialIsInTheNearestMiss(t *testing.T) {
	w := readWorld(t)
	set := w.policySet(t)
	for _, c := range readDecisionCases(t) {
		decision, trace := set.Trace(c.question(t, w))
		for _, denial := range decision.Denials() {
			covered := slices.ContainsFunc(trace.NearestMiss.Obstacles, func(o Obstacle) bool {
				samePolicy := o.Policy == denial.Policy || set.policies[denial.Policy] != nil && set.policies[denial.Policy].Effect == PolicyAllow && o.Policy != ""
				return o.Entitlement == denial.Entitlement && samePolicy && o.Rule == denial.Rule
			})
			if !covered {
				t.Errorf("%s: nothing in the nearest miss answers %q: %+v", c.name, denial.Message, trace.NearestMiss.Obstacles)
			}
		}
	}
}

// What the nearest miss names is enough: with it out of the way nothing denies.
func TestMendingTheNearestMissAllows(t *testing.T) {
	w := readWorld(t)
	q := Question{
		Now: noon, Identity: *w.person("alice"), Template: "incident-admin", Entitlements: []EntitlementID{"billing/role/admin"},
		EventRef: "chg-1", Event: w.event("chg-1"), Accounts: w.Accounts["alice"],
	}
	_, trace := w.policySet(t).Trace(q)
	want := &NearestMiss{Count: 2, Obstacles: []Obstacle{
		{Code: ReasonJustificationRequired, Message: `template "incident-admin" demands a justification`},
		{Code: ReasonPolicyNoMatch, Message: `policy "oncall": conjunct 3 is false (event.kind == "incident")`, Entitlement: "billing/role/admin", Policy: "oncall", Conjuncts: []int{3}},
	}, Message: `2 things stand in the way: template "incident-admin" demands a justification; policy "oncall": conjunct 3 is false (event.kind == "incident")`}
	if diff := cmp.Diff(want, trace.NearestMiss); diff != "" {
		t.Errorf("nearest miss (-want +got):\n%s", diff)
	}
	q.Justification, q.EventRef, q.Event = "stuck", "inc-7", w.event("inc-7")
	if decision, trace := w.policySet(t).Trace(q); decision.Effect != NeedsApproval || trace.NearestMiss != nil {
		t.Errorf("mended, it comes to %s and lacks %+v", decision.Effect, trace.NearestMiss)
	}
}

func TestOfSeveralPoliciesTheClosestIsTheNearestMiss(t *testing.T) {
	docs := Documents{
		Entitlements: []Entitlement{{Application: "a", Kind: "role", NativeID: "x"}},
		Templates:    []GrantTemplate{{Name: "t", Entitlements: []EntitlementID{"a/role/x"}, EligibilityPolicies: []PolicyID{"far", "near", "nearer"}, Duration: DurationBounds{Default: 1, Max: 1}, Approval: ApprovalDefinition{Automatic: true}}},
	}
	for name, text := range map[string]string{
		"far":    `identity.name == "tom" && identity.type == "agent" && identity.status == "active"`,
		"near":   `event != null && event.kind == "incident" && identity.type == "human"`,
		"nearer": `identity.type == "human" && !(identity.status == "active" && identity.name == "alice")`,
	} {
		docs.Policies = append(docs.Policies, EligibilityPolicy{Name: name, Effect: PolicyAllow, Entitlements: []EntitlementID{"a/role/x"}, Condition: text})
	}
	q := Question{
		Now: noon, Identity: Person{Identity: Identity{Name: "alice", Type: Human}, Status: Active}, Template: "t",
		Entitlements: []EntitlementID{"a/role/x"}, Accounts: []AccountID{"a/alice"},
	}
	_, trace := policySet(t, docs).Trace(q)
	if want := `one thing stands in the way: policy "nearer": conjunct 2 is false (!(identity.status == "active" && identity.name == "alice"))`; trace.NearestMiss.Message != want {
		t.Errorf("nearest miss: %s", trace.NearestMiss.Message)
	}
	got := map[PolicyID][2][]int{}
	for _, p := range trace.Entitlements[0].Policies {
		got[p.Policy] = [2][]int{p.Failed, p.Unjudged}
	}
	want := map[PolicyID][2][]int{"far": {{1, 2}, nil}, "near": {{1}, {2}}, "nearer": {{2}, nil}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failed and unjudged (-want +got):\n%s", diff)
	}
	decided := trace.Entitlements[0].Policies[2].Parts[1].Decided
	if decided == nil || decided.Text != `identity.status == "active" && identity.name == "alice"` || decided.Column != 31 || decided.Outcome != "true" {
		t.Errorf("decided by %+v", decided)
	}
	docs.Policies = slices.DeleteFunc(docs.Policies, func(p EligibilityPolicy) bool { return p.Name == "nearer" })
	_, trace = policySet(t, docs).Trace(q)
	if want := `at least 1 thing(s) stand in the way: policy "near": conjunct 1 is false (event != null) (conjunct 2 cannot be judged before)`; trace.NearestMiss.Message != want {
		t.Errorf("nearest miss: %s", trace.NearestMiss.Message)
	}
}

func TestTheTraceSaysWhichBoundHoldsTheDuration(t *testing.T) {
	w := readWorld(t)
	set := w.policySet(t)
	two, long := span(2*3600e9), span(3*3600e9)
	for _, c := range []struct {
		name         string
		template     TemplateID
		entitlements string
		asked        *Duration
		want         DurationTrace
	}{
		{"the entitlement's own", "training-admin", "billing/role/admin", &long, DurationTrace{Asked: &long, Default: span(8 * 3600e9), TemplateMax: span(8 * 3600e9), Entitlements: []EntitlementBound{{"billing/role/admin", two}}, Max: two, BoundBy: "billing/role/admin"}},
		{"the template's", "day-work", "billing/role/read billing/role/read", nil, DurationTrace{Default: span(3600e9), TemplateMax: span(8 * 3600e9), Max: span(8 * 3600e9), Holds: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := Question{Now: noon, Identity: *w.person("tom"), Template: c.template, Duration: c.asked, Accounts: w.Accounts["tom"]}
			for _, id := range strings.Fields(c.entitlements) {
				q.Entitlements = append(q.Entitlements, EntitlementID(id))
			}
			_, trace := set.Trace(q)
			if diff := cmp.Diff(c.want, trace.Bounds.Duration); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
