package fulfilment

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

const (
	// mostAhead bounds how many operations of an application are in hand.
	mostAhead = 256
	// soon and late are how long what is in hand should last: less, and more is
	// claimed ahead; more, and other processes are left more.
	soon, late = 100 * time.Millisecond, 400 * time.Millisecond
)

// lane carries out the operations of one application. What is in hand waits for
// one of the calls that may run at once.
type lane struct {
	worker *Worker
	id     governance.ApplicationID
	woken  chan struct{}
	left   chan struct{}
	calls  slots
	// together are the revocations that wait for one of the calls.
	together revocations

	mu sync.Mutex
	// limits are the application's, nil where it declares none.
	limits *governance.OperationLimits
	// mine is how many of the calls that all processes share this one may make,
	// until a time.
	mine      int
	mineUntil time.Time
	inHand    int
	// revoking are those in hand that revoke.
	revoking int
	// ahead is how many may be in hand, claimedAt when there were last claimed
	// some, and dry whether there were no more.
	ahead     int
	claimedAt time.Time
	dry       bool
	breaker   breaker
}

func newLane(w *Worker, id governance.ApplicationID) *lane {
	l := &lane{worker: w, id: id, woken: make(chan struct{}, 1), left: make(chan struct{})}
	l.limit(nil, time.Time{})
	return l
}

// limit has the lane keep to limits from now on.
func (l *lane) limit(limits *governance.OperationLimits, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.fewestAhead()
	if l.limits = limits; l.fewestAhead() != before {
		l.ahead = 0 // what was right for another limit says nothing
	}
	l.ahead = min(max(l.ahead, l.fewestAhead()), l.mostAhead())
	if !now.Before(l.mineUntil) {
		l.mine = 0
	}
	l.resize()
}

// resize lets as many calls run at once as the limits and the other processes
// leave.
func (l *lane) resize() {
	calls, shared := l.limits.Concurrent()
	if shared {
		calls = min(calls, l.mine)
	}
	l.calls.resize(calls)
}

func (l *lane) limited() *governance.OperationLimits {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.limits
}

// fewestAhead and mostAhead are between how many operations may be in hand. Of a
// rate that has a bound no more is in hand than begins together: what waits here
// for a target that hangs has been let through already.
func (l *lane) fewestAhead() int {
	calls, _ := l.limits.Concurrent()
	return 2 * calls
}

func (l *lane) mostAhead() int {
	if together, bounded := l.limits.AtOnce(); bounded {
		return min(l.fewestAhead()+together, mostAhead)
	}
	return mostAhead
}

// idle reports whether nothing is in hand.
func (l *lane) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.inHand == 0
}

// wake has the lane look for what is due.
func (l *lane) wake() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

// run works until ctx ends, the worker is to drain or the lane is left, and waits
// for what is in hand.
func (l *lane) run(ctx context.Context) {
	var working sync.WaitGroup
	defer l.giveShare()
	defer working.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.worker.Drain:
		case <-l.left:
			return
		case <-l.woken:
		}
		if l.worker.draining() {
			return
		}
		for _, j := range l.fill(ctx) {
			held := l.worker.leases.add(ctx, j)
			working.Go(func() {
				defer l.done(j)
				l.worker.carryOut(ctx, held, j)
			})
		}
		l.keepShare(ctx)
	}
}

// fill claims what there is room for.
func (l *lane) fill(ctx context.Context) []*job {
	n, order, probe := l.room()
	if n == 0 {
		return l.fillUrgently(ctx)
	}
	jobs, claimed, err := l.worker.claim(ctx, l, n, order)
	if err != nil && ctx.Err() == nil {
		l.worker.Logger.Error("due operations are not claimed; it is tried again", "application", l.id, "error", err)
	}
	l.took(jobs, claimed, n, probe)
	return jobs
}

// fillUrgently claims a few revocations beside what is in hand, however much that
// is.
func (l *lane) fillUrgently(ctx context.Context) []*job {
	l.mu.Lock()
	n := l.fewestAhead() - l.revoking
	if l.breaker.open {
		n = 0
	}
	l.mu.Unlock()
	if n <= 0 {
		return nil
	}
	due := false
	err := l.worker.Journal.Read(ctx, func(tx *journal.Tx) error {
		kinds, err := tx.DueKinds(ctx, sqlc.DueKindsParams{ApplicationID: string(l.id), Now: store.Micros(tx.Now)})
		due = slices.Contains(kinds, string(grants.OperationRevoke))
		return err
	})
	var jobs []*job
	if err == nil && due {
		jobs, _, err = l.worker.claim(ctx, l, n, urgent)
	}
	if err != nil && ctx.Err() == nil {
		l.worker.Logger.Error("due revocations are not claimed; it is tried again", "application", l.id, "error", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hold(jobs)
	return jobs
}

// hold counts jobs as in hand.
func (l *lane) hold(jobs []*job) {
	l.inHand += len(jobs)
	for _, j := range jobs {
		if j.revokes() {
			l.revoking++
		}
	}
}

// room is how many operations there is room for, and in which order their kinds
// are claimed.
func (l *lane) room() (n int, order []grants.OperationKind, probe bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inHand > l.ahead/2 {
		return 0, nil, false
	}
	n = l.breaker.room(l.ahead-l.inHand, l.worker.Journal.Now())
	return n, l.breaker.order(), l.breaker.open
}

func (l *lane) took(jobs []*job, claimed, asked int, probe bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.worker.Journal.Now()
	switch lasted := now.Sub(l.claimedAt); {
	case l.dry:
	case lasted < soon:
		l.ahead = min(2*l.ahead, l.mostAhead())
	case lasted > late:
		l.ahead = max(l.ahead/2, l.fewestAhead())
	}
	l.hold(jobs)
	l.dry, l.claimedAt = claimed < asked, now
	if probe && len(jobs) > 0 {
		l.breaker.probing, jobs[0].probe = true, true
		l.breaker.probes++
	}
	if !l.dry && l.inHand <= l.ahead/2 {
		l.wake()
	}
}

// done takes a job out of hand.
func (l *lane) done(j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inHand--
	if j.revokes() {
		l.revoking--
	}
	if j.probe {
		l.breaker.probing = false
	}
	// Also where there was nothing more: another operation may have waited for
	// this one's account.
	if l.inHand <= l.ahead/2 || j.revokes() {
		l.wake()
	}
}

// errHeldBack: the target was not called, because it cannot be reached at the
// moment, because the worker drains, or because what was to be done is so no more.
var errHeldBack = errors.New("the target is not called now")

// call runs some calls of the target for a job, when it is its turn. Where the job
// had to wait for that, it asks still first, unless that is nil, and calls nothing
// when that errs.
func (l *lane) call(ctx context.Context, j *job, still, do func(ctx context.Context) error) error {
	waited, err := l.calls.take(ctx, l.worker.Drain, j.revokes())
	if err != nil {
		return err
	}
	defer l.calls.give()
	if l.heldBack(j) || l.worker.draining() {
		return errHeldBack
	}
	if waited && still != nil {
		if err := still(ctx); err != nil {
			return err
		}
	}
	within, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err = do(within)
	if ctx.Err() == nil {
		l.note(ctx, j.op.AccountID, err)
	}
	return err
}

func (l *lane) heldBack(j *job) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.breaker.open && !j.probe
}

// note counts whether the target was reached by a call for an account. One that is
// held up in the target by something of its own has reached it.
func (l *lane) note(ctx context.Context, account string, err error) {
	l.mu.Lock()
	var opened, closed bool
	switch {
	case errors.Is(err, connector.ErrBusy), !unreachable(err):
		closed = l.breaker.reached()
	case errors.Is(err, connector.ErrUnavailable):
		opened = l.breaker.failed(l.worker.Journal.Now(), l.worker.spread)
		l.ahead = l.fewestAhead()
	default:
		opened = l.breaker.unanswered(account, l.worker.Journal.Now(), l.worker.spread)
		l.ahead = l.fewestAhead()
	}
	l.mu.Unlock()
	if (opened || closed) && l.worker.Reached != nil {
		l.worker.Reached(l.id, closed)
	}
	switch {
	case opened:
		l.worker.Logger.Warn("target is not reached; it is only probed until it is", "application", l.id, "error", err)
	case closed:
		l.worker.Logger.Info("target is reached again", "application", l.id)
		l.hurry(ctx)
	}
}

// unreachable reports whether an error says nothing about the operation, only
// about the target.
func unreachable(err error) bool {
	return errors.Is(err, connector.ErrUnavailable) || errors.Is(err, connector.ErrIndeterminate) || errors.Is(err, context.DeadlineExceeded)
}

// hurry lets what waits after a failure wait no longer.
func (l *lane) hurry(ctx context.Context) {
	if err := l.worker.Journal.Bookkeep(ctx, func(tx *journal.Tx) error {
		_, err := tx.HurryOperations(ctx, sqlc.HurryOperationsParams{ApplicationID: string(l.id), Now: store.Micros(tx.Now)})
		return err
	}); err != nil {
		l.worker.Logger.Warn("operations that failed wait for their time", "application", l.id, "error", err)
	}
	l.wake()
}
