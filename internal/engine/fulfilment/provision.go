package fulfilment

import (
	"context"
	"errors"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// intendGrant commits that the target is about to be called again for a grant. One
// that it was never called for is read first: see begin.
func (w *Worker) intendGrant(ctx context.Context, tx *journal.Tx, j *job, s scene) (*intent, error) {
	switch s.grant.State {
	case governance.GrantScheduled:
		if !tx.Now.Before(s.grant.NotBefore) {
			return &intent{}, nil
		}
		// It was taken up too early and waits for its time.
		if _, err := tx.DeferOperation(ctx, sqlc.DeferOperationParams{ID: j.op.ID, NextAt: store.Micros(s.grant.NotBefore)}); err != nil {
			return nil, fmt.Errorf("have operation %s wait: %w", j.op.ID, err)
		}
		return &intent{over: true}, nil
	case governance.GrantProvisioning:
		if ends, err := grants.EndDue(ctx, tx, s.grant); err != nil || ends {
			return &intent{over: true}, err // it was not activated in time
		}
		in := &intent{wait: tx.MayGrant()}
		var err error
		if in.wait == nil {
			err = callAgain(ctx, tx, j, s)
		}
		return in, err
	}
	return &intent{over: true}, j.finish(ctx, tx, "superseded")
}

// provision gives a grant: it reads what stands, has the grant decided once more,
// commits the intent, calls the target, and reads back.
func (w *Worker) provision(ctx context.Context, j *job) error {
	if j.scene.grant.State == governance.GrantScheduled {
		goesOn, err := w.prepare(ctx, j)
		if err != nil || !goesOn {
			return err
		}
	}
	change, err := j.scene.change()
	if err != nil {
		return err
	}
	var result connector.Result
	stillGiven := func(ctx context.Context) error { return w.stillIn(ctx, j, governance.GrantProvisioning) }
	err = j.lane.call(ctx, j, stillGiven, func(ctx context.Context) (err error) {
		j.called = true
		if result, err = j.target.Grant(ctx, change); err != nil {
			return err
		}
		reading, err := j.read(ctx, j.scene.grant.Entitlement)
		if err == nil && j.target.Capabilities().ReadBack && !reading.Direct {
			err = fmt.Errorf("the target accepted the grant of %s to %s, but does not show it", j.scene.grant.Entitlement, j.scene.grant.Account)
		}
		return err
	})
	switch {
	case err == nil:
		return w.activate(j, result)
	case refusedForGood(err) && ctx.Err() == nil:
		return w.refused(j, err)
	}
	return w.answered(ctx, j, err, nil)
}

// stillIn errs with errHeldBack when a grant that was in the state a while ago is
// over, or not to be given for another reason. What ends it takes its turn once the
// lease is given back.
func (w *Worker) stillIn(ctx context.Context, j *job, state governance.GrantState) error {
	still := false
	if err := w.Journal.Read(ctx, func(tx *journal.Tx) error {
		g, err := grants.Get(ctx, tx, governance.GrantID(j.op.GrantID))
		if err != nil {
			return err
		}
		_, over := g.DueReason(tx.Now)
		still = g.State == state && !over && tx.MayGrant() == nil
		return nil
	}); err != nil {
		return fmt.Errorf("%w: whether it is still to be given: %w", errHeldBack, err)
	}
	if !still {
		return errHeldBack
	}
	return nil
}

// prepare reads what stands before a grant and begins it; goesOn is false when it
// is not to be given any more.
func (w *Worker) prepare(ctx context.Context, j *job) (goesOn bool, err error) {
	stands := map[governance.EntitlementID]bool{}
	err = j.lane.call(ctx, j, nil, func(ctx context.Context) error {
		for _, id := range append(j.scene.comesWith(), j.scene.grant.Entitlement) {
			reading, err := j.read(ctx, id)
			if err != nil {
				return err
			}
			stands[id] = reading.Direct
		}
		return nil
	})
	if err != nil {
		return false, w.answered(ctx, j, err, nil)
	}
	var begun scene
	err = w.write(j, func(ctx context.Context, tx *journal.Tx, s scene) (over bool, err error) {
		begun, over, err = w.begin(ctx, tx, j, s, stands)
		return over, err
	})
	if errors.Is(err, errNothingToDo) {
		return false, nil
	}
	if err != nil || j.released {
		return false, err
	}
	j.scene = begun
	return true, nil
}

// begin has a grant decided once more and commits that its target is about to be
// called. One that has begun already, by a commit whose answer was lost, goes on.
// over: the grant is not to be given.
func (w *Worker) begin(ctx context.Context, tx *journal.Tx, j *job, s scene, stands map[governance.EntitlementID]bool) (begun scene, over bool, err error) {
	begins := s.grant.State == governance.GrantScheduled
	if !begins && s.grant.State != governance.GrantProvisioning {
		return s, true, j.finish(ctx, tx, "superseded")
	}
	if ends, err := grants.EndDue(ctx, tx, s.grant); err != nil || ends {
		return s, true, err // it was not activated in time
	}
	if mayNot := tx.MayGrant(); mayNot != nil {
		return s, false, mayNot
	}
	if !begins {
		return s, false, callAgain(ctx, tx, j, s)
	}
	refused, err := w.Access.Redecide(ctx, tx, s.grant.Grant)
	if err != nil {
		return s, false, err
	}
	if refused != "" {
		_, err := grants.End(ctx, tx, s.grant, grants.Cause{Reason: governance.EndIneligible, Detail: refused})
		return s, true, err
	}
	if s.abandoned, err = grants.MayStand(ctx, tx, s.grant.Account); err != nil {
		return s, false, err
	}
	var stood []governance.EntitlementID
	for _, id := range s.comesWith() {
		if s.stoodBefore(id, stands[id]) {
			stood = append(stood, id)
		}
	}
	provisioning, err := s.grant.Provision(s.stoodBefore(s.grant.Entitlement, stands[s.grant.Entitlement]), stood, tx.Now)
	if err != nil {
		return s, false, err
	}
	if s.grant, err = grants.Update(ctx, tx, s.grant, provisioning); err != nil {
		return s, false, err
	}
	if err := markCalled(ctx, tx, j); err != nil {
		return s, false, err
	}
	return s, false, grants.Record(tx, "grant.provisioning", provisioning, evidence.Fields{"preexisting": *provisioning.Preexisting, "operation": j.op.ID})
}

// callAgain writes that the target is about to be called for a grant that has begun.
// A crash may have come between the commit of that and the ledger.
func callAgain(ctx context.Context, tx *journal.Tx, j *job, s scene) error {
	tx.Outside.Stands(s.grant.Grant)
	return markCalled(ctx, tx, j)
}

func markCalled(ctx context.Context, tx *journal.Tx, j *job) error {
	if j.op.Called {
		return nil
	}
	if err := tx.MarkCalled(ctx, j.op.ID); err != nil {
		return fmt.Errorf("mark operation %s: %w", j.op.ID, err)
	}
	return nil
}

// refused ends a grant that the target will not give.
func (w *Worker) refused(j *job, cause error) error {
	err := w.write(j, func(ctx context.Context, tx *journal.Tx, s scene) (over bool, err error) {
		_, err = grants.End(ctx, tx, s.grant, grants.Cause{Reason: governance.EndProvisionFailed, Detail: cause.Error()})
		return true, err
	})
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	return err
}

// activate writes that the right was given and read. A grant that ended meanwhile
// stays ended: its revocation takes back what was given.
func (w *Worker) activate(j *job, result connector.Result) error {
	err := w.write(j, func(ctx context.Context, tx *journal.Tx, s scene) (over bool, err error) {
		active, err := s.grant.Activate(tx.Now)
		if err != nil {
			return false, err
		}
		if _, err := grants.Update(ctx, tx, s.grant, active); err != nil {
			return false, err
		}
		for _, id := range append(s.comesWith(), active.Entitlement) {
			if err := tx.NoteAssignment(ctx, sqlc.NoteAssignmentParams{ApplicationID: string(active.Application), AccountID: string(active.Account), EntitlementID: string(id), FirstSeen: store.Micros(tx.Now)}); err != nil {
				return false, fmt.Errorf("note assignment: %w", err)
			}
		}
		if err := j.finish(ctx, tx, "granted"); err != nil {
			return false, err
		}
		if err := tx.MarkFindingsDue(ctx, string(active.Application)); err != nil {
			return false, err
		}
		return true, grants.Record(tx, "grant.activated", active, evidence.Fields{"not_after": active.NotAfter, "changed": result.Changed, "operation": j.op.ID})
	})
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	return err
}
