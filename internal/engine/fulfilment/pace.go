package fulfilment

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// pace is how far the declared limits of an application are taken up. It stands in
// the database, so that all processes share it.
type pace struct {
	id     governance.ApplicationID
	limits *governance.OperationLimits
	holder string
	now    time.Time
	stored sqlc.GetPaceRow
	shares shares
	// calls is how many of those that are shared this process may make.
	calls int
}

func paceOf(ctx context.Context, tx *journal.Tx, l *lane) (p pace, err error) {
	p = pace{id: l.id, limits: l.limited(), holder: l.worker.Holder, now: tx.Now}
	if p.limits == nil {
		return p, nil
	}
	if p.stored, err = tx.GetPace(ctx, string(l.id)); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return p, fmt.Errorf("read the pace of %s: %w", l.id, err)
	}
	p.shares = readShares(p.stored.Shares)
	return p, nil
}

// begin is how many of n operations may begin now, and until when they take up
// the rate.
func (p *pace) begin(n int) (begin int, until time.Time) {
	return p.limits.Begin(n, store.Time(p.stored.TakenUntil), p.now)
}

// share takes as many of the calls that are shared as are wanted and free. may is
// false when there is none.
func (p *pace) share(want int) (may bool) {
	size, shared := p.limits.Concurrent()
	if !shared {
		return true
	}
	p.calls, p.shares = p.shares.divide(p.holder, min(want, size), size, p.now)
	return p.calls > 0
}

// put writes that n operations begin, which begin has allowed, and what was shared.
func (p *pace) put(ctx context.Context, tx *journal.Tx, n int) error {
	if p.limits == nil {
		return nil
	}
	next := sqlc.PutPaceParams{
		ApplicationID: string(p.id), TakenUntil: p.stored.TakenUntil, Shares: p.shares.String(),
		TakenBefore: p.stored.TakenUntil, SharesBefore: p.stored.Shares,
	}
	if _, bounded := p.limits.AtOnce(); bounded && n > 0 {
		_, until := p.begin(n)
		next.TakenUntil = store.Micros(until)
	}
	written, err := tx.PutPace(ctx, next)
	if err != nil {
		return fmt.Errorf("take up the pace of %s: %w", p.id, err)
	}
	if written == 0 {
		return errNothingToDo // another process was faster
	}
	return nil
}
