package discovery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// Nestings keep in memory what the entitlements of each application include, for as
// long as the database says that it is the same. They are safe for concurrent use.
type Nestings struct{ known sync.Map } // of governance.ApplicationID to *nesting

type nesting struct {
	// name is the database's for it.
	name         string
	all, implied governance.Inclusions
}

// Of is what the entitlements of an application include as the transaction sees it:
// all of it, and what of it is implied. It is shared and must not be changed. It is
// not for a transaction that has written inclusions itself.
func (n *Nestings) Of(ctx context.Context, tx *journal.Tx, id governance.ApplicationID) (all, implied governance.Inclusions, err error) {
	name, err := tx.GetNesting(ctx, string(id))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, nil, fmt.Errorf("look for inclusions of %s: %w", id, err)
	}
	found, err := n.named(ctx, tx, id, name)
	if err != nil {
		return nil, nil, err
	}
	return found.all, found.implied, nil
}

func (n *Nestings) named(ctx context.Context, tx *journal.Tx, id governance.ApplicationID, name string) (*nesting, error) {
	if name == "" {
		return &nesting{}, nil
	}
	if known, ok := n.known.Load(id); ok && known.(*nesting).name == name {
		return known.(*nesting), nil
	}
	found := &nesting{name: name}
	var err error
	if found.all, found.implied, err = Inclusions(tx.ListInclusions(ctx, string(id))); err != nil {
		return nil, err
	}
	n.known.Store(id, found)
	return found, nil
}

// Forget drops what is kept of an application; whoever asks has it read again.
func (n *Nestings) Forget(id governance.ApplicationID) { n.known.Delete(id) }

// Outline is what decisions have to know of the applications, as one transaction
// sees it.
type Outline struct {
	// Retired are those that are governed no more.
	Retired  []governance.ApplicationID
	nestings *Nestings
	names    map[governance.ApplicationID]string
}

// Outline reads it.
func (n *Nestings) Outline(ctx context.Context, tx *journal.Tx) (Outline, error) {
	o := Outline{nestings: n, names: map[governance.ApplicationID]string{}}
	rows, err := tx.NotableApplications(ctx)
	if err != nil {
		return o, fmt.Errorf("look for retired applications and inclusions: %w", err)
	}
	for _, row := range rows {
		id := governance.ApplicationID(row.ApplicationID)
		if store.NullTime(row.RetiredAt) != nil {
			o.Retired = append(o.Retired, id)
		}
		o.names[id] = row.Nesting
	}
	return o, nil
}

// From is what some entitlements include, directly or through others, and what of
// that is implied. What else there is does not matter to them, and may be a lot.
func (o Outline) From(ctx context.Context, tx *journal.Tx, ids []governance.EntitlementID) (all, implied governance.Inclusions, err error) {
	all, implied = governance.Inclusions{}, governance.Inclusions{}
	ids = slices.Clone(ids)
	for len(ids) > 0 {
		id := ids[len(ids)-1]
		ids = ids[:len(ids)-1]
		application, _, _, err := id.Split()
		if _, done := all[id]; err != nil || done {
			continue // what is no entitlement's id includes nothing
		}
		found, err := o.nestings.named(ctx, tx, application, o.names[application])
		if err != nil {
			return nil, nil, err
		}
		if included := found.all[id]; included != nil {
			all[id] = included
			ids = append(ids, included...)
		}
		if included := found.implied[id]; included != nil {
			implied[id] = included
		}
	}
	return all, implied, nil
}
