package fulfilment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/discovery"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

func (w *Worker) perform(ctx context.Context, j *job) error {
	calls, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	switch kind := grants.OperationKind(j.op.Kind); kind {
	case grants.OperationGrant:
		return w.provision(calls, j)
	case grants.OperationRevoke:
		return w.revoke(calls, j)
	case grants.OperationVerify:
		return w.verify(calls, j)
	default:
		return fmt.Errorf("operation %s is of unknown kind %q", j.op.ID, kind)
	}
}

// scene is a grant with what bears on it in its account.
type scene struct {
	grant grants.Stored
	// others are the account's other live grants that the target was called
	// for.
	others  []grants.Stored
	implied governance.Inclusions
}

func (j *job) scene(ctx context.Context, tx *journal.Tx) (scene, error) {
	var s scene
	var err error
	if s.grant, err = grants.Get(ctx, tx, governance.GrantID(j.op.GrantID)); err != nil {
		return s, err
	}
	live, err := grants.List(tx.ListLiveGrantsOfAccount(ctx, j.op.AccountID))
	if err != nil {
		return s, err
	}
	for _, g := range live {
		if g.ID != s.grant.ID && g.State != governance.GrantScheduled {
			s.others = append(s.others, g)
		}
	}
	_, s.implied, err = discovery.Inclusions(tx.ListInclusions(ctx, j.op.ApplicationID))
	return s, err
}

// comesWith lists what the target puts on the account together with the grant's
// entitlement, without that itself.
func (s scene) comesWith() []governance.EntitlementID {
	var ids []governance.EntitlementID
	for id := range s.implied.Closure(s.grant.Entitlement) {
		if id != s.grant.Entitlement {
			ids = append(ids, id)
		}
	}
	return ids
}

// covered reports whether another live grant holds the entitlement. One that is
// being revoked counts: it takes the right along when its turn comes, the last
// of them with nobody left to cover it.
func (s scene) covered(id governance.EntitlementID) bool {
	for _, other := range s.others {
		if _, holds := s.implied.Closure(other.Entitlement)[id]; holds {
			return true
		}
	}
	return false
}

// stoodBefore says whether the entitlement stood before the first of the live
// grants that hold it, given whether it stands now.
func (s scene) stoodBefore(id governance.EntitlementID, now bool) bool {
	for _, other := range s.others {
		if _, holds := s.implied.Closure(other.Entitlement)[id]; !holds || other.Preexisting == nil {
			continue
		}
		if id == other.Entitlement {
			return *other.Preexisting
		}
		for _, stood := range other.Stood {
			if stood == id {
				return true
			}
		}
		return false
	}
	return now
}

// native is an entitlement as its connector names it.
func native(id governance.EntitlementID) (connector.Entitlement, error) {
	_, kind, nativeID, err := id.Split()
	return connector.Entitlement{Kind: kind, NativeID: nativeID}, err
}

func (j *job) change(s scene) (connector.Change, error) {
	_, account, err := s.grant.Account.Split()
	if err != nil {
		return connector.Change{}, err
	}
	entitlement, err := native(s.grant.Entitlement)
	return connector.Change{Account: account, Entitlement: entitlement}, err
}

func (j *job) read(ctx context.Context, s scene, id governance.EntitlementID) (connector.Reading, error) {
	_, account, err := s.grant.Account.Split()
	if err != nil {
		return connector.Reading{}, err
	}
	entitlement, err := native(id)
	if err != nil {
		return connector.Reading{}, err
	}
	reading, err := j.target.Read(ctx, account, entitlement)
	if err != nil {
		return reading, fmt.Errorf("read %s of %s: %w", id, s.grant.Account, err)
	}
	return reading, nil
}

// finish ends the operation and, in the same transaction, gives the account
// free: a process that dies right after leaves nothing to wait for.
func (w *Worker) finish(ctx context.Context, tx *journal.Tx, j *job, result string) error {
	if _, err := tx.FinishOperation(ctx, sqlc.FinishOperationParams{ID: j.op.ID, DoneAt: store.NullMicros(&tx.Now), Result: result}); err != nil {
		return fmt.Errorf("finish operation %s: %w", j.op.ID, err)
	}
	return tx.DropLease(ctx, sqlc.DropLeaseParams{Key: j.lease, Fence: j.fence})
}

// retry plans the next attempt of a claimed operation after a target's error.
func (w *Worker) retry(ctx context.Context, j *job, cause error) error {
	w.Logger.Warn("target call failed; it is tried again", "operation", j.op.ID, "kind", j.op.Kind, "application", j.op.ApplicationID, "account", j.op.AccountID, "attempt", j.op.Attempts+1, "error", cause)
	w.postpone(ctx, j.op.ID, cause)
	return nil
}

const (
	firstPause = 250 * time.Millisecond
	// longestPause bounds how long a revocation waits after its target is back.
	longestPause = 15 * time.Second
)

// pause is the time before the next attempt: doubled each time up to a bound,
// the upper half of it at random.
func (w *Worker) pause(attempts int64) time.Duration {
	longest := longestPause
	if attempts < 6 {
		longest = firstPause << attempts
	}
	return longest/2 + time.Duration(w.Jitter(int64(longest/2)))
}

func (w *Worker) postpone(ctx context.Context, id string, cause error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := w.Journal.Bookkeep(ctx, func(tx *journal.Tx) error {
		op, err := tx.GetOperation(ctx, id)
		if err != nil {
			return err
		}
		if err := w.overdue(ctx, tx, op); err != nil {
			return err
		}
		_, err = tx.RetryOperation(ctx, sqlc.RetryOperationParams{ID: id, NextAt: store.Micros(tx.Now.Add(w.pause(op.Attempts))), LastError: cause.Error()})
		return err
	})
	if err != nil {
		w.Logger.Error("the next attempt is not written; the operation stays due", "operation", id, "error", err)
	}
}

// overdue speaks up about a revocation that takes too long; the finding follows
// from the same state.
func (w *Worker) overdue(ctx context.Context, tx *journal.Tx, op sqlc.Operation) error {
	if op.Kind != string(grants.OperationRevoke) {
		return nil
	}
	g, err := grants.Get(ctx, tx, governance.GrantID(op.GrantID))
	if err != nil || g.RevokingAt == nil {
		return err
	}
	late := tx.Now.Sub(*g.RevokingAt)
	if late < governance.OverdueAfter {
		return nil
	}
	w.Logger.Error("revocation is overdue", "grant", g.ID, "account", g.Account, "entitlement", g.Entitlement, "late", late)
	return tx.MarkFindingsDue(ctx, op.ApplicationID)
}

// readBackSoon queues a read of the target after a call whose lease was lost.
func (w *Worker) readBackSoon(ctx context.Context, tx *journal.Tx, j *job) error {
	g, err := grants.Get(ctx, tx, governance.GrantID(j.op.GrantID))
	if err != nil {
		return err
	}
	return grants.AddOperation(ctx, tx, g.Grant, grants.OperationVerify, tx.Now.Add(j.bound))
}

// refusedForGood reports whether trying the same grant again is pointless.
func refusedForGood(err error) bool {
	return errors.Is(err, connector.ErrAccountNotFound) || errors.Is(err, connector.ErrEntitlementNotFound) ||
		errors.Is(err, connector.ErrPermission) || errors.Is(err, connector.ErrUnsupported)
}
