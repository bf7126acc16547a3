package governance

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawRules draws rules over the entitlements of drawEntitlements.
func drawRules(t *rapid.T) []SoDRule {
	rules := make([]SoDRule, rapid.IntRange(0, 4).Draw(t, "rules"))
	for n := range rules {
		rule := SoDRule{
			Name: string(rune('p' - n)), Mode: SoDDeny, Limit: rapid.IntRange(1, 2).Draw(t, "limit"),
			IncludeOwned: rapid.Bool().Draw(t, "include owned"), Duties: map[string]Duty{},
		}
		for i, id := range rapid.Permutation([]EntitlementID{"a", "b", "c", "d", "e", "f", "g"}).Draw(t, "in duties")[:rapid.IntRange(3, 7).Draw(t, "many")] {
			name := []string{"x", "y", "z"}[i%3]
			rule.Duties[name] = Duty{Entitlements: append(rule.Duties[name].Entitlements, id)}
		}
		rules[n] = rule
	}
	return rules
}

// drawActors draws humans with what they and theirs hold.
func drawActors(t *rapid.T) [][]Member {
	actors := make([][]Member, rapid.IntRange(0, 4).Draw(t, "actors"))
	for n := range actors {
		for m := range rapid.IntRange(1, 3).Draw(t, "members") {
			actors[n] = append(actors[n], Member{Identity: IdentityID(fmt.Sprintf("%d-%d", n, m)), Held: drawEntitlements(t, "held")})
		}
	}
	return actors
}

// dutiesOf counts the duties of a rule that entitlements touch, by following
// every inclusion as deep as there are entitlements.
func dutiesOf(rule SoDRule, in Inclusions, held []EntitlementID) (touched int) {
	for _, duty := range rule.Duties {
		if slices.ContainsFunc(held, func(id EntitlementID) bool {
			return slices.ContainsFunc(duty.Entitlements, func(goal EntitlementID) bool { return reaches(in, id, goal) })
		}) {
			touched++
		}
	}
	return touched
}

func heldBy(members []Member) (all []EntitlementID) {
	for _, m := range members {
		all = append(all, m.Held...)
	}
	return all
}

func TestEveryConflictOfAnEstateIsDetectedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, in, actors := drawRules(t), drawInclusions(t), drawActors(t)
		var want []Conflict
		estate := NewSoDIndex(rules, in).NewEstate()
		for _, members := range actors {
			estate.Add(members...)
			for _, rule := range rules {
				if rule.IncludeOwned && dutiesOf(rule, in, heldBy(members)) > rule.Limit {
					want = append(want, Conflict{rule.ID(), members[0].Identity})
				}
				for _, m := range members {
					if !rule.IncludeOwned && dutiesOf(rule, in, m.Held) > rule.Limit {
						want = append(want, Conflict{rule.ID(), m.Identity})
					}
				}
			}
		}
		got := slices.Collect(estate.Detect())
		for _, list := range [][]Conflict{want, got} {
			slices.SortFunc(list, func(a, b Conflict) int {
				return cmp.Or(cmp.Compare(a.Identity, b.Identity), cmp.Compare(a.Rule, b.Rule))
			})
		}
		if !slices.Equal(want, got) {
			t.Errorf("detected %v, want %v", got, want)
		}
	})
}

func TestWhatIfFindsTheViolationsOfARequest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, in, actors := drawRules(t), drawInclusions(t), append(drawActors(t), []Member{{Identity: "nobody"}})
		set, err := NewPolicySet(Documents{Rules: rules})
		if err != nil {
			t.Fatal(err)
		}
		estate := set.Separation(in).NewEstate()
		for _, members := range actors[:len(actors)-1] {
			estate.Add(members...)
		}
		for _, members := range actors {
			for _, m := range members {
				more := rapid.SampledFrom([]EntitlementID{"a", "b", "c", "d", "e", "f", "g", "elsewhere"}).Draw(t, "more")
				var want []RuleID
				for _, rule := range slices.Backward(rules) {
					all := append([]EntitlementID{more}, m.Held...)
					if rule.IncludeOwned {
						all = append(all, heldBy(members)...)
					}
					if dutiesOf(rule, in, []EntitlementID{more}) > 0 && dutiesOf(rule, in, all) > rule.Limit {
						want = append(want, rule.ID())
					}
				}
				if got := estate.WhatIf(m.Identity, more); !slices.Equal(got, want) {
					t.Fatalf("%s with %s breaks %v, want %v", m.Identity, more, got, want)
				}
				var held []Holding
				for _, other := range members {
					held = append(held, has(other.Identity, other.Held...)...)
				}
				var violated []RuleID
				for _, v := range set.Violations(m.Identity, held, has(m.Identity, more), in) {
					violated = append(violated, v.Rule)
				}
				if !slices.Equal(violated, want) {
					t.Fatalf("%s with %s violates %v, want %v", m.Identity, more, violated, want)
				}
			}
		}
	})
}

func TestDetectionStopsWhenItsReaderDoes(t *testing.T) {
	rules := []SoDRule{
		{Name: "actor", Limit: 1, IncludeOwned: true, Duties: duties(map[string]string{"x": "a", "y": "b"})},
		{Name: "member", Limit: 1, Duties: duties(map[string]string{"x": "a", "y": "b"})},
	}
	estate := NewSoDIndex(rules, nil).NewEstate()
	estate.Add(Member{"tom", []EntitlementID{"a", "b"}}, Member{"bot", []EntitlementID{"a", "b"}})
	estate.Add(Member{"eve", []EntitlementID{"a", "b"}})
	all := slices.Collect(estate.Detect())
	if want := []Conflict{{"actor", "tom"}, {"member", "tom"}, {"member", "bot"}, {"actor", "eve"}, {"member", "eve"}}; !slices.Equal(want, all) {
		t.Fatalf("detected %v, want %v", all, want)
	}
	for n := range all {
		var some []Conflict
		for c := range estate.Detect() {
			if some = append(some, c); len(some) == n+1 {
				break
			}
		}
		if !slices.Equal(some, all[:n+1]) {
			t.Errorf("stopped after %d: %v", n+1, some)
		}
	}
}
