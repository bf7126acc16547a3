package governance

import "time"

// Possession is what an identity was observed to have, with the grants that
// policy gave it.
type Possession struct {
	// Held are the assignments on the identity's accounts.
	Held []Holding
	// Inclusions are at least those from what is held.
	Inclusions Inclusions
	// Grants are the identity's.
	Grants []Grant
}

// Usable is what an identity may use, each until its time; the zero time is
// without an end.
type Usable map[EntitlementID]time.Time

// At reports whether the entitlement may be used at now.
func (u Usable) At(now time.Time, id EntitlementID) bool {
	until, ok := u[id]
	return ok && (until.IsZero() || now.Before(until))
}

// Usable is what policy stands behind of what an identity was observed to have.
// An active grant stands behind its own assignment and behind all that it
// includes, until the grant's end. Apart from grants, an entitlement that is
// held, directly or through another, may be used when it is itself declared
// with standing allowed. What nobody declared, what is declared with standing
// forbidden, and a grant whose assignment was not observed allow nothing.
func (s *PolicySet) Usable(p Possession) Usable {
	usable := Usable{}
	granted := map[assignmentKey]time.Time{}
	for _, g := range p.Grants {
		key := assignmentKey{g.Account, g.Entitlement}
		if g.State == GrantActive && g.dueAt().After(granted[key]) {
			granted[key] = g.dueAt()
		}
	}
	for _, h := range p.Held {
		until := granted[assignmentKey{h.Account, h.Entitlement}]
		for id := range p.Inclusions.Closure(h.Entitlement) {
			if declared := s.Entitlements[id]; declared != nil && declared.Standing == StandingAllowed {
				usable[id] = time.Time{}
				continue
			}
			if until.After(usable[id]) {
				usable[id] = until
			}
		}
	}
	return usable
}
