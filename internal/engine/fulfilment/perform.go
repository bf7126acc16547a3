package fulfilment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// carryOut takes a claimed operation through its calls. held ends when its lease
// is lost.
func (w *Worker) carryOut(ctx, held context.Context, j *job) {
	defer w.leases.remove(j)
	err := w.perform(held, j)
	if !j.released && errors.Is(context.Cause(held), errStale) {
		// Its call may have been made, and the target may still act on it.
		err = errStale
	}
	switch {
	case errors.Is(err, errStale) && j.called:
		w.Logger.Warn("an operation was overtaken; its target is read back", "operation", j.op.ID)
		w.readBackSoon(j)
	case errors.Is(err, errStale):
		w.Logger.Warn("an operation was overtaken before it called its target", "operation", j.op.ID)
	case j.released:
	case err == nil, errors.Is(err, errHeldBack), ctx.Err() != nil:
		w.giveBack(j) // it is still due
	default:
		w.Logger.Error("an operation could not be carried on; it is tried again", "operation", j.op.ID, "error", err)
		w.postpone(j, err)
	}
}

func (w *Worker) perform(ctx context.Context, j *job) error {
	if j.broken != nil {
		return j.broken
	}
	if j.intent == nil {
		if err := w.commitIntent(j); err != nil {
			return err
		}
	}
	switch {
	case j.intent.over:
		return nil
	case j.intent.wait != nil:
		return j.intent.wait
	}
	switch grants.OperationKind(j.op.Kind) {
	case grants.OperationGrant:
		return w.provision(ctx, j)
	case grants.OperationRevoke:
		return w.revoke(ctx, j)
	case grants.OperationMakeAccount:
		return w.makeAccount(ctx, j)
	case grants.OperationRemoveAccount:
		return w.removeAccount(ctx, j)
	default:
		return w.verify(ctx, j)
	}
}

// commitIntent commits the intent of one operation alone.
func (w *Worker) commitIntent(j *job) error {
	var in *intent
	err := w.write(j, func(ctx context.Context, tx *journal.Tx, s scene) (over bool, err error) {
		if in, err = w.intend(ctx, tx, j, s); err != nil {
			return false, err
		}
		return in.over, nil
	})
	j.intent = in
	if errors.Is(err, errNothingToDo) {
		j.intent, err = &intent{over: true}, nil
	}
	return err
}

// write changes state for a job, as long as it holds its lease; over gives that
// back in the same transaction, so that a process that dies right after leaves
// nothing to wait for. The scene is as it was claimed where many write together,
// and read again where the job writes alone. errNothingToDo: the operation is
// done.
func (w *Worker) write(j *job, change func(ctx context.Context, tx *journal.Tx, s scene) (over bool, err error)) error {
	var over, done bool
	err := w.commits.do(j.lease, func(ctx context.Context, tx *journal.Tx) (err error) {
		over, done = false, false
		s := j.scene
		if !tx.Together {
			s, done, err = j.look(ctx, tx)
			if errors.Is(err, errStale) {
				// A commit whose answer was lost gave it back.
				if over, err = j.gaveBack(ctx, tx); err == nil && !over {
					err = errStale
				}
				done = over
			}
			if err != nil || done {
				return err
			}
		}
		if over, err = change(ctx, tx, s); err != nil {
			return err
		}
		switch {
		case over:
			return j.release(ctx, tx)
		case tx.Together:
			return j.hold(ctx, tx)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case over:
		j.released = true
	}
	if done {
		return errNothingToDo
	}
	return nil
}

// look holds the lease and reads anew what bears on the operation; done reports
// that it is finished.
func (j *job) look(ctx context.Context, tx *journal.Tx) (s scene, done bool, err error) {
	if err := j.hold(ctx, tx); err != nil {
		return s, false, err
	}
	op, err := tx.GetOperation(ctx, j.op.ID)
	if err != nil || op.DoneAt.Valid {
		return s, err == nil, err
	}
	body, err := tx.GetGrant(ctx, j.op.GrantID)
	if err != nil {
		return s, false, fmt.Errorf("read grant %s: %w", j.op.GrantID, err)
	}
	live, err := tx.ListLiveGrantsOfAccount(ctx, op.AccountID)
	if err != nil {
		return s, false, fmt.Errorf("read grants: %w", err)
	}
	s, err = newScene(body, live, j.scene.implied)
	return s, false, err
}

// finish ends the operation.
func (j *job) finish(ctx context.Context, tx *journal.Tx, result string) error {
	n, err := tx.FinishOperation(ctx, sqlc.FinishOperationParams{ID: j.op.ID, DoneAt: store.NullMicros(&tx.Now), Result: result})
	if err == nil && n == 0 {
		err = errFinished
	}
	if err != nil {
		return fmt.Errorf("finish operation %s: %w", j.op.ID, err)
	}
	return nil
}

// answered deals with what a round of calls came to when it failed.
func (w *Worker) answered(ctx context.Context, j *job, cause error, also func(ctx context.Context, tx *journal.Tx) error) error {
	if errors.Is(cause, errHeldBack) || ctx.Err() != nil {
		return cause
	}
	w.Logger.Warn("target call failed; it is tried again", "operation", j.op.ID, "kind", j.op.Kind, "application", j.op.ApplicationID, "account", j.op.AccountID, "attempt", j.op.Attempts+1, "error", cause)
	return w.retry(j, cause, also)
}

const (
	firstPause = 250 * time.Millisecond
	// longestPause bounds the time between two attempts.
	longestPause = 15 * time.Second
)

// pause is the time before the next attempt: doubled each time up to a bound.
// Where the target is at fault that is the bound between two probes.
func (w *Worker) pause(attempts int64, cause error) time.Duration {
	longest := longestPause
	if unreachable(cause) {
		longest = longestProbe
	}
	if attempts < 6 {
		longest = min(longest, firstPause<<attempts)
	}
	return w.spread(longest)
}

// spread is a time of at most longest, the upper half of it at random.
func (w *Worker) spread(longest time.Duration) time.Duration {
	return longest/2 + time.Duration(w.Jitter(int64(longest/2)))
}

// retry plans the next attempt, together with what else the last one came to.
func (w *Worker) retry(j *job, cause error, also func(ctx context.Context, tx *journal.Tx) error) error {
	err := w.write(j, func(ctx context.Context, tx *journal.Tx, s scene) (over bool, err error) {
		if also != nil {
			if err := also(ctx, tx); err != nil {
				return false, err
			}
		}
		if err := w.overdue(ctx, tx, j, s.grant); err != nil {
			return false, err
		}
		_, err = tx.RetryOperation(ctx, sqlc.RetryOperationParams{ID: j.op.ID, NextAt: store.Micros(tx.Now.Add(w.pause(j.op.Attempts, cause))), LastError: cause.Error()})
		return true, err
	})
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	return err
}

func (w *Worker) postpone(j *job, cause error) {
	if err := w.retry(j, cause, nil); err != nil {
		w.Logger.Error("the next attempt is not written; the operation stays due", "operation", j.op.ID, "error", err)
	}
}

// giveBack leaves an operation as due as it was.
func (w *Worker) giveBack(j *job) {
	if err := w.commits.do(j.lease, func(ctx context.Context, tx *journal.Tx) error {
		if !j.called && !j.op.Called {
			if err := tx.UnmarkCalled(ctx, j.op.ID); err != nil {
				return err
			}
		}
		return j.release(ctx, tx)
	}); err != nil {
		w.Logger.Warn("lease is not given back and runs out by itself", "lease", j.lease, "error", err)
	}
}

// overdue speaks up about a revocation that takes too long; the finding follows
// from the same state.
func (w *Worker) overdue(ctx context.Context, tx *journal.Tx, j *job, g grants.Stored) error {
	if j.op.Kind != string(grants.OperationRevoke) || g.RevokingAt == nil {
		return nil
	}
	late := tx.Now.Sub(*g.RevokingAt)
	if late < governance.OverdueAfter {
		return nil
	}
	w.Logger.Error("revocation is overdue", "grant", g.ID, "account", g.Account, "entitlement", g.Entitlement, "late", late)
	return tx.MarkFindingsDue(ctx, j.op.ApplicationID)
}

// readBackSoon queues a read of the target after a call for a change whose lease
// was lost.
func (w *Worker) readBackSoon(j *job) {
	if err := w.commits.do(j.lease, func(ctx context.Context, tx *journal.Tx) error {
		kind := grants.OperationVerify
		if j.op.Kind == string(grants.OperationMakeAccount) || j.op.Kind == string(grants.OperationRemoveAccount) {
			kind = grants.OperationRemoveAccount // which only looks when a grant needs the account
		}
		return grants.AddOperation(ctx, tx, j.scene.grant.Grant, kind, tx.Now.Add(j.target.Capabilities().Bound))
	}); err != nil {
		w.Logger.Error("the read of an overtaken operation's target is not queued", "operation", j.op.ID, "error", err)
	}
}

// refusedForGood reports whether trying the same grant again is pointless.
func refusedForGood(err error) bool {
	return errors.Is(err, connector.ErrAccountNotFound) || errors.Is(err, connector.ErrAccountTaken) || errors.Is(err, connector.ErrEntitlementNotFound) ||
		errors.Is(err, connector.ErrPermission) || errors.Is(err, connector.ErrUnsupported)
}
