package governance

import "iter"

// Estate is who holds what, made ready to look for conflicts in all of it and
// to try what one entitlement more would do. It is built by one goroutine; after
// that it is safe for concurrent use.
type Estate struct {
	index *SoDIndex
	// numbers are those of the entitlements that touch a duty; all others are
	// untouched, and holding them is not kept.
	numbers map[EntitlementID]int32
	// duties of entitlement n are duties[starts[n]:starts[n+1]].
	starts, duties []int32
	// held are the entitlements of all members, one member after the other.
	held    []int32
	members []member
	// ends are the ends of the actors in members.
	ends   []int32
	places map[IdentityID]place
}

const untouched = -1

type member struct {
	identity   IdentityID
	first, end int32 // in held
}

// place is where an identity stands among the members, and its actor.
type place struct{ member, actor int32 }

// Member is an identity with the entitlements that it holds directly.
type Member struct {
	Identity IdentityID
	Held     []EntitlementID
}

// Conflict is a rule that is broken by what is held.
type Conflict struct {
	Rule RuleID
	// Identity breaks the rule. Where the owned are included, it stands for its
	// whole actor.
	Identity IdentityID
}

// NewEstate is an estate in which nobody holds anything.
func (x *SoDIndex) NewEstate() *Estate {
	return &Estate{index: x, numbers: map[EntitlementID]int32{}, starts: []int32{0}, places: map[IdentityID]place{}}
}

// Add adds one actor: the identity that answers for it first, then those that it
// owns. An identity is added once.
func (e *Estate) Add(actor ...Member) {
	for _, m := range actor {
		e.places[m.Identity] = place{number(len(e.members)), number(len(e.ends))}
		first := number(len(e.held))
		for _, id := range m.Held {
			if n := e.entitlement(id); n != untouched {
				e.held = append(e.held, n)
			}
		}
		e.members = append(e.members, member{m.Identity, first, number(len(e.held))})
	}
	e.ends = append(e.ends, number(len(e.members)))
}

func (e *Estate) entitlement(id EntitlementID) int32 {
	if n, known := e.numbers[id]; known {
		return n
	}
	n := int32(untouched)
	if touched := e.index.touches(id); len(touched) > 0 {
		n = number(len(e.starts) - 1)
		e.duties = append(e.duties, touched...)
		e.starts = append(e.starts, number(len(e.duties)))
	}
	e.numbers[id] = n
	return n
}

func (e *Estate) membersOf(actor int32) []member {
	if actor == 0 {
		return e.members[:e.ends[0]]
	}
	return e.members[e.ends[actor-1]:e.ends[actor]]
}

// scope picks rules by whom they look at.
type scope uint8

const (
	everyRule scope = iota
	rulesOnActors
	rulesOnMembers
)

// Detect finds the rules that are broken by what is held, actor by actor; each
// once for an identity or, where the owned are included, for an actor.
func (e *Estate) Detect() iter.Seq[Conflict] {
	return func(yield func(Conflict) bool) {
		t := e.index.tallies.Get().(*tally)
		defer e.index.tallies.Put(t)
		for actor := range e.ends {
			if !e.detect(t, e.membersOf(number(actor)), yield) {
				return
			}
		}
	}
}

// detect spares an actor of one member the second look.
func (e *Estate) detect(t *tally, members []member, yield func(Conflict) bool) bool {
	t.begin()
	if len(members) == 1 {
		return e.tallyUp(t, members[0], members[0].identity, everyRule, yield)
	}
	for _, m := range members {
		if !e.tallyUp(t, m, members[0].identity, rulesOnActors, yield) {
			return false
		}
	}
	for _, m := range members {
		t.begin()
		if !e.tallyUp(t, m, m.identity, rulesOnMembers, yield) {
			return false
		}
	}
	return true
}

// tallyUp adds what a member holds and yields a rule in the moment in which it
// is broken.
func (e *Estate) tallyUp(t *tally, m member, subject IdentityID, rules scope, yield func(Conflict) bool) bool {
	x := e.index
	for _, n := range e.held[m.first:m.end] {
		for _, d := range e.duties[e.starts[n]:e.starts[n+1]] {
			rule := x.ruleOf[d]
			bound := x.bounds[rule]
			if rules != everyRule && bound.includeOwned != (rules == rulesOnActors) {
				continue
			}
			if t.add(d, rule) == bound.limit+1 && !yield(Conflict{x.ids[rule], subject}) {
				return false
			}
		}
	}
	return true
}

// WhatIf finds the rules that an identity would break with one entitlement more,
// or would go on breaking; sorted by id. They are those of
// [PolicySet.Violations]. An identity that was not added holds nothing.
func (e *Estate) WhatIf(identity IdentityID, more EntitlementID) []RuleID {
	touched := e.touches(more)
	if len(touched) == 0 {
		return nil
	}
	t := e.index.tallies.Get().(*tally)
	defer e.index.tallies.Put(t)
	t.begin()
	for _, d := range touched {
		rule := e.index.ruleOf[d]
		t.want(rule)
		t.add(d, rule)
	}
	if at, added := e.places[identity]; added {
		for _, m := range e.membersOf(at.actor) {
			e.tallyWanted(t, m, m.identity == identity)
		}
	}
	var broken []int32
	for _, d := range touched {
		if rule := e.index.ruleOf[d]; t.unwant(rule) && t.count(rule) > e.index.bounds[rule].limit {
			broken = append(broken, rule)
		}
	}
	return e.index.named(broken)
}

func (e *Estate) touches(id EntitlementID) []int32 {
	switch n, known := e.numbers[id]; {
	case !known:
		return e.index.touches(id)
	case n == untouched:
		return nil
	default:
		return e.duties[e.starts[n]:e.starts[n+1]]
	}
}

// tallyWanted adds what a member holds, own or of another member of its actor.
func (e *Estate) tallyWanted(t *tally, m member, own bool) {
	x := e.index
	for _, n := range e.held[m.first:m.end] {
		for _, d := range e.duties[e.starts[n]:e.starts[n+1]] {
			if rule := x.ruleOf[d]; t.wanted(rule) && (own || x.bounds[rule].includeOwned) {
				t.add(d, rule)
			}
		}
	}
}
