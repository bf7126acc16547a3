package fulfilment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// job is a claimed operation with what it needs.
type job struct {
	op     sqlc.Operation
	lease  string
	fence  int64
	lane   *lane
	target connector.Connector
	// scene is what was read when the operation was claimed.
	scene scene
	// intent is what is committed to be done; nil until it is.
	intent *intent
	// broken: why the operation cannot be carried out now.
	broken error
	// probe: the job finds out whether the target can be reached again.
	probe bool
	// called: the target was called for a change. released: the lease was given
	// back.
	called, released bool
}

// intent is what an operation is to do, as committed.
type intent struct {
	// over: there is nothing to do any more, and the lease is given back.
	over bool
	// wait: why it is to be tried again later.
	wait error
	// keep lists what has to stay on the account when a right is taken.
	keep []governance.EntitlementID
	// account is what is to be removed, where that is to be done.
	account governance.MadeAccount
}

func (j *job) revokes() bool { return j.op.Kind == string(grants.OperationRevoke) }

func leaseOf(account string) string { return "account/" + account }

func byLease(a, b *job) int { return cmp.Compare(a.lease, b.lease) }

// errNothingToDo: the operation is done, or nothing was due.
var errNothingToDo = errors.New("nothing to do")

// errFinished: the operation was finished since it was claimed.
var errFinished = errors.New("the operation is finished already")

// kinds are the kinds of operations in the order in which they are claimed; urgent
// are those that wait for none of the others.
var (
	kinds  = []grants.OperationKind{grants.OperationRevoke, grants.OperationMakeAccount, grants.OperationGrant, grants.OperationVerify, grants.OperationRemoveAccount}
	urgent = kinds[:1]
)

// claimTries is how often many are claimed together when another process was
// faster with some of them.
const claimTries = 3

// claim takes the leases of up to n accounts of an application and, in the same
// transaction, commits what is about to be done for one due operation of each, of
// some kinds.
// Of the accounts that were claimed, jobs holds those that need a call.
func (w *Worker) claim(ctx context.Context, l *lane, n int, kinds []grants.OperationKind) (jobs []*job, claimed int, err error) {
	target, known, broken := w.target(ctx, l.id)
	if !known {
		if broken == nil {
			if broken = w.abandon(ctx, l, n); errors.Is(broken, errNothingToDo) {
				broken = nil
			}
		}
		return nil, 0, broken
	}
	var p pace
	intend := func(tx *journal.Tx) error {
		for _, j := range jobs {
			if j.broken != nil {
				continue
			}
			j.target = target
			var err error
			if j.intent, err = w.intend(ctx, tx, j, j.scene); err != nil {
				return err
			}
			if j.intent.over {
				if err := j.release(ctx, tx); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for range claimTries {
		err = w.Journal.WriteTogether(ctx, journal.Engine(), func(tx *journal.Tx) (err error) {
			if jobs, p, err = w.take(ctx, tx, l, n, kinds); err != nil || broken != nil {
				return err
			}
			return intend(tx)
		})
		if !errors.Is(err, store.ErrMoved) {
			break
		}
	}
	if err != nil && !errors.Is(err, errNothingToDo) && ctx.Err() == nil {
		// One of them cannot be written: take the leases, and let each commit
		// its intent alone.
		err = w.Journal.Bookkeep(ctx, func(tx *journal.Tx) (err error) {
			jobs, p, err = w.take(ctx, tx, l, n, kinds)
			return err
		})
	}
	if errors.Is(err, errNothingToDo) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	l.shared(p)
	claimed = len(jobs)
	jobs = slices.DeleteFunc(jobs, func(j *job) bool { return j.intent != nil && j.intent.over })
	for _, j := range jobs {
		j.lane, j.target, j.broken = l, target, firstOf(j.broken, broken)
	}
	return jobs, claimed, nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// target opens the connector of an application, unless it is declared no more.
func (w *Worker) target(ctx context.Context, id governance.ApplicationID) (target connector.Connector, known bool, err error) {
	var application *governance.Application
	if err := w.Journal.Read(ctx, func(tx *journal.Tx) error {
		set, err := w.Declared.Set(ctx, tx)
		if err == nil {
			application = set.Applications[id]
		}
		return err
	}); err != nil {
		return nil, false, err
	}
	if application == nil {
		return nil, false, nil
	}
	target, err = w.Targets.Of(*application)
	return target, true, err
}

// abandon ends operations of an application that is declared no more: it goes only
// once its grants are over, and what is left is second reads of a target that
// nobody governs.
func (w *Worker) abandon(ctx context.Context, l *lane, n int) error {
	return w.Journal.Bookkeep(ctx, func(tx *journal.Tx) error {
		jobs, _, err := w.take(ctx, tx, l, n, kinds)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if err := errors.Join(j.finish(ctx, tx, "application_removed"), j.release(ctx, tx)); err != nil {
				return err
			}
		}
		return nil
	})
}

// take takes the leases of up to n accounts, as many as the application's limits
// have room for, and reads what bears on one due operation of each. errNothingToDo:
// there is none.
func (w *Worker) take(ctx context.Context, tx *journal.Tx, l *lane, n int, kinds []grants.OperationKind) ([]*job, pace, error) {
	p, err := paceOf(ctx, tx, l)
	if err != nil {
		return nil, p, err
	}
	if n, _ = p.begin(n); n == 0 || !p.share(l.wants()+n) {
		return nil, p, errNothingToDo
	}
	due, err := tx.DueKinds(ctx, sqlc.DueKindsParams{ApplicationID: string(l.id), Now: store.Micros(tx.Now)})
	if err != nil {
		return nil, p, fmt.Errorf("read which kinds of operations are due: %w", err)
	}
	var rows []sqlc.DueOperationsRow
	for _, kind := range kinds {
		if len(rows) >= n {
			break
		}
		if !slices.Contains(due, string(kind)) {
			continue
		}
		some, err := tx.DueOperations(ctx, sqlc.DueOperationsParams{ApplicationID: string(l.id), Kind: string(kind), Now: store.Micros(tx.Now), LimitTo: int32(n - len(rows))}) //nolint:gosec // n is small
		if err != nil {
			return nil, p, fmt.Errorf("read due operations: %w", err)
		}
		rows = append(rows, some...)
	}
	if len(rows) == 0 {
		return nil, p, errNothingToDo
	}
	// In one order everywhere, so that two processes never wait for each other;
	// of one account's operations the first of the kinds.
	slices.SortStableFunc(rows, func(a, b sqlc.DueOperationsRow) int { return cmp.Compare(a.AccountID, b.AccountID) })
	rows = slices.CompactFunc(rows, func(a, b sqlc.DueOperationsRow) bool { return a.AccountID == b.AccountID })
	// A lease that has run out, as after a step of the clock, is still this
	// process's own as long as its job is in hand.
	inHand := w.leases.keys()
	rows = slices.DeleteFunc(rows, func(row sqlc.DueOperationsRow) bool { return inHand[leaseOf(row.AccountID)] })
	if len(rows) == 0 {
		return nil, p, errNothingToDo
	}
	_, implied, err := w.Discovery.Nestings.Of(ctx, tx, l.id)
	if err != nil {
		return nil, p, err
	}
	var jobs []*job
	for _, row := range rows {
		j := &job{
			op: sqlc.Operation{
				ID: row.ID, Kind: row.Kind, GrantID: row.GrantID, ApplicationID: row.ApplicationID, AccountID: row.AccountID, NextAt: row.NextAt,
				Attempts: row.Attempts, Called: row.Called, LastError: row.LastError, CreatedAt: row.CreatedAt,
			},
			lease: leaseOf(row.AccountID), fence: row.Fence + 1,
		}
		taken, err := w.lease(ctx, tx, j, row.Fence)
		if err != nil {
			return nil, p, err
		}
		if !taken {
			continue
		}
		jobs = append(jobs, j)
		// What was read beside the fence stands, because nobody has held the
		// lease since.
		var live []string
		if row.OtherGrant != "" {
			if live, err = tx.ListLiveGrantsOfAccount(ctx, row.AccountID); err != nil {
				return nil, p, fmt.Errorf("read grants: %w", err)
			}
		}
		j.scene, j.broken = newScene(row.Body, live, implied)
	}
	return jobs, p, p.put(ctx, tx, len(jobs))
}

// lease takes the lease of a job's account, unless somebody has held it since its
// fence was read.
func (w *Worker) lease(ctx context.Context, tx *journal.Tx, j *job, fence int64) (taken bool, err error) {
	var n int64
	until := store.Micros(tx.Now.Add(leaseFor))
	if fence == 0 {
		n, err = tx.AddLease(ctx, sqlc.AddLeaseParams{Key: j.lease, Holder: w.Holder, UntilAt: until})
	} else {
		n, err = tx.TakeLeaseAfter(ctx, sqlc.TakeLeaseAfterParams{Key: j.lease, Fence: fence, Holder: w.Holder, Now: store.Micros(tx.Now), UntilAt: until})
	}
	if err != nil {
		return false, fmt.Errorf("take the lease: %w", err)
	}
	return n == 1, nil
}

// intend commits what is about to be done in the target, or that nothing is.
func (w *Worker) intend(ctx context.Context, tx *journal.Tx, j *job, s scene) (*intent, error) {
	switch kind := grants.OperationKind(j.op.Kind); kind {
	case grants.OperationGrant:
		return w.intendGrant(ctx, tx, j, s)
	case grants.OperationRevoke:
		return w.intendRevoke(ctx, tx, j, s)
	case grants.OperationVerify:
		return &intent{}, nil
	case grants.OperationMakeAccount:
		return w.intendMake(ctx, tx, j, s)
	case grants.OperationRemoveAccount:
		return w.intendRemove(ctx, tx, j, s)
	default:
		return nil, fmt.Errorf("operation %s is of unknown kind %q", j.op.ID, kind)
	}
}
