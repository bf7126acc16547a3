package governance

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func duties(named map[string]string) map[string]Duty {
	out := map[string]Duty{}
	for name, ids := range named {
		var duty Duty
		for _, id := range strings.Fields(ids) {
			duty.Entitlements = append(duty.Entitlements, EntitlementID(id))
		}
		out[name] = duty
	}
	return out
}

func has(identity IdentityID, ids ...EntitlementID) []Holding {
	held := make([]Holding, len(ids))
	for i, id := range ids {
		held[i] = Holding{Identity: identity, Account: AccountID("app/" + identity), Entitlement: id}
	}
	return held
}

func TestARuleSpeaksWhenMoreDutiesAreTouchedThanItsLimit(t *testing.T) {
	rule := SoDRule{Name: "three", Mode: SoDDeny, Limit: 2, Duties: duties(map[string]string{"a": "a1 a2", "b": "b", "c": "c"})}
	set := policySet(t, Documents{Rules: []SoDRule{rule}})
	for _, c := range []struct {
		name         string
		held, adding []EntitlementID
		touched      int
	}{
		{"one duty", nil, []EntitlementID{"a1"}, 0},
		{"two of one duty", []EntitlementID{"a1"}, []EntitlementID{"a2"}, 0},
		{"as many duties as the limit", []EntitlementID{"a1"}, []EntitlementID{"b"}, 0},
		{"one more than the limit", []EntitlementID{"a1", "b"}, []EntitlementID{"c"}, 3},
		{"one more than the limit at once", nil, []EntitlementID{"c", "b", "a2"}, 3},
		{"touched twice counts once", []EntitlementID{"a1", "a2"}, []EntitlementID{"b"}, 0},
		{"held again", []EntitlementID{"a1", "b", "c"}, []EntitlementID{"c"}, 3},
		{"the request touches no duty", []EntitlementID{"a1", "b", "c"}, []EntitlementID{"elsewhere"}, 0},
		{"nothing is asked for", []EntitlementID{"a1", "b", "c"}, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			violations := set.Violations("tom", has("tom", c.held...), has("tom", c.adding...), nil)
			touched := 0
			for _, v := range violations {
				touched += len(v.Touches)
			}
			if touched != c.touched {
				t.Errorf("%d duties are touched, want %d: %v", touched, c.touched, violations)
			}
		})
	}
}

func TestOwnedIdentitiesCountOnlyForRulesThatIncludeThem(t *testing.T) {
	for _, include := range []bool{true, false} {
		rule := SoDRule{Name: "pay", Mode: SoDDeny, Limit: 1, IncludeOwned: include, Duties: duties(map[string]string{"create": "create", "approve": "approve"})}
		set := policySet(t, Documents{Rules: []SoDRule{rule}})
		if got := set.Violations("tom", has("bot", "create"), has("tom", "approve"), nil); (len(got) == 1) != include {
			t.Errorf("include_owned = %v: the owner's violations are %v", include, got)
		}
		if got := set.Violations("bot", has("tom", "create"), has("bot", "approve"), nil); (len(got) == 1) != include {
			t.Errorf("include_owned = %v: the agent's violations are %v", include, got)
		}
		if got := set.Violations("bot", has("bot", "create"), has("bot", "approve"), nil); len(got) != 1 {
			t.Errorf("include_owned = %v: the agent's own violations are %v", include, got)
		}
	}
}

func TestNestedEntitlementsTouchDutiesWithTheirPath(t *testing.T) {
	rule := SoDRule{Name: "pay", Mode: SoDDeny, Limit: 1, Duties: duties(map[string]string{"create": "create", "approve": "approve"})}
	set := policySet(t, Documents{Rules: []SoDRule{rule}})
	in := Inclusions{"boss": {"clerk", "approve"}, "clerk": {"create", "boss"}, "approve": {"approve"}}

	got := set.Violations("tom", nil, has("tom", "boss"), in)
	boss := has("tom", "boss")[0]
	want := []Violation{{Rule: "pay", Mode: SoDDeny, Limit: 1, Touches: []Touch{
		{Duty: "approve", Holding: boss, Path: []EntitlementID{"boss", "approve"}, Requested: true},
		{Duty: "create", Holding: boss, Path: []EntitlementID{"boss", "clerk", "create"}, Requested: true},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
	if text := got[0].String(); text != `rule "pay" allows 1 of its duties to one actor: tom would get duty "approve" through boss (which includes approve); tom would get duty "create" through boss (which includes create)` {
		t.Error(text)
	}
}

func TestWhatIsHeldExplainsATouchBeforeWhatIsAskedFor(t *testing.T) {
	rule := SoDRule{Name: "pay", Mode: SoDDeny, Limit: 1, Duties: duties(map[string]string{"create": "create", "approve": "approve"})}
	set := policySet(t, Documents{Rules: []SoDRule{rule}})
	in := Inclusions{"clerk": {"create"}}
	got := set.Violations("tom", has("tom", "clerk"), has("tom", "create", "approve"), in)
	if touch := got[0].Touches[1]; touch.Requested || touch.Holding.Entitlement != "clerk" {
		t.Errorf("create is explained by %+v", touch)
	}
}

func TestViolationsAreSortedByRule(t *testing.T) {
	named := duties(map[string]string{"create": "create", "approve": "approve"})
	set := policySet(t, Documents{Rules: []SoDRule{
		{Name: "z", Mode: SoDRecord, Limit: 1, Duties: named}, {Name: "a", Mode: SoDDeny, Limit: 1, Duties: named}, {Name: "m", Mode: SoDApprove, Limit: 1, Duties: named},
	}})
	var rules []RuleID
	for _, v := range set.Violations("tom", has("tom", "create"), has("tom", "approve"), nil) {
		rules = append(rules, v.Rule)
	}
	if !slices.Equal(rules, []RuleID{"a", "m", "z"}) {
		t.Errorf("rules are %v", rules)
	}
}

func drawEntitlements(t *rapid.T, label string) []EntitlementID {
	return rapid.SliceOfN(rapid.SampledFrom([]EntitlementID{"a", "b", "c", "d", "e", "f", "g"}), 0, 5).Draw(t, label)
}

func drawInclusions(t *rapid.T) Inclusions {
	in := Inclusions{}
	for _, from := range drawEntitlements(t, "including") {
		in[from] = drawEntitlements(t, "included in "+string(from))
	}
	return in
}

func shuffled[T any](t *rapid.T, label string, values []T) []T {
	if len(values) < 2 {
		return values
	}
	return rapid.Permutation(values).Draw(t, label)
}

func TestViolationsDoNotDependOnTheOrderOfTheirInputs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, err := NewPolicySet(Documents{Rules: []SoDRule{
			{Name: "owned", Mode: SoDDeny, Limit: 1, IncludeOwned: true, Duties: duties(map[string]string{"x": "a b", "y": "c", "z": "d"})},
			{Name: "own", Mode: SoDDeny, Limit: 2, Duties: duties(map[string]string{"x": "a", "y": "e", "z": "f g"})},
		}})
		if err != nil {
			t.Fatal(err)
		}
		held := append(has("tom", drawEntitlements(t, "tom")...), has("bot", drawEntitlements(t, "bot")...)...)
		adding := has("tom", drawEntitlements(t, "adding")...)
		in := drawInclusions(t)
		mixed := Inclusions{}
		for from, to := range in {
			mixed[from] = shuffled(t, "included", to)
		}
		want := set.Violations("tom", held, adding, in)
		got := set.Violations("tom", shuffled(t, "held", held), shuffled(t, "added", adding), mixed)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the order matters (-want +got):\n%s", diff)
		}
	})
}

func TestViolationsAreWhatTheDefinitionSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		named := map[string]string{"x": "a b", "y": "c", "z": "d"}
		rule := SoDRule{Name: "r", Mode: SoDDeny, Limit: rapid.IntRange(1, 2).Draw(t, "limit"), IncludeOwned: rapid.Bool().Draw(t, "owned"), Duties: duties(named)}
		set, err := NewPolicySet(Documents{Rules: []SoDRule{rule}})
		if err != nil {
			t.Fatal(err)
		}
		mine, theirs, adding := drawEntitlements(t, "mine"), drawEntitlements(t, "theirs"), drawEntitlements(t, "adding")
		in := drawInclusions(t)
		touches := func(ids []EntitlementID) map[string]bool {
			touched := map[string]bool{}
			for name, duty := range rule.Duties {
				for _, id := range ids {
					for _, goal := range duty.Entitlements {
						touched[name] = touched[name] || reaches(in, id, goal)
					}
				}
				if !touched[name] {
					delete(touched, name)
				}
			}
			return touched
		}
		all := append(slices.Clone(mine), adding...)
		if rule.IncludeOwned {
			all = append(all, theirs...)
		}
		want := len(touches(adding)) > 0 && len(touches(all)) > rule.Limit
		got := set.Violations("tom", append(has("tom", mine...), has("bot", theirs...)...), has("tom", adding...), in)
		if (len(got) == 1) != want {
			t.Fatalf("violations are %v, want one: %v", got, want)
		}
		if want && len(got[0].Touches) != len(touches(all)) {
			t.Errorf("touches are %v, want one for each of %v", got[0].Touches, touches(all))
		}
	})
}

// reaches follows inclusions as deep as there are entitlements.
func reaches(in Inclusions, from, goal EntitlementID) bool {
	reached := map[EntitlementID]bool{from: true}
	for range 8 {
		for id, included := range in {
			for _, to := range included {
				reached[to] = reached[to] || reached[id]
			}
		}
	}
	return reached[goal]
}

func TestOfTwoShortestPathsTheFirstByIDIsTaken(t *testing.T) {
	for _, included := range [][]EntitlementID{{"b", "c"}, {"c", "b"}} {
		in := Inclusions{"a": included, "b": {"goal"}, "c": {"goal"}}
		if path := in.Closure("a")["goal"]; !slices.Equal(path, []EntitlementID{"a", "b", "goal"}) {
			t.Errorf("included as %v: the path is %v", included, path)
		}
	}
}

func TestClosurePathsFollowInclusions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInclusions(t)
		for goal, path := range in.Closure("a") {
			if path[0] != "a" || path[len(path)-1] != goal {
				t.Fatalf("the path to %s is %v", goal, path)
			}
			for i := 1; i < len(path); i++ {
				if !slices.Contains(in[path[i-1]], path[i]) {
					t.Fatalf("%s does not include %s, on the path %v", path[i-1], path[i], path)
				}
			}
			if !reaches(in, "a", goal) {
				t.Fatalf("%s is not reached", goal)
			}
		}
	})
}
