package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// GrantView is a grant with how its unfinished operation fares.
type GrantView struct {
	governance.Grant
	LastError string
	Attempts  int64
}

// Return ends a grant by its holder's wish.
func (a *Access) Return(ctx context.Context, by journal.Actor, id governance.GrantID, comment string) (GrantView, error) {
	return a.end(ctx, by, id, grants.Cause{Reason: governance.EndReturned, Comment: comment}, func(g governance.Grant) error {
		if g.Identity != by.Identity {
			return fault.New(fault.Forbidden, "grant %s is held by %s; only they return it (an administrator revokes it)", id, g.Identity)
		}
		return nil
	})
}

// Revoke ends a grant by somebody else's word; whether they may is checked by
// the caller.
func (a *Access) Revoke(ctx context.Context, by journal.Actor, id governance.GrantID, comment string) (GrantView, error) {
	return a.end(ctx, by, id, grants.Cause{Reason: governance.EndRevokedBy, Comment: comment}, func(governance.Grant) error { return nil })
}

func (a *Access) end(ctx context.Context, by journal.Actor, id governance.GrantID, cause grants.Cause, may func(governance.Grant) error) (GrantView, error) {
	var view GrantView
	err := a.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		// Who wants a grant to end is not sent away because it is being moved.
		if _, err := tx.HoldGrant(ctx, string(id)); err != nil {
			return fmt.Errorf("hold grant %s: %w", id, err)
		}
		g, err := grants.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := may(g.Grant); err != nil {
			return err
		}
		ended, err := grants.End(ctx, tx, g, cause)
		view = GrantView{Grant: ended.Grant}
		return err
	})
	return view, err
}

// GetGrant reads one grant.
func (a *Access) GetGrant(ctx context.Context, id governance.GrantID) (GrantView, error) {
	var row sqlc.GetGrantWithOperationRow
	err := a.Journal.Glance(ctx, func(ctx context.Context, q *store.Queries) (err error) {
		row, err = q.GetGrantWithOperation(ctx, string(id))
		return err
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return GrantView{}, grants.Unknown(id)
	case err != nil:
		return GrantView{}, fmt.Errorf("read grant %s: %w", id, err)
	}
	g, err := grants.Read(row.Body)
	return GrantView{Grant: g.Grant, LastError: row.LastError, Attempts: row.Attempts}, err
}

// GrantFilter picks grants; empty members pick all.
type GrantFilter struct {
	State    governance.GrantState
	Identity governance.IdentityID
	Live     bool
}

// ListGrants reads grants, oldest first.
func (a *Access) ListGrants(ctx context.Context, filter GrantFilter) ([]GrantView, error) {
	var views []GrantView
	err := a.Journal.Read(ctx, func(tx *journal.Tx) error {
		views = []GrantView{}
		list, err := filter.read(ctx, tx)
		if err != nil {
			return err
		}
		operations, err := tx.ListOpenOperations(ctx)
		if err != nil {
			return fmt.Errorf("read operations: %w", err)
		}
		at := map[governance.GrantID]int{}
		for _, g := range list {
			if (filter.State == "" || g.State == filter.State) && (filter.Identity == "" || g.Identity == filter.Identity) && (!filter.Live || g.State.Live()) {
				at[g.ID] = len(views)
				views = append(views, GrantView{Grant: g.Grant})
			}
		}
		for _, op := range operations {
			if i, ok := at[governance.GrantID(op.GrantID)]; ok && op.Kind != string(grants.OperationVerify) {
				views[i].LastError, views[i].Attempts = op.LastError, op.Attempts
			}
		}
		return nil
	})
	sortByID(views, func(v GrantView) string { return string(v.ID) })
	return views, err
}

func (f GrantFilter) read(ctx context.Context, tx *journal.Tx) ([]grants.Stored, error) {
	switch {
	case f.Identity != "":
		return grants.List(tx.ListGrantsOf(ctx, string(f.Identity)))
	case f.Live:
		return grants.List(tx.ListLiveGrants(ctx))
	}
	return grants.List(tx.ListGrants(ctx))
}
