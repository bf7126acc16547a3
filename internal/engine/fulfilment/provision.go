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

// provision gives a scheduled grant: it reads what stands, has the grant decided
// once more, commits the intent, calls the target, and reads back.
func (w *Worker) provision(ctx context.Context, j *job) error {
	s, err := w.intend(ctx, j)
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	if err != nil {
		return err
	}
	change, err := j.change(s)
	if err != nil {
		return err
	}
	result, err := j.target.Grant(ctx, change)
	if err != nil {
		return w.grantFailed(ctx, j, err)
	}
	reading, err := j.read(ctx, s, s.grant.Entitlement)
	if err != nil {
		return w.retry(ctx, j, err)
	}
	if j.target.Capabilities().ReadBack && !reading.Direct {
		return w.retry(ctx, j, fmt.Errorf("the target accepted the grant of %s to %s, but does not show it", s.grant.Entitlement, s.grant.Account))
	}
	return w.activate(ctx, j, result)
}

// intend commits that the target is about to be called. errNothingToDo: the
// grant is not to be given (any more).
func (w *Worker) intend(ctx context.Context, j *job) (scene, error) {
	var s scene
	err := w.Journal.Read(ctx, func(tx *journal.Tx) (err error) {
		s, err = j.scene(ctx, tx)
		return err
	})
	if err != nil {
		return s, err
	}
	stands := map[governance.EntitlementID]bool{}
	if s.grant.State == governance.GrantScheduled {
		for _, id := range append(s.comesWith(), s.grant.Entitlement) {
			reading, err := j.read(ctx, s, id)
			if err != nil {
				return s, errors.Join(w.retry(ctx, j, err), errNothingToDo)
			}
			stands[id] = reading.Direct
		}
	}
	nothing := false
	err = w.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) error {
		nothing = false
		done, err := j.still(ctx, tx)
		if err != nil {
			return err
		}
		if s, err = j.scene(ctx, tx); err != nil {
			return err
		}
		switch {
		case done:
			nothing = true
			return nil
		case tx.ClockBehind:
			return journal.ErrClock()
		case s.grant.State == governance.GrantProvisioning:
			return markCalled(ctx, tx, j)
		case s.grant.State != governance.GrantScheduled:
			nothing = true
			return w.finish(ctx, tx, j, "superseded")
		}
		refused, err := w.Access.Redecide(ctx, tx, s.grant.Grant)
		if err != nil {
			return err
		}
		if refused != "" {
			nothing = true
			_, err := grants.End(ctx, tx, s.grant, grants.Cause{Reason: governance.EndIneligible, Detail: refused})
			return err
		}
		return begin(ctx, tx, j, &s, stands)
	})
	if err == nil && nothing {
		err = errNothingToDo
	}
	return s, err
}

func begin(ctx context.Context, tx *journal.Tx, j *job, s *scene, stands map[governance.EntitlementID]bool) error {
	var stood []governance.EntitlementID
	for _, id := range s.comesWith() {
		if s.stoodBefore(id, stands[id]) {
			stood = append(stood, id)
		}
	}
	provisioning, err := s.grant.Provision(s.stoodBefore(s.grant.Entitlement, stands[s.grant.Entitlement]), stood)
	if err != nil {
		return err
	}
	if s.grant, err = grants.Update(ctx, tx, s.grant, provisioning); err != nil {
		return err
	}
	if err := markCalled(ctx, tx, j); err != nil {
		return err
	}
	return grants.Record(tx, "grant.provisioning", provisioning, evidence.Fields{"preexisting": *provisioning.Preexisting, "operation": j.op.ID})
}

func markCalled(ctx context.Context, tx *journal.Tx, j *job) error {
	if _, err := tx.MarkCalled(ctx, j.op.ID); err != nil {
		return fmt.Errorf("mark operation %s: %w", j.op.ID, err)
	}
	return nil
}

func (w *Worker) grantFailed(ctx context.Context, j *job, cause error) error {
	if !refusedForGood(cause) {
		return w.retry(ctx, j, cause)
	}
	return w.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) error {
		done, err := j.still(ctx, tx)
		if err != nil || done {
			return err
		}
		s, err := j.scene(ctx, tx)
		if err != nil {
			return err
		}
		_, err = grants.End(ctx, tx, s.grant, grants.Cause{Reason: governance.EndProvisionFailed, Detail: cause.Error()})
		return err
	})
}

func (w *Worker) activate(ctx context.Context, j *job, result connector.Result) error {
	return w.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) error {
		done, err := j.still(ctx, tx)
		if err != nil || done {
			return err // ended meanwhile: its revocation takes back what was given
		}
		s, err := j.scene(ctx, tx)
		if err != nil {
			return err
		}
		active, err := s.grant.Activate(tx.Now)
		if err != nil {
			return err
		}
		if _, err := grants.Update(ctx, tx, s.grant, active); err != nil {
			return err
		}
		for _, id := range append(s.comesWith(), active.Entitlement) {
			if err := tx.NoteAssignment(ctx, sqlc.NoteAssignmentParams{ApplicationID: string(active.Application), AccountID: string(active.Account), EntitlementID: string(id), FirstSeen: store.Micros(tx.Now)}); err != nil {
				return fmt.Errorf("note assignment: %w", err)
			}
		}
		if err := w.finish(ctx, tx, j, "granted"); err != nil {
			return err
		}
		if err := tx.MarkFindingsDue(ctx, string(active.Application)); err != nil {
			return err
		}
		return grants.Record(tx, "grant.activated", active, evidence.Fields{"not_after": active.NotAfter, "changed": result.Changed, "operation": j.op.ID})
	})
}
