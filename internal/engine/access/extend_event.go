package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// ExtendEvent gives an open event from outside, found by id or name, a later
// end. Whoever holds a live grant for it, or answers for who does, may not. No
// grant is lengthened by it. The end of a declared event is its author's.
func (a *Access) ExtendEvent(ctx context.Context, by journal.Actor, ref string, endsAt time.Time, justification string) (governance.OpenEvent, error) {
	what := fmt.Sprintf("business event %q", ref)
	if err := fault.FromProblems(what, governance.CheckExtension(justification)); err != nil {
		return governance.OpenEvent{}, err
	}
	var extended governance.OpenEvent
	err := a.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		was, err := heldEvent(ctx, tx, what, ref)
		if err != nil {
			return err
		}
		if extended, err = was.Extend(endsAt, tx.Now); err != nil {
			var problems governance.Problems
			if errors.As(err, &problems) {
				return fault.FromProblems(what, problems)
			}
			return err
		}
		if err := grants.Disinterested(ctx, tx, was.ID, by.Identity); err != nil {
			return err
		}
		body, err := declared.Encode(extended.BusinessEvent)
		if err != nil {
			return err
		}
		n, err := tx.UpdateEvent(ctx, sqlc.UpdateEventParams{ID: string(was.ID), EndsAt: store.Micros(endsAt), Body: body, Version: was.Version})
		if err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.VersionMismatch, "%s was changed meanwhile; read it again", what))
		}
		marker := grants.NewMarker(ctx, tx)
		if marker.Event(was.ID); marker.Err() != nil {
			return marker.Err()
		}
		return tx.Record("business_event.extended", "business_event", string(was.ID), evidence.Fields{
			"name": was.Name, "kind": was.Kind, "was": was.EndsAt, "ends_at": endsAt, "justification": journal.Private(justification),
		})
	})
	return extended, err
}

// heldEvent is an event from outside that nobody grants for, closes or changes
// until the transaction ends.
func heldEvent(ctx context.Context, tx *journal.Tx, what, ref string) (governance.OpenEvent, error) {
	found, err := findEvent(ctx, tx, ref)
	if err != nil {
		return governance.OpenEvent{}, err
	}
	if found == nil {
		return governance.OpenEvent{}, fault.New(fault.NotFound, "no %s", what)
	}
	if _, err := tx.UseEvent(ctx, string(found.ID)); err != nil {
		return *found, fmt.Errorf("hold %s: %w", what, err)
	}
	row, err := tx.GetEvent(ctx, string(found.ID))
	if err != nil {
		return *found, fmt.Errorf("read %s: %w", what, err)
	}
	if row.Declared {
		return *found, fault.New(fault.Conflict, "%s is declared in Terraform; change its ends_at there, or the next apply would take the change back", what)
	}
	event, err := declared.EventFrom(row)
	if err != nil {
		return *found, err
	}
	return *event, nil
}
