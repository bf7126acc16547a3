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
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// revoke takes a grant back, unless another grant still holds the same right or
// it stood before, and ends the grant with what was observed.
func (w *Worker) revoke(ctx context.Context, j *job) error {
	s, keep, err := w.intendRevoke(ctx, j)
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.grant.ActivatedAt == nil {
		// What was never seen to stand may never have been given: then there
		// is nothing to take, and a target that refused the grant would refuse
		// its revocation as well.
		reading, err := j.read(ctx, s, s.grant.Entitlement)
		if err == nil && !reading.Direct && j.target.Capabilities().ReadBack {
			return w.gone(ctx, j, observedEnd{outcome: governance.OutcomeRemoved, reading: reading})
		}
	}
	change, err := j.change(s)
	if err != nil {
		return err
	}
	for _, id := range keep {
		entitlement, err := native(id)
		if err != nil {
			return err
		}
		change.Keep = append(change.Keep, entitlement)
	}
	result, err := j.target.Revoke(ctx, change)
	if err != nil {
		return errors.Join(w.recordSessions(ctx, s, result), w.retry(ctx, j, err))
	}
	reading, err := j.read(ctx, s, s.grant.Entitlement)
	if err != nil {
		return w.retry(ctx, j, err)
	}
	if reading.Direct {
		return w.retry(ctx, j, fmt.Errorf("%s still holds %s after it was revoked", s.grant.Account, s.grant.Entitlement))
	}
	end := observedEnd{outcome: governance.OutcomeRemovedElsewhere, reading: reading, sessions: result.Ended, kept: keep}
	switch {
	case !j.target.Capabilities().ReadBack:
		end.outcome = governance.OutcomeUnverifiable
	case result.Changed || j.op.Called:
		end.outcome = governance.OutcomeRemoved
	}
	return w.gone(ctx, j, end)
}

// recordSessions leaves evidence of what a revocation ended before it failed.
func (w *Worker) recordSessions(ctx context.Context, s scene, result connector.Result) error {
	if len(result.Ended) == 0 {
		return nil
	}
	return w.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) error {
		return grants.Record(tx, "grant.sessions_ended", s.grant.Grant, evidence.Fields{"sessions_ended": sessionFields(result.Ended)})
	})
}

// intendRevoke commits that the target is about to be called, or ends the grant
// without a call. keep lists what has to stay on the account.
func (w *Worker) intendRevoke(ctx context.Context, j *job) (s scene, keep []governance.EntitlementID, err error) {
	nothing := false
	err = w.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) error {
		nothing, keep = true, nil
		done, err := j.still(ctx, tx)
		if err != nil || done {
			return err
		}
		if s, err = j.scene(ctx, tx); err != nil {
			return err
		}
		switch {
		case s.covered(s.grant.Entitlement):
			return w.endWithoutCall(ctx, tx, j, s, governance.OutcomeCovered)
		case s.grant.Preexisting != nil && *s.grant.Preexisting:
			return w.endWithoutCall(ctx, tx, j, s, governance.OutcomePreexisting)
		}
		nothing = false
		keep = append(keep, s.grant.Stood...)
		for _, id := range s.comesWith() {
			if s.covered(id) {
				keep = append(keep, id)
			}
		}
		return markCalled(ctx, tx, j)
	})
	if err == nil && nothing {
		err = errNothingToDo
	}
	return s, keep, err
}

func (w *Worker) endWithoutCall(ctx context.Context, tx *journal.Tx, j *job, s scene, outcome governance.Outcome) error {
	if err := w.finish(ctx, tx, j, string(outcome)); err != nil {
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
func (w *Worker) gone(ctx context.Context, j *job, end observedEnd) error {
	return w.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) error {
		done, err := j.still(ctx, tx)
		if err != nil || done {
			return err
		}
		s, err := j.scene(ctx, tx)
		if err != nil {
			return err
		}
		g, kind := s.grant.Grant, "grant.removed_again"
		fields := evidence.Fields{"operation": j.op.ID}
		if g.State.Live() {
			if g, err = g.Finish(end.outcome, tx.Now); err != nil {
				return err
			}
			if _, err := grants.Update(ctx, tx, s.grant, g); err != nil {
				return err
			}
			kind, fields = "grant.ended", endFields(g, j)
		}
		if err := w.forget(ctx, tx, s, end.kept); err != nil {
			return err
		}
		if err := tx.SetLingering(ctx, sqlc.SetLingeringParams{ID: string(g.ID), Lingering: end.reading.Effective}); err != nil {
			return fmt.Errorf("mark grant %s: %w", g.ID, err)
		}
		if err := w.finish(ctx, tx, j, string(end.outcome)); err != nil {
			return err
		}
		if err := grants.AddOperation(ctx, tx, g, grants.OperationVerify, tx.Now.Add(j.bound+leaseFor)); err != nil {
			return err
		}
		if err := tx.MarkFindingsDue(ctx, j.op.ApplicationID); err != nil {
			return err
		}
		fields["still_effective"] = end.reading.Effective
		fields["sessions_ended"] = sessionFields(end.sessions)
		return grants.Record(tx, kind, g, fields)
	})
}

// forget takes what is gone out of what is observed.
func (w *Worker) forget(ctx context.Context, tx *journal.Tx, s scene, kept []governance.EntitlementID) error {
	gone := append(s.comesWith(), s.grant.Entitlement)
	for _, id := range gone {
		stays := false
		for _, k := range kept {
			stays = stays || k == id
		}
		if stays {
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
	var s scene
	if err := w.Journal.Read(ctx, func(tx *journal.Tx) (err error) {
		s, err = j.scene(ctx, tx)
		return err
	}); err != nil {
		return err
	}
	reading, err := j.read(ctx, s, s.grant.Entitlement)
	if err != nil {
		return w.retry(ctx, j, err)
	}
	return w.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) error {
		done, err := j.still(ctx, tx)
		if err != nil || done {
			return err
		}
		if s, err = j.scene(ctx, tx); err != nil {
			return err
		}
		if !reading.Direct || s.grant.State.Live() || s.covered(s.grant.Entitlement) {
			return w.finish(ctx, tx, j, "verified")
		}
		if err := w.finish(ctx, tx, j, "resurfaced"); err != nil {
			return err
		}
		if err := grants.AddOperation(ctx, tx, s.grant.Grant, grants.OperationRevoke, tx.Now); err != nil {
			return err
		}
		if err := tx.MarkFindingsDue(ctx, j.op.ApplicationID); err != nil {
			return err
		}
		return grants.Record(tx, "grant.resurfaced", s.grant.Grant, evidence.Fields{"operation": j.op.ID})
	})
}
