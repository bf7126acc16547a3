package operations

import (
	"context"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// watchEvery is how often overdue revocations are looked for.
const watchEvery = time.Second

// loudest is how many overdue revocations of one application get a line of their
// own in the log at a time.
const loudest = 20

// Run speaks up about revocations that become overdue, until ctx ends: by time,
// whether anything is tried or not.
func (o *Operations) Run(ctx context.Context) error {
	var pace journal.Pace
	var refresh refresh
	for {
		noticed, err := o.noticeOverdue(ctx)
		refresh.due = refresh.due || noticed
		if err == nil {
			err = o.refreshFindings(ctx, &refresh)
		}
		if err != nil && ctx.Err() == nil {
			o.Logger.Error("overdue revocations are not known; they are looked for again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-o.Journal.After(pace.Pause(watchEvery, err)):
		}
	}
}

// refresh is when the findings are to be looked for again.
type refresh struct {
	due       bool
	notBefore time.Time
}

// Where many are overdue, looking for findings takes long, and they have to be
// revoked meanwhile: so it rests for restsFor times as long, though not longer than
// longestRest.
const (
	restsFor    = 10
	longestRest = time.Minute
)

func (o *Operations) refreshFindings(ctx context.Context, r *refresh) error {
	began := o.Journal.Now()
	// A clock that was set back makes no rest longer.
	if rest := r.notBefore.Sub(began); !r.due || 0 < rest && rest <= longestRest {
		return nil
	}
	if err := o.Discovery.RefreshDue(ctx); err != nil {
		return err
	}
	ended := o.Journal.Now()
	*r = refresh{notBefore: ended.Add(min(restsFor*ended.Sub(began), longestRest))}
	return nil
}

func (o *Operations) noticeOverdue(ctx context.Context) (noticed bool, err error) {
	var overdue []grants.Stored
	if err := o.Journal.Read(ctx, func(tx *journal.Tx) (err error) {
		overdue, err = grants.List(tx.OverdueGrants(ctx, store.NullInt(store.Micros(tx.Now))))
		return err
	}); err != nil || len(overdue) == 0 {
		return false, err
	}
	var news []grants.Stored
	if err := o.Journal.Bookkeep(ctx, func(tx *journal.Tx) error {
		news = news[:0]
		applications := map[governance.ApplicationID]bool{}
		for _, g := range overdue {
			n, err := tx.NoticeOverdue(ctx, string(g.ID))
			if err != nil {
				return fmt.Errorf("notice grant %s: %w", g.ID, err)
			}
			if n == 0 {
				continue // another process was faster, or it is over by now
			}
			news = append(news, g)
			applications[g.Application] = true
		}
		for id := range applications {
			if err := tx.MarkFindingsDue(ctx, string(id)); err != nil {
				return fmt.Errorf("mark the findings of %s: %w", id, err)
			}
		}
		return nil
	}); err != nil {
		return false, err
	}
	o.report(news)
	return len(news) > 0, nil
}

func (o *Operations) report(noticed []grants.Stored) {
	count := map[governance.ApplicationID]int{}
	for _, g := range noticed {
		if count[g.Application]++; count[g.Application] <= loudest {
			o.Logger.Error("a revocation is overdue", "grant", g.ID, "account", g.Account, "entitlement", g.Entitlement, "due_at", g.RevokingAt.UTC().Format(time.RFC3339))
		}
	}
	for id, n := range count {
		if n > loudest {
			o.Logger.Error("more revocations are overdue", "application", id, "count", n-loudest)
		}
	}
}
