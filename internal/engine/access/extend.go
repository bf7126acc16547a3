package access

import (
	"context"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Extend asks for more time for an active grant of the caller's own. It is a
// request like any other: policy decides it, and the template's stages approve
// it. duration is nil for the template's default.
func (a *Access) Extend(ctx context.Context, by journal.Actor, id governance.GrantID, duration *governance.Duration, justification string) (RequestView, error) {
	var g grants.Stored
	err := a.Journal.Read(ctx, func(tx *journal.Tx) (err error) {
		g, err = grants.Get(ctx, tx, id)
		return err
	})
	if err != nil {
		return RequestView{}, err
	}
	if g.Identity != by.Identity {
		return RequestView{}, fault.New(fault.Forbidden, "grant %s is held by %s; only they ask for more time", id, g.Identity)
	}
	return a.Request(ctx, by, Ask{
		Identity: g.Identity, Template: g.Template, Entitlements: []governance.EntitlementID{g.Entitlement}, Account: g.Account,
		BusinessEvent: string(g.BusinessEvent), Duration: duration, Justification: justification, Extends: id,
	})
}

// extend gives a grant the later end that a request was granted for.
func extend(ctx context.Context, tx *journal.Tx, q governance.Question, r governance.Request) error {
	was, err := grants.Get(ctx, tx, r.Extends)
	if err != nil {
		return err
	}
	extended, err := was.Extend(r, q.Event, tx.Now)
	if err != nil {
		return err
	}
	if _, err := grants.Update(ctx, tx, was, extended); err != nil {
		return err
	}
	return grants.Record(tx, "grant.extended", extended, evidence.Fields{"request": r.ID, "was": was.NotAfter, "not_after": extended.NotAfter})
}

// lapseExtension ends a pending extension whose grant is active no more.
func lapseExtension(ctx context.Context, tx *journal.Tx, id string) error {
	was, err := getRequest(ctx, tx, governance.RequestID(id))
	if err != nil {
		return err
	}
	g, err := grants.Get(ctx, tx, was.Extends)
	if err != nil {
		return fmt.Errorf("extension %s: %w", id, err)
	}
	lapsed, due := was.LapseWith(g.Grant, tx.Now)
	if !due {
		return nil
	}
	if err := updateRequest(ctx, tx, was, lapsed); err != nil {
		return err
	}
	return recordRequest(tx, lapsed, evidence.Fields{"grant_state": g.State})
}
