package discovery

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// moved is what has changed in a target that live grants may rest on.
type moved struct {
	// accounts went, or belong to somebody else now.
	accounts map[governance.AccountID]bool
	// identities had or have such an account, or were seen with a right that
	// stands in a duty.
	identities map[governance.IdentityID]bool
	// entitlements went, came back, or include others than before.
	entitlements map[governance.EntitlementID]bool
}

func newMoved() moved {
	return moved{
		accounts: map[governance.AccountID]bool{}, identities: map[governance.IdentityID]bool{},
		entitlements: map[governance.EntitlementID]bool{},
	}
}

// account notes that an account is not whose it was.
func (m moved) account(id string, was, is string) {
	m.accounts[governance.AccountID(id)] = true
	for _, identity := range []string{was, is} {
		if identity != "" {
			m.identities[governance.IdentityID(identity)] = true
		}
	}
}

// mark has the grants decided again that rest on what moved, with whoever grants
// the like held until the transaction ends.
func (m moved) mark(ctx context.Context, tx *journal.Tx, set *governance.PolicySet, inclusions governance.Inclusions) error {
	if len(m.accounts)+len(m.identities)+len(m.entitlements) == 0 {
		return nil
	}
	on := grants.Reliance{Identities: slices.Sorted(maps.Keys(m.identities))}
	affected := map[governance.EntitlementID]bool{}
	for _, template := range set.Templates {
		for _, id := range template.Entitlements {
			if m.reaches(id, inclusions) {
				affected[id] = true
				on.Templates = append(on.Templates, template.ID())
			}
		}
	}
	if err := on.Hold(ctx, tx); err != nil {
		return err
	}
	marker := grants.NewMarker(ctx, tx)
	for id := range m.accounts {
		marker.Account(id)
	}
	for _, id := range on.Identities {
		person, err := declared.Person(ctx, tx, id)
		if err != nil {
			return err
		}
		if person != nil {
			marker.Actor(person.Root())
		}
	}
	for id := range affected {
		marker.Entitlement(id)
	}
	return marker.Err()
}

// reaches reports whether an entitlement is or includes one that moved.
func (m moved) reaches(id governance.EntitlementID, inclusions governance.Inclusions) bool {
	if len(m.entitlements) == 0 {
		return false
	}
	for included := range inclusions.Closure(id) {
		if m.entitlements[included] {
			return true
		}
	}
	return false
}

// holders notes whose accounts were seen with a right that they were not known to
// have, where a rule speaks of it.
func (w *applier) holders(set *governance.PolicySet, appeared []assignmentKey, inclusions governance.Inclusions) error {
	if len(set.Rules) == 0 || len(appeared) == 0 {
		return nil
	}
	separation := set.Separation(inclusions)
	touching := slices.DeleteFunc(slices.Clone(appeared), func(k assignmentKey) bool {
		return !separation.Touches(governance.EntitlementID(k.entitlement))
	})
	if len(touching) == 0 {
		return nil
	}
	rows, err := w.tx.ListAccounts(w.ctx, string(w.id))
	if err != nil {
		return fmt.Errorf("read accounts of %s: %w", w.id, err)
	}
	owner := make(map[string]string, len(rows))
	for _, row := range rows {
		owner[row.ID] = row.IdentityID
	}
	for _, k := range touching {
		if id := owner[k.account]; id != "" {
			w.moved.identities[governance.IdentityID(id)] = true
		}
	}
	return nil
}
