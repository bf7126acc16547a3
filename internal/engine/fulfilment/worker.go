// Package fulfilment carries operations out in targets: it claims what is due,
// calls the connector, reads back, and writes what was observed. What it
// promises: the intent is committed before a target is called, a grant ends
// only with an outcome that was observed, a revocation is retried for ever, and
// one target that does not answer never delays another.
package fulfilment

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/targets"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

const (
	// pollEvery is how often due operations are looked for when nothing in
	// this process says that there are new ones.
	pollEvery = 100 * time.Millisecond
	// perApplication bounds the calls that run at once in one target.
	perApplication = 4
	// leaseFor is how long an account stays with a process that died; a living
	// one renews its lease three times as often.
	leaseFor = 6 * time.Second
	// callTimeout bounds one round of calls for an operation.
	callTimeout = 30 * time.Second
)

// Worker carries operations out. Several processes may run one each on the same
// database.
type Worker struct {
	Journal  *journal.Journal
	Declared *declared.Loader
	Access   *access.Access
	Targets  *targets.Targets
	Logger   hclog.Logger
	// Holder names this process in leases.
	Holder string
	// Jitter answers a random number below n, to spread retries.
	Jitter func(n int64) int64

	mu      sync.Mutex
	running map[string]bool // by account
	slots   map[string]int  // taken, by application
}

// Run carries out what is due until ctx ends, and waits for the calls under
// way, which are cut off then.
func (w *Worker) Run(ctx context.Context) error {
	var wait sync.WaitGroup
	defer wait.Wait()
	for {
		changed := w.Journal.Changed()
		due, err := w.due(ctx)
		if err != nil && ctx.Err() == nil {
			w.Logger.Error("due operations are not known; they are looked for again", "error", err)
		}
		for _, op := range due {
			if !w.take(op) {
				continue
			}
			wait.Go(func() {
				defer w.give(op)
				w.carryOut(ctx, op)
			})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-w.Journal.After(pollEvery):
		}
	}
}

// due lists the operations that are due, some of each application, so that a
// target with many does not stand before the others.
func (w *Worker) due(ctx context.Context) (due []sqlc.OperationsDueRow, err error) {
	err = w.Journal.Read(ctx, func(tx *journal.Tx) error {
		due = nil
		now := store.Micros(tx.Now)
		applications, err := tx.ApplicationsDue(ctx, now)
		if err != nil {
			return err
		}
		for _, id := range applications {
			some, err := tx.OperationsDue(ctx, sqlc.OperationsDueParams{ApplicationID: id, Now: now})
			if err != nil {
				return err
			}
			due = append(due, some...)
		}
		return nil
	})
	return due, err
}

func (w *Worker) take(op sqlc.OperationsDueRow) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running == nil {
		w.running, w.slots = map[string]bool{}, map[string]int{}
	}
	if w.running[op.AccountID] || w.slots[op.ApplicationID] >= perApplication {
		return false
	}
	w.running[op.AccountID] = true
	w.slots[op.ApplicationID]++
	return true
}

func (w *Worker) give(op sqlc.OperationsDueRow) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.running, op.AccountID)
	w.slots[op.ApplicationID]--
}

// errNothingToDo: the operation is done, or somebody else does it.
var errNothingToDo = errors.New("nothing to do")

// errStale: another worker has taken the lease over; what the target does now
// is read by a later operation.
var errStale = errors.New("the lease was taken over")

func (w *Worker) carryOut(ctx context.Context, due sqlc.OperationsDueRow) {
	job, err := w.claim(ctx, due)
	if errors.Is(err, errNothingToDo) {
		return
	}
	if err == nil {
		defer w.drop(ctx, job)
		held, stop := w.keepLease(ctx, job)
		err = w.perform(held, job)
		if errors.Is(context.Cause(held), errStale) {
			// Also when the attempt was only put off: its call was made, and
			// the target may still act on it.
			err = errStale
		}
		stop()
	}
	switch {
	case err == nil:
	case errors.Is(err, errStale):
		err = w.Journal.Bookkeep(ctx, func(tx *journal.Tx) error { return w.readBackSoon(ctx, tx, job) })
		w.Logger.Warn("an operation was overtaken; its target is read back", "operation", due.ID, "error", err)
	case ctx.Err() != nil:
		// The operation is still due; the next start takes it up.
	default:
		w.Logger.Error("an operation could not be carried on; it is tried again", "operation", due.ID, "error", err)
		w.postpone(ctx, due.ID, err)
	}
}

// job is a claimed operation with what it needs.
type job struct {
	op     sqlc.Operation
	lease  string
	fence  int64
	target connector.Connector
	bound  time.Duration
}

func (w *Worker) claim(ctx context.Context, due sqlc.OperationsDueRow) (*job, error) {
	j := &job{lease: "account/" + due.AccountID}
	err := w.Journal.Bookkeep(ctx, func(tx *journal.Tx) (err error) {
		if j.fence, err = tx.TakeLease(ctx, sqlc.TakeLeaseParams{
			Key: j.lease, Holder: w.Holder, Now: store.Micros(tx.Now), UntilAt: store.Micros(tx.Now.Add(leaseFor)),
		}); err != nil {
			return err
		}
		if j.op, err = tx.GetOperation(ctx, due.ID); err != nil {
			return err
		}
		if j.op.DoneAt.Valid {
			return errNothingToDo
		}
		return nil
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errNothingToDo // another process has the account
	}
	if err != nil {
		return nil, err
	}
	var application *governance.Application
	if err := w.Journal.Read(ctx, func(tx *journal.Tx) error {
		set, err := w.Declared.Set(ctx, tx)
		if err == nil {
			application = set.Applications[governance.ApplicationID(due.ApplicationID)]
		}
		return err
	}); err != nil {
		return nil, err
	}
	if application == nil {
		// An application goes only once its grants are over; what is left is
		// a second read of a target that is governed no more.
		defer w.drop(ctx, j)
		err := w.Journal.Bookkeep(ctx, func(tx *journal.Tx) error {
			_, err := tx.FinishOperation(ctx, sqlc.FinishOperationParams{ID: due.ID, DoneAt: store.NullMicros(&tx.Now), Result: "application_removed"})
			return err
		})
		return nil, cmp.Or(err, errNothingToDo)
	}
	if j.target, err = w.Targets.Of(*application); err != nil {
		w.drop(ctx, j)
		return nil, err
	}
	j.bound = j.target.Capabilities().Bound
	return j, nil
}

// still makes sure, until the end of the transaction, that the lease was not
// taken over, and reads the operation again; done reports that it is finished.
func (j *job) still(ctx context.Context, tx *journal.Tx) (done bool, err error) {
	n, err := tx.HoldLease(ctx, sqlc.HoldLeaseParams{Key: j.lease, Fence: j.fence})
	if err != nil {
		return false, fmt.Errorf("hold the lease: %w", err)
	}
	if n == 0 {
		return false, errStale
	}
	op, err := tx.GetOperation(ctx, j.op.ID)
	return op.DoneAt.Valid, err
}

// keepLease renews the lease until stop is called. The context it returns ends
// when the lease is lost.
func (w *Worker) keepLease(ctx context.Context, j *job) (held context.Context, stop func()) {
	held, cancel := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		for {
			select {
			case <-held.Done():
				return
			case <-w.Journal.After(leaseFor / 3):
			}
			err := w.Journal.Bookkeep(held, func(tx *journal.Tx) error {
				n, err := tx.RenewLease(held, sqlc.RenewLeaseParams{Key: j.lease, Fence: j.fence, UntilAt: store.Micros(tx.Now.Add(leaseFor))})
				if err == nil && n == 0 {
					err = errStale
				}
				return err
			})
			if errors.Is(err, errStale) {
				cancel(errStale)
				return
			}
			if err != nil && held.Err() == nil {
				w.Logger.Warn("lease is not renewed", "lease", j.lease, "error", err)
			}
		}
	})
	return held, func() {
		cancel(nil)
		renewing.Wait()
	}
}

func (w *Worker) drop(ctx context.Context, j *job) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := w.Journal.Bookkeep(ctx, func(tx *journal.Tx) error {
		return tx.DropLease(ctx, sqlc.DropLeaseParams{Key: j.lease, Fence: j.fence})
	}); err != nil {
		w.Logger.Warn("lease is not given back and runs out by itself", "lease", j.lease, "error", err)
	}
}
