package discovery

import (
	"fmt"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// names is what a target calls what has a UID there.
type names struct {
	accounts     map[string]governance.AccountID
	entitlements map[entitlementUID]governance.EntitlementID
	// renamed are the entitlements that had another name when they were read last.
	renamed map[governance.EntitlementID]governance.EntitlementID
	// taken are the names in use.
	taken map[string]bool
}

type entitlementUID struct{ kind, uid string }

func (w *applier) names(inv *connector.Inventory) names {
	n := names{
		accounts: map[string]governance.AccountID{}, entitlements: map[entitlementUID]governance.EntitlementID{},
		renamed: map[governance.EntitlementID]governance.EntitlementID{}, taken: map[string]bool{},
	}
	for _, a := range inv.Accounts {
		name := governance.NewAccountID(w.id, a.Name)
		n.taken[string(name)] = true
		if a.UID != "" {
			n.accounts[a.UID] = name
		}
	}
	for _, e := range inv.Entitlements {
		name := governance.NewEntitlementID(w.id, e.Kind, e.NativeID)
		n.taken[string(name)] = true
		if e.UID != "" {
			n.entitlements[entitlementUID{e.Kind, e.UID}] = name
		}
	}
	for _, row := range w.rightRows {
		was := governance.EntitlementID(row.ID)
		if name, there := n.entitlements[entitlementUID{row.Kind, row.Uid}]; there && name != was {
			n.renamed[was] = name
		}
	}
	return n
}

// now is the grant by today's names. anew is not empty when its account or its
// entitlement is gone and another has the name.
func (n names) now(g governance.Grant) (renamed governance.Grant, anew string) {
	accounts, entitlements := map[governance.AccountID]governance.AccountID{}, map[governance.EntitlementID]governance.EntitlementID{}
	for _, id := range g.Stood {
		if name, was := n.renamed[id]; was {
			entitlements[id] = name
		}
	}
	if name, there := n.accounts[g.AccountUID]; there {
		accounts[g.Account] = name
	} else if g.AccountUID != "" && n.taken[string(g.Account)] {
		anew = string(g.Account)
	}
	_, kind, _, _ := g.Entitlement.Split()
	if name, there := n.entitlements[entitlementUID{kind, g.EntitlementUID}]; there {
		entitlements[g.Entitlement] = name
	} else if g.EntitlementUID != "" && n.taken[string(g.Entitlement)] {
		anew = string(g.Entitlement)
	}
	return g.Rename(accounts, entitlements), anew
}

func (n names) disturbs(g governance.Grant) bool {
	renamed, anew := n.now(g)
	if anew != "" {
		return g.State.Live() && g.State != governance.GrantRevoking
	}
	return renamed.Account != g.Account || renamed.Entitlement != g.Entitlement || !slices.Equal(renamed.Stood, g.Stood)
}

// identify moves grants to what the target calls their account and entitlement
// now, and has them decided again. Grants of what was dropped while another was
// given its name end: that is not what was granted.
func (w *applier) identify(inv *connector.Inventory) (renamed []string, err error) {
	n := w.names(inv)
	disturbed, err := w.disturbed(n)
	if err != nil || len(disturbed) == 0 {
		return nil, err
	}
	var on grants.Reliance
	for _, g := range disturbed {
		on.Identities, on.Templates, on.Events = append(on.Identities, g.Identity), append(on.Templates, g.Template), append(on.Events, g.BusinessEvent)
	}
	if err := on.Hold(w.ctx, w.tx); err != nil {
		return nil, err
	}
	if disturbed, err = w.disturbed(n); err != nil {
		return nil, err
	}
	marker := grants.NewMarker(w.ctx, w.tx)
	for _, g := range disturbed {
		now, anew := n.now(g.Grant)
		if anew != "" {
			_, err = grants.End(w.ctx, w.tx, g, grants.Cause{
				Reason: governance.EndIneligible, Detail: fmt.Sprintf("%s is gone from the target, and what is called so now is another", anew),
			})
		} else if err = grants.Rename(w.ctx, w.tx, g, now); err == nil {
			marker.Account(now.Account)
			renamed = append(renamed, fmt.Sprintf("%s holds %s, formerly %s and %s", now.Account, now.Entitlement, g.Account, g.Entitlement))
		}
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(renamed)
	return renamed, marker.Err()
}

// disturbed are the grants that are not of what their names say.
func (w *applier) disturbed(n names) ([]grants.Stored, error) {
	live, err := grants.List(w.tx.ListLiveGrantsOfApplication(w.ctx, string(w.id)))
	if err != nil {
		return nil, err
	}
	lingering, err := grants.List(w.tx.ListLingeringGrants(w.ctx, string(w.id)))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(append(live, lingering...), func(g grants.Stored) bool { return !n.disturbs(g.Grant) }), nil
}
