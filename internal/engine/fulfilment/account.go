package fulfilment

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// maker is the job's target as one that makes accounts.
func (j *job) maker() (connector.AccountMaker, error) {
	maker, ok := connector.Maker(j.target)
	if !ok {
		return nil, fmt.Errorf("%w: the connector of application %q makes no accounts", connector.ErrUnsupported, j.op.ApplicationID)
	}
	return maker, nil
}

// made is an account as its connector names it.
func made(a governance.MadeAccount) (connector.MadeAccount, error) {
	_, name, err := a.Account.Split()
	return connector.MadeAccount{Name: name, Mark: string(a.ID), UID: a.UID}, err
}

// intendMake sees whether the grant still waits for its account. What is committed
// before the target is called is written by beginMaking.
func (w *Worker) intendMake(ctx context.Context, tx *journal.Tx, j *job, s scene) (*intent, error) {
	switch {
	case s.grant.State != governance.GrantScheduled:
		return &intent{over: true}, j.finish(ctx, tx, "superseded")
	case tx.Now.Before(s.grant.NotBefore):
		return &intent{over: true}, j.waitUntil(ctx, tx, store.Micros(s.grant.NotBefore))
	}
	return &intent{wait: tx.MayGrant()}, nil
}

// waitUntil has an operation wait that was taken up too early.
func (j *job) waitUntil(ctx context.Context, tx *journal.Tx, at int64) error {
	if _, err := tx.DeferOperation(ctx, sqlc.DeferOperationParams{ID: j.op.ID, NextAt: at}); err != nil {
		return fmt.Errorf("have operation %s wait: %w", j.op.ID, err)
	}
	return nil
}

// makeAccount makes the account that a grant waits for: it has the grant decided
// once more, commits the intent, calls the target, and reads back.
func (w *Worker) makeAccount(ctx context.Context, j *job) error {
	var account governance.MadeAccount
	err := w.write(j, func(ctx context.Context, tx *journal.Tx, s scene) (over bool, err error) {
		account, over, err = w.beginMaking(ctx, tx, j, s)
		return over, err
	})
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	if err != nil || j.released {
		return err
	}
	named, err := made(account)
	if err != nil {
		return err
	}
	target, err := j.maker()
	if err != nil {
		return w.refused(j, err)
	}
	var result connector.MadeResult
	stillWaits := func(ctx context.Context) error { return w.stillIn(ctx, j, governance.GrantScheduled) }
	err = j.lane.call(ctx, j, stillWaits, func(ctx context.Context) (err error) {
		j.called = true
		if result, err = target.MakeAccount(ctx, named); err != nil {
			return err
		}
		reading, err := target.ReadAccount(ctx, named)
		if err == nil && (!reading.Usable || reading.Name != named.Name) {
			err = fmt.Errorf("the target accepted to make the account %s, but does not show it", account.Account)
		}
		return err
	})
	switch {
	case err == nil:
		return w.accountMade(j, result)
	case refusedForGood(err) && ctx.Err() == nil:
		return w.refused(j, err)
	}
	return w.answered(ctx, j, err, nil)
}

// beginMaking commits that the target is about to be called for an account. over:
// the grant is not to be given, or its account is there already and it is.
func (w *Worker) beginMaking(ctx context.Context, tx *journal.Tx, j *job, s scene) (a governance.MadeAccount, over bool, err error) {
	if s.grant.State != governance.GrantScheduled {
		return a, true, j.finish(ctx, tx, "superseded")
	}
	if ends, err := grants.EndDue(ctx, tx, s.grant); err != nil || ends {
		return a, true, err
	}
	if mayNot := tx.MayGrant(); mayNot != nil {
		return a, false, mayNot
	}
	refused, err := w.Access.Redecide(ctx, tx, s.grant.Grant)
	if err != nil {
		return a, false, err
	}
	if refused != "" {
		_, err := grants.End(ctx, tx, s.grant, grants.Cause{Reason: governance.EndIneligible, Detail: refused})
		return a, true, err
	}
	g, a, err := grants.Rebase(ctx, tx, s.grant)
	if err != nil {
		return a, false, err
	}
	if a.State == governance.AccountMade {
		if err := j.finish(ctx, tx, "made"); err != nil {
			return a, false, err
		}
		return a, true, grants.GiveAccount(ctx, tx, g, a)
	}
	a = a.Create(tx.Now)
	a.Grant, a.Identity = g.ID, g.Identity
	if err := markCalled(ctx, tx, j); err != nil {
		return a, false, err
	}
	return a, false, grants.UpdateAccount(ctx, tx, a, "creating", evidence.Fields{"operation": j.op.ID})
}

// accountMade writes that the account was made and read, and has the grant given.
// One that turns out to belong to somebody else is let go of.
func (w *Worker) accountMade(j *job, result connector.MadeResult) error {
	err := w.write(j, func(ctx context.Context, tx *journal.Tx, s scene) (over bool, err error) {
		g, a, err := grants.Rebase(ctx, tx, s.grant)
		if err != nil {
			return false, err
		}
		if a, err = a.Made(result.UID, tx.Now); err != nil {
			return false, err
		}
		owner, err := w.Discovery.NoteMade(ctx, tx, a)
		if err != nil {
			return false, err
		}
		if err := grants.UpdateAccount(ctx, tx, a, "made", evidence.Fields{"changed": result.Changed, "operation": j.op.ID}); err != nil {
			return false, err
		}
		if owner != g.Identity {
			_, err := grants.End(ctx, tx, g, grants.Cause{
				Reason: governance.EndProvisionFailed, Detail: fmt.Sprintf("the account %s was made for %s, but by the correlation it belongs to %q", a.Account, g.Identity, owner),
			})
			return true, err
		}
		if err := j.finish(ctx, tx, "made"); err != nil {
			return false, err
		}
		return true, grants.GiveAccount(ctx, tx, g, a)
	})
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	return err
}

// intendRemove commits that an account is about to be removed, unless a grant needs
// it after all.
func (w *Worker) intendRemove(ctx context.Context, tx *journal.Tx, j *job, s scene) (*intent, error) {
	a, err := grants.HoldAccount(ctx, tx, s.grant.MadeAccount)
	if err != nil {
		return nil, err
	}
	needed, err := grants.Needed(ctx, tx, a)
	if err != nil {
		return nil, err
	}
	switch {
	case needed:
		return &intent{over: true}, j.finish(ctx, tx, "needed")
	case a.State == governance.AccountPlanned || a.State == governance.AccountCancelled:
		return &intent{over: true}, j.finish(ctx, tx, "superseded")
	}
	if at := a.SafeToRemove(j.target.Capabilities().Bound); tx.Now.Before(at) && a.State != governance.AccountRemoved {
		return &intent{over: true}, j.waitUntil(ctx, tx, store.Micros(at))
	}
	if going := a.Release(tx.Now); going.State != a.State {
		if err := grants.UpdateAccount(ctx, tx, going, "removing", evidence.Fields{}); err != nil {
			return nil, err
		}
		a = going
	}
	return &intent{account: a}, markCalled(ctx, tx, j)
}

// removeAccount removes an account, or locks it, and writes what was observed.
func (w *Worker) removeAccount(ctx context.Context, j *job) error {
	account := j.intent.account
	named, err := made(account)
	if err != nil {
		return err
	}
	target, err := j.maker()
	if err != nil {
		return err
	}
	var result connector.RemovedResult
	err = j.lane.call(ctx, j, nil, func(ctx context.Context) (err error) {
		j.called = true
		if result, err = target.RemoveAccount(ctx, named); err != nil {
			return err
		}
		reading, err := target.ReadAccount(ctx, named)
		switch {
		case err != nil:
			return err
		case reading.Usable || reading.Exists && len(result.Kept) == 0:
			return fmt.Errorf("account %s is still there after it was removed", account.Account)
		case !reading.Exists:
			result.Kept = nil
		}
		return nil
	})
	if err != nil {
		return w.answered(ctx, j, err, func(ctx context.Context, tx *journal.Tx) error {
			if len(result.Ended) > 0 {
				if err := grants.RecordAccount(tx, "sessions_ended", account, evidence.Fields{"sessions_ended": sessionFields(result.Ended)}); err != nil {
					return err
				}
			}
			if account.Overdue(tx.Now) {
				w.Logger.Error("the removal of an account is overdue", "account", account.Account, "error", err)
				return tx.MarkFindingsDue(ctx, j.op.ApplicationID)
			}
			return nil
		})
	}
	return w.accountGone(j, result)
}

// accountGone writes that an account was read and is gone, and plans the second
// read; or that it is locked and why it stays.
func (w *Worker) accountGone(j *job, result connector.RemovedResult) error {
	err := w.write(j, func(ctx context.Context, tx *journal.Tx, s scene) (over bool, err error) {
		// Who asks for something in it meanwhile holds the same, and then the account.
		if err := (grants.Reliance{Identities: []governance.IdentityID{j.intent.account.Identity}}).Hold(ctx, tx); err != nil {
			return false, err
		}
		was, err := grants.HoldAccount(ctx, tx, j.intent.account.ID)
		if err != nil {
			return false, err
		}
		gone, err := was.Gone(result.Kept, tx.Now)
		if err != nil {
			return false, err
		}
		kind := string(gone.State)
		if err := j.finish(ctx, tx, kind); err != nil {
			return false, err
		}
		if gone.State == was.State && !result.Changed && slices.Equal(gone.Kept, was.Kept) {
			return true, nil // the second read, or another look at what is locked
		}
		if was.State == governance.AccountRemoved {
			kind += "_again"
		}
		if gone.State == governance.AccountRemoved {
			if err := grants.AddOperation(ctx, tx, s.grant.Grant, grants.OperationRemoveAccount, tx.Now.Add(j.target.Capabilities().Bound+leaseFor)); err != nil {
				return false, err
			}
		}
		if err := forgetAccount(ctx, tx, gone); err != nil {
			return false, err
		}
		fields := evidence.Fields{"operation": j.op.ID, "changed": result.Changed, "sessions_ended": sessionFields(result.Ended)}
		if len(gone.Kept) > 0 {
			fields["kept"] = gone.Kept
		}
		return true, grants.UpdateAccount(ctx, tx, gone, kind, fields)
	})
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	return err
}

// forgetAccount takes an account that nobody can use out of what is observed, and has
// the grants decided again that were to use it. Another that has its name by now stays.
func forgetAccount(ctx context.Context, tx *journal.Tx, a governance.MadeAccount) error {
	uid, err := tx.GetAccountUID(ctx, string(a.Account))
	if errors.Is(err, sql.ErrNoRows) || err == nil && uid != a.UID {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read account %s: %w", a.Account, err)
	}
	if err := tx.DeleteAssignmentsOfAccount(ctx, string(a.Account)); err != nil {
		return fmt.Errorf("forget what %s holds: %w", a.Account, err)
	}
	if err := tx.DeleteAccount(ctx, string(a.Account)); err != nil {
		return fmt.Errorf("forget account %s: %w", a.Account, err)
	}
	marker := grants.NewMarker(ctx, tx)
	marker.Account(a.Account)
	return marker.Err()
}
