package grants

import (
	"context"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Disinterested refuses whoever gains from a business event that goes on: who
// holds a live grant for it, or answers for an identity that does, or is
// answered for by the same human.
func Disinterested(ctx context.Context, tx *journal.Tx, event governance.EventID, by governance.IdentityID) error {
	live, err := List(tx.ListLiveGrantsOfEvent(ctx, string(event)))
	if err != nil || len(live) == 0 {
		return err
	}
	decides, err := answersFor(ctx, tx, by)
	if err != nil {
		return err
	}
	for _, g := range live {
		gains, err := answersFor(ctx, tx, g.Identity)
		if err != nil {
			return err
		}
		if gains == decides {
			return fault.New(fault.Forbidden, "%s may not extend business event %s: %s holds grant %s for it, and who gains does not decide; let somebody else extend it", by, event, g.Identity, g.ID)
		}
	}
	return nil
}

// answersFor is the human behind an identity.
func answersFor(ctx context.Context, tx *journal.Tx, id governance.IdentityID) (governance.IdentityID, error) {
	person, err := declared.Person(ctx, tx, id)
	if err != nil {
		return "", fmt.Errorf("read who answers for %s: %w", id, err)
	}
	if person == nil {
		return id, nil
	}
	return person.Root(), nil
}
