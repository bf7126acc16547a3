package fulfilment

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// mostTogether bounds how many rights are taken with one call.
const mostTogether = 64

// revocations are those of a lane that wait for their turn to call the target. The
// first whose turn comes takes along what waits beside it.
type revocations struct {
	mu      sync.Mutex
	waiting []*revocation
}

type revocation struct {
	job    *job
	change connector.Change
	// ctx ends when the job is not to go on.
	ctx context.Context //nolint:containedctx // the call is made by another job
	// taken is closed when another takes it along, done when that has its answer.
	taken, done chan struct{}
	came        connector.Revocation
	err         error
}

// revokeTogether takes a right in one call with others of the lane, and reads it
// afterwards.
func (l *lane) revokeTogether(ctx context.Context, j *job, change connector.Change) (connector.Revocation, error) {
	one := &revocation{job: j, change: change, ctx: ctx, taken: make(chan struct{}), done: make(chan struct{})}
	l.together.add(one)
	_, err := l.calls.take(ctx, one.taken, true)
	if !l.together.leave(one) {
		if err == nil {
			l.calls.give() // its turn is that of the one who took it along
		}
		<-one.done
		return one.came, one.err
	}
	if err != nil {
		return connector.Revocation{}, err
	}
	defer l.calls.give()
	if l.heldBack(j) || l.worker.draining() {
		return connector.Revocation{}, errHeldBack
	}
	some := []*revocation{one}
	if !j.probe {
		some = append(some, l.together.takeAlong(mostTogether-1)...)
	}
	l.callTogether(some) //nolint:contextcheck // it is cut off when all of theirs have ended
	return one.came, one.err
}

func (r *revocations) add(one *revocation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(r.waiting, one)
}

// leave has one wait no longer; false when another has taken it along.
func (r *revocations) leave(one *revocation) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.waiting {
		if other == one {
			r.waiting = append(r.waiting[:i], r.waiting[i+1:]...)
			return true
		}
	}
	return false
}

func (r *revocations) takeAlong(most int) []*revocation {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(most, len(r.waiting))
	some := append([]*revocation(nil), r.waiting[:n]...)
	r.waiting = append(r.waiting[:0], r.waiting[n:]...)
	for _, one := range some {
		close(one.taken)
	}
	return some
}

// callTogether makes the call of several jobs. It is cut off when none of them is to
// go on.
func (l *lane) callTogether(some []*revocation) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(some[0].ctx), callTimeout)
	defer cancel()
	var left atomic.Int64
	left.Store(int64(len(some)))
	changes := make([]connector.Change, len(some))
	for i, one := range some {
		one.job.called, changes[i] = true, one.change
		defer context.AfterFunc(one.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})()
	}
	came, err := connector.RevokeTogether(ctx, some[0].job.target, changes)
	if err == nil && len(came) != len(some) {
		err = errors.New("the connector did not answer for every change")
	}
	if left.Load() > 0 {
		l.note(ctx, some[0].job.op.AccountID, err)
	}
	for i, one := range some {
		if one.err = err; err == nil {
			one.came = came[i]
		}
		close(one.done)
	}
}
