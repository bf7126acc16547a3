package separation

import (
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// stint is the estate as Stint keeps it in memory.
type stint struct {
	estate *governance.Estate
	// Names in the order of their numbers.
	identities   []governance.IdentityID
	entitlements []governance.EntitlementID
}

// declared is the estate in the words of the engine, before it is made ready.
type declared struct {
	stint
	rules   []governance.SoDRule
	members []governance.Member
}

func declare(e estate) declared {
	var d declared
	for n := range entitlements {
		d.entitlements = append(d.entitlements, governance.NewEntitlementID("billing", "role", fmt.Sprintf("role_%d", n)))
	}
	for n, rule := range e.rules {
		d.rules = append(d.rules, governance.SoDRule{
			Name: fmt.Sprintf("rule-%d", n), Mode: governance.SoDDeny, Limit: 1, IncludeOwned: true,
			Duties: map[string]governance.Duty{"create": {Entitlements: d.named(rule[0])}, "approve": {Entitlements: d.named(rule[1])}},
		})
	}
	for n, held := range e.held {
		id := governance.IdentityID(fmt.Sprintf("person-%d", n))
		d.identities = append(d.identities, id)
		d.members = append(d.members, governance.Member{Identity: id, Held: d.named(held)})
	}
	return d
}

func (d declared) named(numbers []uint32) []governance.EntitlementID {
	ids := make([]governance.EntitlementID, len(numbers))
	for i, n := range numbers {
		ids[i] = d.entitlements[n]
	}
	return ids
}

// ready makes the estate that is asked; everybody is an actor alone.
func (d declared) ready() stint {
	d.estate = governance.NewSoDIndex(d.rules, nil).NewEstate()
	for _, member := range d.members {
		d.estate.Add(member)
	}
	return d.stint
}

func (s stint) detect() (conflicts int) {
	for range s.estate.Detect() {
		conflicts++
	}
	return conflicts
}

func (s stint) whatIf(t try) int {
	return len(s.estate.WhatIf(s.identities[t.identity], s.entitlements[t.more]))
}
