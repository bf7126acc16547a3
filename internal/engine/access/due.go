package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// dueEvery is how often what is due by time alone is looked for. It bounds how
// late an end begins.
const dueEvery = 100 * time.Millisecond

// Run brings about what is due until ctx ends: grants that are over, events that
// have ended, approval stages that ran out of time, and grants that something has
// changed for, which are decided again. All of it is
// found by index in the database, so a restart loses nothing.
func (a *Access) Run(ctx context.Context) error {
	for {
		if err := a.Due(ctx); err != nil && ctx.Err() == nil {
			a.Logger.Error("what is due is not all brought about; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-a.Journal.After(dueEvery):
		}
	}
}

// Due brings about everything that is due now. One thing that fails does not
// hold up another.
func (a *Access) Due(ctx context.Context) error {
	var due struct{ grants, events, requests, extensions, marked []string }
	if err := a.Journal.Read(ctx, func(tx *journal.Tx) (err error) {
		now := store.NullInt(store.Micros(tx.Now))
		if due.grants, err = tx.GrantsDue(ctx, now); err != nil {
			return err
		}
		if due.events, err = tx.EventsDue(ctx, now.Int64); err != nil {
			return err
		}
		if due.requests, err = tx.RequestsDue(ctx, now); err != nil {
			return err
		}
		if due.extensions, err = tx.ExtensionsDue(ctx); err != nil {
			return err
		}
		due.marked, err = tx.GrantsToRedecide(ctx, now)
		return err
	}); err != nil {
		return fmt.Errorf("look for what is due: %w", err)
	}
	var errs []error
	for _, each := range []struct {
		ids  []string
		what string
		do   func(context.Context, *journal.Tx, string) error
	}{{due.grants, "grant", endDue}, {due.events, "business event", closeDue}, {due.requests, "request", timeOutDue}, {due.extensions, "extension", lapseExtension}} {
		errs = append(errs, a.inBatches(ctx, each.ids, each.what, each.do))
	}
	errs = append(errs, a.redecideMarked(ctx, due.marked))
	return errors.Join(errs...)
}

// batch is how many things become due in one transaction; each leaves evidence
// of its own.
const batch = 50

func (a *Access) inBatches(ctx context.Context, ids []string, what string, do func(context.Context, *journal.Tx, string) error) error {
	var errs []error
	for len(ids) > 0 {
		some := ids[:min(batch, len(ids))]
		ids = ids[len(some):]
		err := a.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) error {
			for _, id := range some {
				if err := do(ctx, tx, id); err != nil {
					return fmt.Errorf("%s %s: %w", what, id, err)
				}
			}
			return nil
		})
		if err == nil || len(some) == 1 {
			errs = append(errs, err)
			continue
		}
		// One of them failed the whole batch: take them one by one.
		for _, id := range some {
			errs = append(errs, a.inBatches(ctx, []string{id}, what, do))
		}
	}
	return errors.Join(errs...)
}

func endDue(ctx context.Context, tx *journal.Tx, id string) error {
	g, err := grants.Get(ctx, tx, governance.GrantID(id))
	if err != nil {
		return err
	}
	reason, due := g.DueReason(tx.Now)
	if !due {
		return nil // another process was faster
	}
	cause := grants.Cause{Reason: reason}
	if reason == governance.EndIneligible {
		cause.Detail = g.Ineligible.Why
	}
	_, err = grants.End(ctx, tx, g, cause)
	return err
}

func closeDue(ctx context.Context, tx *journal.Tx, id string) error {
	row, err := tx.GetEvent(ctx, id)
	if err != nil {
		return err
	}
	event, err := declared.EventFrom(row)
	if err != nil || event.ClosedAt != nil || event.Open(tx.Now) {
		return err
	}
	_, err = closeEvent(ctx, tx, *event)
	return err
}

func timeOutDue(ctx context.Context, tx *journal.Tx, id string) error {
	was, err := getRequest(ctx, tx, governance.RequestID(id))
	if err != nil {
		return err
	}
	timedOut, due := was.TimeOut(tx.Now)
	if !due {
		return nil
	}
	if err := updateRequest(ctx, tx, was, timedOut); err != nil {
		return err
	}
	fields := evidence.Fields{"stage": was.Stages[was.Stage].Name}
	if timedOut.State == governance.RequestPending {
		fields["deadline"] = *timedOut.Deadline
		return recordRequestAs(tx, "request.escalated", timedOut, fields)
	}
	return recordRequest(tx, timedOut, fields)
}
