package accesstest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// matchers are the compiled conditions of an invariant; nil where there is none.
type matchers struct {
	identity    *policyenv.IdentityMatcher
	entitlement *policyenv.EntitlementMatcher
}

// Check reports what is wrong with the conditions of invariants, in the light of
// what is declared.
func (b *Bench) Check(file *File) Diagnostics {
	var found Diagnostics
	for _, n := range file.Nevers {
		_, diags := b.compile(n)
		found = append(found, diags...)
	}
	return found
}

func (b *Bench) compile(n Never) (matchers, Diagnostics) {
	identity, found := compile(n.Identity, "identity", func(src string) (*policyenv.IdentityMatcher, condition.Diagnostics) {
		return policyenv.CompileIdentityMatcher(src, b.set.Attributes.ForConditions())
	})
	entitlement, diags := compile(n.Entitlement, "entitlement", policyenv.CompileEntitlementMatcher)
	return matchers{identity, entitlement}, append(found, diags...)
}

// never checks one invariant against everybody.
func (b *Bench) never(n Never, result Result) Result {
	result.Outcome = Passed
	m, diags := b.compile(n)
	if len(diags) > 0 {
		result.Outcome, result.Error = Errored, diags.Error()
		return result
	}
	forbidden, err := b.forbidden(m)
	if err != nil {
		result.Outcome, result.Error = Errored, err.Error()
		return result
	}
	for _, id := range slices.Sorted(maps.Keys(b.people)) {
		person := b.people[id]
		bound, err := b.binds(m, person)
		if err != nil {
			result.Breaches = append(result.Breaches, Breach{Identity: id, Error: err.Error()})
		}
		if bound {
			result.Breaches = append(result.Breaches, b.held(person, forbidden)...)
			result.Breaches = append(result.Breaches, b.requestable(person, forbidden)...)
		}
	}
	if len(result.Breaches) > 0 {
		result.Outcome = Failed
	}
	return result
}

// forbidden are the entitlements that the invariant speaks of.
func (b *Bench) forbidden(m matchers) (map[governance.EntitlementID]bool, error) {
	matched := map[governance.EntitlementID]bool{}
	for _, id := range slices.Sorted(maps.Keys(b.set.Entitlements)) {
		if m.entitlement == nil {
			matched[id] = true
			continue
		}
		holds, err := m.entitlement.Match(b.set.Entitlements[id].Input())
		if err != nil {
			return nil, fmt.Errorf("the condition on entitlements cannot be evaluated for %q: %w", id, err)
		}
		if holds {
			matched[id] = true
		}
	}
	return matched, nil
}

func (b *Bench) binds(m matchers, person governance.Person) (bool, error) {
	if m.identity == nil {
		return true, nil
	}
	bound, err := m.identity.Match(b.set.Attributes.Identity(person))
	if err != nil {
		return false, fmt.Errorf("the condition on identities cannot be evaluated: %w", err)
	}
	return bound, nil
}

// held lists the forbidden entitlements that a person has in effect.
func (b *Bench) held(person governance.Person, forbidden map[governance.EntitlementID]bool) []Breach {
	var breaches []Breach
	seen := map[governance.EntitlementID]bool{}
	for _, h := range b.estate.Holdings {
		if h.Identity != person.ID() {
			continue
		}
		paths := b.estate.Inclusions.Closure(h.Entitlement)
		for _, id := range slices.Sorted(maps.Keys(paths)) {
			if forbidden[id] && !seen[id] {
				seen[id] = true
				breaches = append(breaches, Breach{Identity: person.ID(), Entitlement: id, Holding: &h, Path: paths[id]})
			}
		}
	}
	return breaches
}

// requestable lists the forbidden entitlements that a person could request now or
// at any time, for whatever reason. What comes along with an entitlement counts
// like the entitlement. What can change from one day to the next is no obstacle:
// that the person is suspended, has no account, or holds a duty that excludes it.
func (b *Bench) requestable(person governance.Person, forbidden map[governance.EntitlementID]bool) []Breach {
	q := governance.Question{Identity: active(person), Inclusions: b.estate.Inclusions, Accounts: b.accounts(person.Identity, false)}
	if owner, ok := b.people[person.Owner]; ok {
		owner = active(owner)
		q.Owner = &owner
	}
	var breaches []Breach
	for _, opening := range b.set.Eligible(q) {
		if opening.Certainty == governance.Never {
			continue
		}
		paths := b.estate.Inclusions.Closure(opening.Entitlement)
		for _, id := range slices.Sorted(maps.Keys(paths)) {
			if forbidden[id] {
				breaches = append(breaches, Breach{Identity: person.ID(), Entitlement: id, Opening: &opening, Path: paths[id]})
			}
		}
	}
	return breaches
}

// active is a person who is no longer suspended; who has left does not come back.
func active(person governance.Person) governance.Person {
	if person.Status == governance.Suspended {
		person.Status = governance.Active
	}
	return person
}
