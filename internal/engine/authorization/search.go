package authorization

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Subjects lists all subjects of a question's subject type for whom its answer
// is yes, by id.
func (z *Authorization) Subjects(ctx context.Context, q Question) ([]governance.IdentityID, error) {
	if q.Resource.Type != TypeEntitlement {
		return nil, nil
	}
	switch q.Action {
	case Use:
		return z.users(ctx, q)
	case Request:
		return z.requesters(ctx, q)
	}
	return nil, nil
}

func (z *Authorization) users(ctx context.Context, q Question) ([]governance.IdentityID, error) {
	var users []governance.IdentityID
	err := z.journal.Read(ctx, func(tx *journal.Tx) error {
		users = nil
		candidates, err := tx.ListHolders(ctx, string(q.Resource.ID))
		if err != nil {
			return err
		}
		for _, candidate := range candidates {
			id := governance.IdentityID(candidate)
			h, err := z.readHolder(ctx, tx, id)
			if err != nil {
				return err
			}
			if h.may(q.Subject, tx.Now) && h.usable.At(tx.Now, q.Resource.ID) {
				users = append(users, id)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("search for users of %s: %w", q.Resource.ID, err)
	}
	slices.Sort(users)
	return users, nil
}

func (z *Authorization) requesters(ctx context.Context, q Question) ([]governance.IdentityID, error) {
	identities, err := z.access.Requesters(ctx, q.ask())
	if err != nil {
		return nil, err
	}
	var requesters []governance.IdentityID
	for _, identity := range identities {
		if q.Subject.is(identity.Type) {
			requesters = append(requesters, identity.ID())
		}
	}
	return requesters, nil
}

// Resources lists all entitlements for which the question's answer is yes, by
// id.
func (z *Authorization) Resources(ctx context.Context, q Question) ([]governance.EntitlementID, error) {
	if q.Resource.Type != TypeEntitlement {
		return nil, nil
	}
	switch q.Action {
	case Use:
		h, now, err := z.holder(ctx, q.Subject)
		return usableAt(h.usable, now), err
	case Request:
		return z.requestable(ctx, q)
	}
	return nil, nil
}

func usableAt(usable governance.Usable, now time.Time) []governance.EntitlementID {
	var ids []governance.EntitlementID
	for id := range usable {
		if usable.At(now, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (z *Authorization) requestable(ctx context.Context, q Question) ([]governance.EntitlementID, error) {
	ask := q.ask()
	ask.Entitlements = nil
	openings, err := z.openings(ctx, q.Subject, ask)
	var ids []governance.EntitlementID
	for _, o := range openings {
		if o.Certainty != governance.Never {
			ids = append(ids, o.Entitlement)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// Actions lists all actions for which the question's answer is yes, by name.
func (z *Authorization) Actions(ctx context.Context, q Question) ([]string, error) {
	var actions []string
	for _, action := range []string{Request, Use} {
		q.Action = action
		may, err := z.Evaluate(ctx, q)
		if err != nil {
			return nil, err
		}
		if may {
			actions = append(actions, action)
		}
	}
	return actions, nil
}
