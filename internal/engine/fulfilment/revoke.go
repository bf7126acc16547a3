package fulfilment

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// intendRevoke commits that the target is about to be called, or ends the grant
// without a call where another grant still holds the same right or it stood
// before.
func (w *Worker) intendRevoke(ctx context.Context, tx *journal.Tx, j *job, s scene) (*intent, error) {
	switch {
	case s.covered(s.grant.Entitlement):
		return &intent{over: true}, w.endWithoutCall(ctx, tx, j, s, governance.OutcomeCovered)
	case s.grant.Preexisting != nil && *s.grant.Preexisting:
		return &intent{over: true}, w.endWithoutCall(ctx, tx, j, s, governance.OutcomePreexisting)
	}
	in := &intent{keep: slices.Clone(s.grant.Stood)}
	for _, id := range s.comesWith() {
		if s.covered(id) {
			in.keep = append(in.keep, id)
		}
	}
	return in, markCalled(ctx, tx, j)
}

func (w *Worker) endWithoutCall(ctx context.Context, tx *journal.Tx, j *job, s scene, outcome governance.Outcome) error {
	if err := j.finish(ctx, tx, string(outcome)); err != nil {
		return err
	}
	if !s.grant.State.Live() {
		return nil // a right that came back is covered now
	}
	ended, err := s.grant.Finish(outcome, tx.Now)
	if err != nil {
		return err
	}
	if _, err := grants.Update(ctx, tx, s.grant, ended); err != nil {
		return err
	}
	if err := tx.MarkFindingsDue(ctx, j.op.ApplicationID); err != nil {
		return err
	}
	return grants.Record(tx, "grant.ended", ended, endFields(ended, j))
}

// revoke takes a right back and ends the grant with what was observed.
func (w *Worker) revoke(ctx context.Context, j *job) error {
	change, err := j.scene.change()
	if err != nil {
		return err
	}
	for _, id := range j.intent.keep {
		entitlement, err := native(id)
		if err != nil {
			return err
		}
		change.Keep = append(change.Keep, entitlement)
	}
	end := observedEnd{outcome: governance.OutcomeRemovedElsewhere, kept: j.intent.keep}
	var revoked connector.Revocation
	if can := j.target.Capabilities(); can.Together && can.ReadBack && j.scene.grant.ActivatedAt != nil {
		if revoked, err = j.lane.revokeTogether(ctx, j, change); err == nil && !revoked.Alone {
			err = end.judge(j, revoked.Result, revoked.Reading)
		}
		if err != nil {
			return w.answered(ctx, j, err, nil)
		}
		if !revoked.Alone {
			return w.gone(j, end)
		}
	}
	var result connector.Result
	err = j.lane.call(ctx, j, nil, func(ctx context.Context) (err error) {
		if j.scene.grant.ActivatedAt == nil && j.target.Capabilities().ReadBack {
			// What was never seen to stand may never have been given: then there
			// is nothing to take, and a target that refused the grant would
			// refuse its revocation as well.
			end.reading, err = j.read(ctx, j.scene.grant.Entitlement)
			if err != nil {
				return err
			}
			left := false
			if !end.reading.Direct {
				if left, err = j.leftToIt(ctx); err != nil {
					return err
				}
			}
			if !end.reading.Direct && !left {
				end.outcome, end.kept = governance.OutcomeRemoved, nil
				return nil
			}
		}
		j.called = true
		if result, err = j.target.Revoke(ctx, change); err != nil {
			return err
		}
		result.Changed = result.Changed || revoked.Changed
		reading, err := j.read(ctx, j.scene.grant.Entitlement)
		if err != nil {
			return err
		}
		return end.judge(j, result, reading)
	})
	if err != nil {
		return w.answered(ctx, j, err, func(_ context.Context, tx *journal.Tx) error { return recordSessions(tx, j, result.Ended) })
	}
	return w.gone(j, end)
}

// judge takes in what a revocation did and what was read after it. It errs where the
// right still stands.
func (e *observedEnd) judge(j *job, result connector.Result, reading connector.Reading) error {
	e.sessions, e.reading = result.Ended, reading
	switch {
	case reading.Direct:
		return fmt.Errorf("%s still holds %s after it was revoked", j.scene.grant.Account, j.scene.grant.Entitlement)
	case !j.target.Capabilities().ReadBack:
		e.outcome = governance.OutcomeUnverifiable
	case result.Changed || j.op.Called:
		e.outcome = governance.OutcomeRemoved
	}
	return nil
}

// leftToIt reports whether something stands that comes with the grant's entitlement and
// that nobody else holds: another grant may have given it, and ended as covered by this
// one.
func (j *job) leftToIt(ctx context.Context) (bool, error) {
	for _, id := range j.scene.comesWith() {
		if slices.Contains(j.intent.keep, id) {
			continue
		}
		reading, err := j.read(ctx, id)
		if err != nil || reading.Direct {
			return reading.Direct, err
		}
	}
	return false, nil
}

// recordSessions leaves evidence of what a revocation ended before it failed.
func recordSessions(tx *journal.Tx, j *job, ended []connector.Session) error {
	if len(ended) == 0 {
		return nil
	}
	return grants.Record(tx, "grant.sessions_ended", j.scene.grant.Grant, evidence.Fields{"sessions_ended": sessionFields(ended)})
}

// observedEnd is what the target showed when a right was gone.
type observedEnd struct {
	outcome  governance.Outcome
	reading  connector.Reading
	sessions []connector.Session
	kept     []governance.EntitlementID
}

func endFields(g governance.Grant, j *job) evidence.Fields {
	return evidence.Fields{
		"outcome": g.Outcome, "reason": g.EndReason, "due_at": g.RevokingAt,
		"late_us": g.EndedAt.Sub(*g.RevokingAt).Microseconds(), "operation": j.op.ID,
	}
}

// gone writes that the right was read and is not there, and plans the second
// read, after the target can no longer act on an earlier call.
func (w *Worker) gone(j *job, end observedEnd) error {
	err := w.write(j, func(ctx context.Context, tx *journal.Tx, s scene) (over bool, err error) {
		g, kind := s.grant.Grant, "grant.removed_again"
		fields := evidence.Fields{"operation": j.op.ID}
		ends := g.State.Live()
		if ends {
			if g, err = g.Finish(end.outcome, tx.Now); err != nil {
				return false, err
			}
			if _, err := grants.Update(ctx, tx, s.grant, g); err != nil {
				return false, err
			}
			kind, fields = "grant.ended", endFields(g, j)
		}
		if err := forget(ctx, tx, s, end.kept); err != nil {
			return false, err
		}
		// Nothing lingers of a grant before it ends.
		lingers := end.reading.Effective || end.outcome == governance.OutcomeUnverifiable
		if lingers || !ends {
			if err := tx.SetLingering(ctx, sqlc.SetLingeringParams{ID: string(g.ID), Lingering: lingers}); err != nil {
				return false, fmt.Errorf("mark grant %s: %w", g.ID, err)
			}
		}
		if !lingers && !ends {
			tx.Outside.Over(g.ID)
		}
		if err := j.finish(ctx, tx, string(end.outcome)); err != nil {
			return false, err
		}
		if err := grants.AddOperation(ctx, tx, g, grants.OperationVerify, tx.Now.Add(j.target.Capabilities().Bound+leaseFor)); err != nil {
			return false, err
		}
		if err := tx.MarkFindingsDue(ctx, j.op.ApplicationID); err != nil {
			return false, err
		}
		fields["still_effective"] = end.reading.Effective
		fields["sessions_ended"] = sessionFields(end.sessions)
		return true, grants.Record(tx, kind, g, fields)
	})
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	return err
}

// forget takes what is gone out of what is observed.
func forget(ctx context.Context, tx *journal.Tx, s scene, kept []governance.EntitlementID) error {
	for _, id := range append(s.comesWith(), s.grant.Entitlement) {
		if slices.Contains(kept, id) {
			continue
		}
		if err := tx.DeleteAssignment(ctx, sqlc.DeleteAssignmentParams{AccountID: string(s.grant.Account), EntitlementID: string(id)}); err != nil {
			return fmt.Errorf("forget assignment: %w", err)
		}
	}
	return nil
}

func sessionFields(sessions []connector.Session) []evidence.Fields {
	list := make([]evidence.Fields, len(sessions))
	for i, s := range sessions {
		list[i] = evidence.Fields{"id": s.ID, "client": journal.Private(s.Client), "program": journal.Private(s.Program)}
		if !s.StartedAt.IsZero() {
			list[i]["started_at"] = s.StartedAt
		}
	}
	return list
}

// verify is the second read of a grant that is over: a right that came back is
// revoked again.
func (w *Worker) verify(ctx context.Context, j *job) error {
	var reading connector.Reading
	err := j.lane.call(ctx, j, nil, func(ctx context.Context) (err error) {
		reading, err = j.read(ctx, j.scene.grant.Entitlement)
		return err
	})
	if err != nil {
		return w.answered(ctx, j, err, nil)
	}
	err = w.write(j, func(ctx context.Context, tx *journal.Tx, s scene) (over bool, err error) {
		// What the target was never called for, and what stood before, is not the
		// grant's.
		gave := s.grant.Preexisting != nil && !*s.grant.Preexisting
		if !reading.Direct || !gave || s.grant.State.Live() || s.covered(s.grant.Entitlement) {
			return true, j.finish(ctx, tx, "verified")
		}
		if err := j.finish(ctx, tx, "resurfaced"); err != nil {
			return false, err
		}
		if err := grants.AddOperation(ctx, tx, s.grant.Grant, grants.OperationRevoke, tx.Now); err != nil {
			return false, err
		}
		if err := tx.MarkFindingsDue(ctx, j.op.ApplicationID); err != nil {
			return false, err
		}
		return true, grants.Record(tx, "grant.resurfaced", s.grant.Grant, evidence.Fields{"operation": j.op.ID})
	})
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	return err
}
