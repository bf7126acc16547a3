package governance

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// SoDIndex finds the duties that entitlements touch, nested ones included, under
// one set of rules and one set of inclusions. It is immutable and safe for
// concurrent use.
type SoDIndex struct {
	*dutyTable

	inclusions Inclusions
}

// dutyTable numbers rules and duties. Rules are in the order of their ids, the
// duties of a rule follow each other in the order of their names.
type dutyTable struct {
	rules []*SoDRule
	// By rule, what is needed of it while counting:
	ids    []RuleID
	bounds []ruleBound
	// By duty:
	ruleOf []int32
	names  []string
	// of are the duties that an entitlement itself stands in.
	of      map[EntitlementID][]int32
	tallies sync.Pool
}

type ruleBound struct {
	limit        int
	includeOwned bool
}

// NewSoDIndex makes an index of rules whose ids differ.
func NewSoDIndex(rules []SoDRule, in Inclusions) *SoDIndex {
	t := &dutyTable{of: map[EntitlementID][]int32{}}
	for _, rule := range rules {
		t.rules = append(t.rules, &rule)
	}
	slices.SortFunc(t.rules, func(a, b *SoDRule) int { return cmp.Compare(a.ID(), b.ID()) })
	for n, rule := range t.rules {
		t.ids = append(t.ids, rule.ID())
		t.bounds = append(t.bounds, ruleBound{rule.Limit, rule.IncludeOwned})
		for _, name := range slices.Sorted(maps.Keys(rule.Duties)) {
			for _, id := range rule.Duties[name].Entitlements {
				t.of[id] = append(t.of[id], number(len(t.ruleOf)))
			}
			t.ruleOf = append(t.ruleOf, number(n))
			t.names = append(t.names, name)
		}
	}
	t.tallies.New = func() any { return newTally(t) }
	return &SoDIndex{dutyTable: t, inclusions: in}
}

// number is an index as it is kept where there are many.
func number(index int) int32 { return int32(index) } //nolint:gosec // memory ends before

// with is the index of the same rules under other inclusions.
func (x *SoDIndex) with(in Inclusions) *SoDIndex { return &SoDIndex{x.dutyTable, in} }

// touches are the duties that whoever holds an entitlement has, by number; one
// may stand twice.
func (x *SoDIndex) touches(id EntitlementID) []int32 {
	if len(x.inclusions[id]) == 0 {
		return x.of[id]
	}
	var touched []int32
	seen, queue := map[EntitlementID]bool{id: true}, []EntitlementID{id}
	for len(queue) > 0 {
		from := queue[0]
		queue = queue[1:]
		touched = append(touched, x.of[from]...)
		for _, to := range x.inclusions[from] {
			if !seen[to] {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	return touched
}

// Touches reports whether an entitlement stands in a duty, or includes one that
// does.
func (x *SoDIndex) Touches(id EntitlementID) bool { return len(x.touches(id)) > 0 }

// broken finds the rules that adding to what is held would break, by number,
// rising; with all, every rule of which adding touches a duty.
func (x *SoDIndex) broken(subject IdentityID, held, adding []Holding, all bool) []int32 {
	t := x.tallies.Get().(*tally)
	defer x.tallies.Put(t)
	t.begin()
	var asked []int32
	for _, h := range adding {
		for _, d := range x.touches(h.Entitlement) {
			if rule := x.ruleOf[d]; x.counts(h, rule, subject) && t.want(rule) {
				asked = append(asked, rule)
			}
		}
	}
	if len(asked) == 0 {
		return nil
	}
	for _, some := range [][]Holding{held, adding} {
		for _, h := range some {
			for _, d := range x.touches(h.Entitlement) {
				if rule := x.ruleOf[d]; t.wanted(rule) && x.counts(h, rule, subject) {
					t.add(d, rule)
				}
			}
		}
	}
	slices.Sort(asked)
	return slices.DeleteFunc(asked, func(rule int32) bool { return !all && t.count(rule) <= x.bounds[rule].limit })
}

// counts reports whether a holding of somebody of the actor counts for a rule
// when subject is asked about.
func (x *SoDIndex) counts(h Holding, rule int32, subject IdentityID) bool {
	return h.Identity == subject || x.bounds[rule].includeOwned
}

func (x *SoDIndex) named(rules []int32) []RuleID {
	if len(rules) == 0 {
		return nil
	}
	slices.Sort(rules)
	ids := make([]RuleID, len(rules))
	for i, rule := range rules {
		ids[i] = x.ids[rule]
	}
	return ids
}
