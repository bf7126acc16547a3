package access

import (
	"context"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// InvalidateRequests ends the pending requests of an identity because of what has
// become of it.
func InvalidateRequests(ctx context.Context, tx *journal.Tx, id governance.IdentityID, why governance.Reason) error {
	if _, err := tx.HoldPendingRequestsOf(ctx, string(id)); err != nil {
		return fmt.Errorf("hold requests of %s: %w", id, err)
	}
	bodies, err := tx.ListPendingRequestsOf(ctx, string(id))
	if err != nil {
		return fmt.Errorf("read requests of %s: %w", id, err)
	}
	for _, body := range bodies {
		was, err := decodeRequest(body)
		if err != nil {
			return err
		}
		request, err := was.Invalidate(why, tx.Now)
		if err != nil {
			return err
		}
		if err := updateRequest(ctx, tx, was, request); err != nil {
			return err
		}
		if err := recordRequest(tx, request, evidence.Fields{}); err != nil {
			return err
		}
	}
	return nil
}
