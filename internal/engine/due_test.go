package engine_test

import (
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Whatever fails each time that it is due stands before everything that is due
// later.
func TestGrantsThatCannotBeReadHideNoneThatIsDue(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		held := h.granted("alice", "", reader)
		before := h.grant(held).CreatedAt.Add(-time.Hour)
		if err := h.engine.Journal.Bookkeep(t.Context(), func(tx *journal.Tx) error {
			for range 600 {
				if err := tx.InsertGrant(t.Context(), sqlc.InsertGrantParams{
					ID: tx.NewID(), State: string(governance.GrantActive), Live: true, DueAt: store.NullMicros(&before), Body: "{",
				}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(2 * time.Hour)
		h.ended(held, governance.EndExpired, governance.OutcomeRemoved)
	})
}
