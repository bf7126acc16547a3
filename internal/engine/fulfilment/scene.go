package fulfilment

import (
	"context"
	"fmt"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// scene is a grant with what bears on it in its account.
type scene struct {
	grant grants.Stored
	// others are the account's other live grants that the target was called
	// for.
	others []grants.Stored
	// abandoned are grants that are over and whose right may stand nevertheless;
	// they are read when a grant begins.
	abandoned []grants.Stored
	implied   governance.Inclusions
}

// newScene makes it of the texts of a grant and of the live grants of its account.
func newScene(body string, live []string, implied governance.Inclusions) (s scene, err error) {
	s.implied = implied
	if s.grant, err = grants.Read(body); err != nil {
		return s, err
	}
	for _, text := range live {
		g, err := grants.Read(text)
		if err != nil {
			return s, err
		}
		if g.ID != s.grant.ID && g.State != governance.GrantScheduled {
			s.others = append(s.others, g)
		}
	}
	return s, nil
}

// comesWith lists what the target puts on the account together with the grant's
// entitlement, without that itself.
func (s scene) comesWith() []governance.EntitlementID {
	var ids []governance.EntitlementID
	for id := range s.implied.Closure(s.grant.Entitlement) {
		if id != s.grant.Entitlement {
			ids = append(ids, id)
		}
	}
	return ids
}

// covered reports whether another live grant holds the entitlement. One that is
// being revoked counts: it takes the right along when its turn comes, the last
// of them with nobody left to cover it.
func (s scene) covered(id governance.EntitlementID) bool {
	for _, other := range s.others {
		if _, holds := s.implied.Closure(other.Entitlement)[id]; holds {
			return true
		}
	}
	return false
}

// stoodBefore says whether the entitlement stood before the first of the live or
// abandoned grants that hold it, given whether it stands now.
func (s scene) stoodBefore(id governance.EntitlementID, now bool) bool {
	for _, other := range slices.Concat(s.others, s.abandoned) {
		if _, holds := s.implied.Closure(other.Entitlement)[id]; !holds || other.Preexisting == nil {
			continue
		}
		if id == other.Entitlement {
			return *other.Preexisting
		}
		for _, stood := range other.Stood {
			if stood == id {
				return true
			}
		}
		return false
	}
	return now
}

// native is an entitlement as its connector names it.
func native(id governance.EntitlementID) (connector.Entitlement, error) {
	_, kind, nativeID, err := id.Split()
	return connector.Entitlement{Kind: kind, NativeID: nativeID}, err
}

func (s scene) change() (connector.Change, error) {
	_, account, err := s.grant.Account.Split()
	if err != nil {
		return connector.Change{}, err
	}
	entitlement, err := native(s.grant.Entitlement)
	return connector.Change{
		Account: account, AccountUID: s.grant.AccountUID, Entitlement: entitlement, EntitlementUID: s.grant.EntitlementUID,
	}, err
}

// read reads whether the grant's account holds an entitlement.
func (j *job) read(ctx context.Context, id governance.EntitlementID) (connector.Reading, error) {
	g := j.scene.grant
	_, account, err := g.Account.Split()
	if err != nil {
		return connector.Reading{}, err
	}
	entitlement, err := native(id)
	if err != nil {
		return connector.Reading{}, err
	}
	change := connector.Change{Account: account, AccountUID: g.AccountUID, Entitlement: entitlement}
	if id == g.Entitlement {
		change.EntitlementUID = g.EntitlementUID
	}
	reading, err := connector.Read(ctx, j.target, change)
	if err != nil {
		return reading, fmt.Errorf("read %s of %s: %w", id, g.Account, err)
	}
	return reading, nil
}
