package accesstest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// never checks one invariant against everybody.
func (b *Bench) never(n Never) Result {
	result := Result{Name: n.Name, At: n.At, Outcome: Passed}
	forbidden, err := b.forbidden(n)
	if err != nil {
		result.Outcome, result.Error = Errored, err.Error()
		return result
	}
	for _, id := range slices.Sorted(maps.Keys(b.people)) {
		person := b.people[id]
		bound, err := n.binds(person)
		if err != nil {
			result.Breaches = append(result.Breaches, Breach{Identity: id, Error: err.Error()})
		}
		if bound {
			result.Breaches = append(result.Breaches, b.held(person, forbidden)...)
		}
	}
	if len(result.Breaches) > 0 {
		result.Outcome = Failed
	}
	return result
}

// forbidden are the entitlements that the invariant speaks of.
func (b *Bench) forbidden(n Never) (map[governance.EntitlementID]bool, error) {
	matched := map[governance.EntitlementID]bool{}
	for id, e := range b.set.Entitlements {
		if n.Entitlement == nil {
			matched[id] = true
			continue
		}
		holds, err := n.Entitlement.Match(policyenv.Entitlement{
			ID: string(id), Application: string(e.Application), Kind: e.Kind, NativeID: e.NativeID, Owner: string(e.Owner), Risk: string(e.Risk),
		})
		if err != nil {
			return nil, fmt.Errorf("the condition on entitlements cannot be evaluated for %q: %w", id, err)
		}
		if holds {
			matched[id] = true
		}
	}
	return matched, nil
}

func (n Never) binds(person governance.Person) (bool, error) {
	if n.Identity == nil {
		return true, nil
	}
	bound, err := n.Identity.Match(policyenv.Identity{
		ID: string(person.ID()), Name: person.Name, Type: string(person.Type), Owner: string(person.Owner),
		Manager: string(person.Manager), Groups: person.Groups, Status: string(person.Status),
	})
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
