package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// dueEvery is how often what is due by time alone is looked for. It bounds how
// late an end begins.
const dueEvery = 100 * time.Millisecond

// forgetEvery is how often calls are dropped that are known no more.
const forgetEvery = 10 * time.Minute

// Run brings about what is due until ctx ends: grants that are over, events that
// have ended, approval stages and reviews that ran out of time, and grants that
// something has changed for, which are decided again. All of it is found by index
// in the database, so a restart loses nothing.
func (a *Access) Run(ctx context.Context) error {
	var wait sync.WaitGroup
	defer wait.Wait()
	// Many grants that are over do not delay the rest, nor the rest them.
	wait.Go(func() { a.repeat(ctx, dueEvery, a.endGrants) })
	wait.Go(func() { a.repeat(ctx, forgetEvery, a.Journal.ForgetCalls) })
	a.repeat(ctx, dueEvery, a.due)
	return nil
}

func (a *Access) repeat(ctx context.Context, every time.Duration, due func(context.Context) error) {
	var pace journal.Pace
	for {
		err := due(ctx)
		if err != nil && ctx.Err() == nil {
			a.Logger.Error("what is due is not all brought about; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-a.Journal.After(pace.Pause(every, err)):
		}
	}
}

// Due brings about everything that is due now.
func (a *Access) Due(ctx context.Context) error { return errors.Join(a.endGrants(ctx), a.due(ctx)) }

// due brings about everything that is due now, except for grants that are over.
// One thing that fails does not hold up another.
func (a *Access) due(ctx context.Context) error {
	var due struct{ events, requests, extensions, marked []string }
	if err := a.Journal.Read(ctx, func(tx *journal.Tx) (err error) {
		now := store.NullInt(store.Micros(tx.Now))
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
	}{{due.events, "business event", closeDue}, {due.requests, "request", timeOutDue}, {due.extensions, "extension", lapseExtension}} {
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

// endAtOnce is how many grants end in one transaction.
const endAtOnce = 250

// endGrants ends all grants that are over, those first that are due the longest.
func (a *Access) endGrants(ctx context.Context) error {
	var errs []error
	from := sqlc.GrantsDueParams{AfterDue: store.NullInt(math.MinInt64), LimitTo: endAtOnce}
	for {
		var due []sqlc.GrantsDueRow
		if err := a.Journal.Read(ctx, func(tx *journal.Tx) (err error) {
			from.Now = store.NullInt(store.Micros(tx.Now))
			due, err = tx.GrantsDue(ctx, from)
			return err
		}); err != nil {
			return fmt.Errorf("look for grants that are over: %w", err)
		}
		if len(due) == 0 {
			return errors.Join(errs...)
		}
		from.AfterDue, from.AfterID = due[len(due)-1].DueAt, due[len(due)-1].ID
		errs = append(errs, a.endTogether(ctx, due))
	}
}

func (a *Access) endTogether(ctx context.Context, due []sqlc.GrantsDueRow) error {
	slices.SortFunc(due, func(a, b sqlc.GrantsDueRow) int { return cmp.Compare(a.ID, b.ID) }) // so that two processes never wait for each other
	err := a.Journal.WriteTogether(ctx, journal.Engine(), func(tx *journal.Tx) error {
		for _, row := range due {
			g, err := grants.Read(row.Body)
			if err != nil {
				return fmt.Errorf("grant %s: %w", row.ID, err)
			}
			if _, err := grants.EndDue(ctx, tx, g); err != nil {
				return fmt.Errorf("grant %s: %w", row.ID, err)
			}
		}
		return nil
	})
	if err == nil || errors.Is(err, store.ErrMoved) || errors.Is(err, grants.ErrMoved) {
		return nil // another process was faster; what it left is found again
	}
	// One of them failed the whole batch: take them one by one.
	var errs []error
	for _, row := range due {
		errs = append(errs, a.inBatches(ctx, []string{row.ID}, "grant", func(ctx context.Context, tx *journal.Tx, id string) error {
			g, err := grants.Get(ctx, tx, governance.GrantID(id))
			if err != nil {
				return err
			}
			_, err = grants.EndDue(ctx, tx, g)
			return err
		}))
	}
	return errors.Join(errs...)
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
	if overdue, due := was.FallOverdue(tx.Now); due {
		return reviewOverdue(ctx, tx, was, overdue)
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
