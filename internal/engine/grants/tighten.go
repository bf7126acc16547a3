package grants

import (
	"context"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// TightenTo brings the end of an event's grants forward where the event ends
// earlier than they do.
func TightenTo(ctx context.Context, tx *journal.Tx, event governance.EventID, end time.Time) error {
	live, err := List(tx.ListLiveGrantsOfEvent(ctx, string(event)))
	if err != nil {
		return err
	}
	for _, g := range live {
		tightened := g.Tighten(end)
		if g.State == governance.GrantRevoking || tightened.NotAfter.Equal(g.NotAfter) {
			continue
		}
		if _, err := Update(ctx, tx, g, tightened); err != nil {
			return err
		}
		if err := Record(tx, "grant.tightened", tightened, evidence.Fields{"not_after": tightened.NotAfter}); err != nil {
			return err
		}
	}
	return nil
}
