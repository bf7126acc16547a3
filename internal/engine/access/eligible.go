package access

import (
	"context"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Eligibility is what an identity could request, on one revision.
type Eligibility struct {
	Revision int64
	Openings []governance.Opening
}

// Eligible lists what the identity of an ask could request: all templates and
// entitlements, narrowed by those that it names. What the ask says of account,
// event, duration and justification counts as known; the rest is open.
func (a *Access) Eligible(ctx context.Context, ask Ask) (Eligibility, error) {
	var eligibility Eligibility
	err := a.Journal.Read(ctx, func(tx *journal.Tx) error {
		set, question, err := a.question(ctx, tx, ask)
		if err != nil {
			return err
		}
		question.Entitlements = ask.Entitlements
		for id := range set.Entitlements {
			if err := missing(ctx, tx, &question, id); err != nil {
				return err
			}
		}
		eligibility = Eligibility{Revision: set.Revision, Openings: set.Eligible(question)}
		return nil
	})
	if err != nil {
		return Eligibility{}, fmt.Errorf("list what %s could request: %w", ask.Identity, err)
	}
	return eligibility, nil
}
