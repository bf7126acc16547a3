package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// LedgerGrown reports whether it is time to settle the ledger.
func (j *Journal) LedgerGrown() bool { return j.ledger.Grown() }

// SettleLedger compares what the ledger and the database say of grants that a
// target was called for. What the database does not know is given back, and stays
// in the ledger until the database knows it. A database that comes from a backup
// and was not accepted yet does not know of what was only scheduled in it whether
// it was given later, nor of what it has cancelled since.
func (j *Journal) SettleLedger(ctx context.Context) (unknown []governance.Grant, err error) {
	return j.ledger.Settle(func(ids []governance.GrantID) (standing []governance.Grant, all map[governance.GrantID]bool, err error) {
		err = away(j.store.Read(ctx, func(q *store.Queries) error {
			standing, all = nil, map[governance.GrantID]bool{}
			state, err := q.GetState(ctx)
			if err != nil {
				return fmt.Errorf("read state: %w", err)
			}
			live, err := q.ListLiveGrants(ctx)
			if err != nil {
				return fmt.Errorf("read live grants: %w", err)
			}
			lingering, err := q.ListEveryLingeringGrant(ctx)
			if err != nil {
				return fmt.Errorf("read lingering grants: %w", err)
			}
			for _, body := range slices.Concat(live, lingering) {
				var g governance.Grant
				if err := json.Unmarshal([]byte(body), &g); err != nil {
					continue // it is in the database, for whoever puts it right
				}
				if _, unseen := g.Unseen(); g.CalledFor() || unseen {
					all[g.ID], standing = true, append(standing, g)
				}
			}
			for _, id := range ids {
				if all[id] {
					continue
				}
				body, err := q.GetGrant(ctx, string(id))
				if errors.Is(err, sql.ErrNoRows) {
					continue
				}
				if err != nil {
					return fmt.Errorf("look for grant %s: %w", id, err)
				}
				var g governance.Grant
				err = json.Unmarshal([]byte(body), &g)
				all[id] = err != nil || state.RestoredAt == 0 || !g.NeverCalled()
			}
			return nil
		}))
		return standing, all, err
	})
}
