package fulfilment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// errStale: another worker has taken the lease over; what the target does now
// is read by a later operation.
var errStale = errors.New("the lease was taken over")

// leases are those of the jobs in hand.
type leases struct {
	mu   sync.Mutex
	held map[*job]context.CancelCauseFunc
}

// add has the lease of a job renewed until it is removed. The context it returns
// ends when the lease is lost.
func (l *leases) add(ctx context.Context, j *job) context.Context {
	held, cancel := context.WithCancelCause(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[*job]context.CancelCauseFunc{}
	}
	l.held[j] = cancel
	return held
}

func (l *leases) lose(j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cancel := l.held[j]; cancel != nil {
		cancel(errStale)
	}
}

func (l *leases) remove(j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[j](nil)
	delete(l.held, j)
}

func (l *leases) list() []*job {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]*job, 0, len(l.held))
	for j := range l.held {
		list = append(list, j)
	}
	return list
}

func (l *leases) keys() map[string]bool {
	keys := map[string]bool{}
	for _, j := range l.list() {
		keys[j.lease] = true
	}
	return keys
}

// renewLeases keeps the leases of the jobs in hand until stopped, and tells those
// whose lease was lost.
func (w *Worker) renewLeases(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.Journal.After(leaseFor / 3):
		}
		for some := range slices.Chunk(w.leases.list(), commitAtOnce) {
			lost, err := w.renew(ctx, some)
			if err != nil && ctx.Err() == nil {
				w.Logger.Warn("leases are not renewed", "leases", len(some), "error", err)
			}
			for _, j := range lost {
				w.leases.lose(j)
			}
		}
	}
}

func (w *Worker) renew(ctx context.Context, jobs []*job) (lost []*job, err error) {
	// In one order everywhere, so that two processes never wait for each other.
	slices.SortFunc(jobs, byLease)
	err = w.Journal.BookkeepTogether(ctx, func(tx *journal.Tx) error {
		lost = nil
		for _, j := range jobs {
			n, err := tx.RenewLease(ctx, sqlc.RenewLeaseParams{Key: j.lease, Fence: j.fence, UntilAt: store.Micros(tx.Now.Add(leaseFor))})
			if err != nil {
				return err
			}
			if n == 0 {
				lost = append(lost, j)
			}
		}
		return nil
	})
	return lost, err
}

// hold makes sure, until the end of the transaction, that the lease was not
// taken over.
func (j *job) hold(ctx context.Context, tx *journal.Tx) error {
	n, err := tx.HoldLease(ctx, sqlc.HoldLeaseParams{Key: j.lease, Fence: j.fence})
	if err != nil {
		return fmt.Errorf("hold the lease: %w", err)
	}
	if n == 0 {
		return errStale
	}
	return nil
}

// gaveBack reports whether this job itself gave the lease back, and nobody has
// held it since.
func (j *job) gaveBack(ctx context.Context, tx *journal.Tx) (bool, error) {
	// A lease that is given back is free since the beginning of time: it is taken
	// until then.
	n, err := tx.TakeLeaseAfter(ctx, sqlc.TakeLeaseAfterParams{Key: j.lease, Fence: j.fence})
	if err != nil {
		return false, fmt.Errorf("see whether the lease was given back: %w", err)
	}
	return n == 1, nil
}

// release gives the lease back.
func (j *job) release(ctx context.Context, tx *journal.Tx) error {
	n, err := tx.GiveLease(ctx, sqlc.GiveLeaseParams{Key: j.lease, Fence: j.fence})
	if err != nil {
		return fmt.Errorf("give the lease back: %w", err)
	}
	if n == 0 {
		return errStale
	}
	return nil
}
