package governance

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// BenchmarkDecide is a whole decision on an entitlement that carries ten
// policies, beside ever more policies of other entitlements and 1,000 rules.
func BenchmarkDecide(b *testing.B) {
	for _, policies := range []int{10, 1_000, 100_000} {
		set := policySet(b, manyPolicies(policies))
		q := manyQuestion()
		if d := set.Decide(q); d.Effect != Allow {
			b.Fatalf("comes to %s: %+v", d.Effect, d.Denials())
		}
		b.Run(fmt.Sprintf("policies=%d", policies), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Decide(q)
			}
		})
		b.Run(fmt.Sprintf("traced/policies=%d", policies), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Trace(q)
			}
		})
	}
}

func BenchmarkNewPolicySet(b *testing.B) {
	docs := manyPolicies(100_000)
	for b.Loop() {
		policySet(b, docs)
	}
}

func manyRole(n int) EntitlementID { return EntitlementID(fmt.Sprintf("billing/role/role_%d", n)) }

// manyPolicies declares policies, ten to an entitlement, and rules on all of
// 10,000 entitlements.
func manyPolicies(policies int) Documents {
	docs := Documents{Applications: []Application{{Name: "billing"}}}
	for n := range 10_000 {
		docs.Entitlements = append(docs.Entitlements, Entitlement{Application: "billing", Kind: "role", NativeID: fmt.Sprintf("role_%d", n), Risk: RiskHigh})
	}
	template := GrantTemplate{
		Name: "incident", Entitlements: []EntitlementID{manyRole(0)}, Duration: DurationBounds{Default: Duration(time.Hour), Max: Duration(4 * time.Hour)},
		BusinessEvent: &EventRequirement{Kinds: []EventKind{Incident}}, Justification: JustificationRequired, Approval: ApprovalDefinition{Automatic: true},
	}
	for n := range policies {
		p := EligibilityPolicy{
			Name: fmt.Sprintf("policy-%d", n), Effect: PolicyAllow, Entitlements: []EntitlementID{manyRole(n / 10)},
			Parameters: map[string]json.RawMessage{"team": json.RawMessage(fmt.Sprintf(`"team-%d"`, n%10))},
			Condition: `identity.type == "human" && contains(identity.groups, param.team) && event != null && event.kind == "incident"
				&& event.severity != null && event.severity <= 2 && request.duration <= duration("4h")`,
		}
		if n < 10 {
			template.EligibilityPolicies = append(template.EligibilityPolicies, p.ID())
		}
		docs.Policies = append(docs.Policies, p)
	}
	docs.Templates = []GrantTemplate{template}
	for n := range 1000 {
		rule := SoDRule{Name: fmt.Sprintf("rule-%d", n), Mode: SoDDeny, Limit: 1, IncludeOwned: true, Duties: map[string]Duty{}}
		for i := range 10 {
			name := []string{"create", "approve"}[i/5]
			rule.Duties[name] = Duty{Entitlements: append(rule.Duties[name].Entitlements, manyRole(n*10+i))}
		}
		docs.Rules = append(docs.Rules, rule)
	}
	return docs
}

func manyQuestion() Question {
	severity := int64(2)
	q := Question{
		Now: noon, Identity: Person{Identity: Identity{Name: "alice", Type: Human, Groups: []string{"staff", "team-9"}}, Status: Active},
		Template: "incident", Entitlements: []EntitlementID{manyRole(0)}, Justification: "INC-42", EventRef: "inc-42",
		Event:    &OpenEvent{BusinessEvent: BusinessEvent{Name: "inc-42", Kind: Incident, Severity: &severity, EndsAt: noon.Add(time.Hour)}, ID: "inc-42"},
		Accounts: []AccountID{"billing/alice"},
	}
	for n := range 50 {
		q.Held = append(q.Held, Holding{Identity: "alice", Account: "billing/alice", Entitlement: manyRole(10 * (n + 1))})
	}
	return q
}

// manyHeld is an estate of 100,000 identities that hold 50 of 5,000 entitlements
// each, under 500 rules of two duties of four entitlements.
func manyHeld() ([]SoDRule, []Member) {
	random := rand.New(rand.NewPCG(1, 2))
	ids := make([]EntitlementID, 5000)
	for n := range ids {
		ids[n] = manyRole(n)
	}
	rules := make([]SoDRule, 500)
	for n := range rules {
		duties := map[string]Duty{}
		for i, at := range random.Perm(len(ids))[:8] {
			name := []string{"create", "approve"}[i%2]
			duties[name] = Duty{Entitlements: append(duties[name].Entitlements, ids[at])}
		}
		rules[n] = SoDRule{Name: fmt.Sprintf("rule-%d", n), Mode: SoDDeny, Limit: 1, IncludeOwned: true, Duties: duties}
	}
	members := make([]Member, 100_000)
	for n := range members {
		members[n] = Member{Identity: IdentityID(fmt.Sprintf("identity-%d", n)), Held: make([]EntitlementID, 50)}
		for i := range members[n].Held {
			members[n].Held[i] = ids[random.IntN(len(ids))]
		}
	}
	return rules, members
}

func BenchmarkSeparation(b *testing.B) {
	rules, members := manyHeld()
	fill := func() *Estate {
		estate := NewSoDIndex(rules, nil).NewEstate()
		for _, m := range members {
			estate.Add(m)
		}
		return estate
	}
	b.Run("fill", func(b *testing.B) {
		for b.Loop() {
			fill()
		}
	})
	estate := fill()
	b.Run("detect", func(b *testing.B) {
		b.ReportAllocs()
		conflicts := 0
		for b.Loop() {
			for range estate.Detect() {
				conflicts++
			}
		}
		b.ReportMetric(float64(conflicts)/float64(b.N), "conflicts")
	})
	b.Run("whatif", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n++
			estate.WhatIf(members[n%len(members)].Identity, rules[n%len(rules)].Duties["create"].Entitlements[0])
		}
	})
	set := policySet(b, Documents{Rules: rules})
	held := has("alice", slices.Clone(members[0].Held)...)
	b.Run("violations", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n++
			set.Violations("alice", held, has("alice", rules[n%len(rules)].Duties["create"].Entitlements[0]), nil)
		}
	})
}
