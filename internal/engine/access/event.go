package access

import (
	"context"
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

// OpenEvent opens a business event from outside; its id is a new UUIDv7. Two
// open events of one name are refused, so that a name says which is meant. A call
// that comes again is answered with the event that it opened before, as that is now.
func (a *Access) OpenEvent(ctx context.Context, by journal.Actor, e governance.BusinessEvent) (governance.OpenEvent, error) {
	what := fmt.Sprintf("business event %q", e.Name)
	if err := fault.FromProblems(what, e.Check()); err != nil {
		return governance.OpenEvent{}, err
	}
	var opened governance.OpenEvent
	err := a.Journal.Write(ctx, by, func(tx *journal.Tx) (err error) {
		id := tx.NewID()
		made, err := tx.Once(ctx, id)
		if err != nil {
			return err
		}
		if made != id {
			before, err := findEvent(ctx, tx, made)
			if err == nil {
				opened = *before
			}
			return err
		}
		opened, err = a.open(ctx, tx, id, e)
		return err
	})
	return opened, err
}

// OpenEventIn opens an event, which is right by itself, in a transaction.
func (a *Access) OpenEventIn(ctx context.Context, tx *journal.Tx, e governance.BusinessEvent) (governance.OpenEvent, error) {
	return a.open(ctx, tx, tx.NewID(), e)
}

func (a *Access) open(ctx context.Context, tx *journal.Tx, id string, e governance.BusinessEvent) (governance.OpenEvent, error) {
	what := fmt.Sprintf("business event %q", e.Name)
	var opened governance.OpenEvent
	if !tx.Now.Before(e.EndsAt) {
		return opened, fault.FromProblems(what, governance.Problems{{Field: "ends_at", Code: governance.CodeInvalid, Message: fmt.Sprintf("%s is past; an event ends in the future", e.EndsAt.UTC().Format(time.RFC3339))}})
	}
	if err := a.checkAttributes(ctx, tx, what, e); err != nil {
		return opened, err
	}
	if err := checkAssignee(ctx, tx, what, e); err != nil {
		return opened, err
	}
	same, err := tx.FindOpenEvents(ctx, e.Name)
	if err != nil {
		return opened, fmt.Errorf("look for %s: %w", what, err)
	}
	if len(same) > 0 {
		return opened, fault.New(fault.AlreadyExists, "%s is open already with id %s; close it first or use another name", what, same[0].ID)
	}
	opened = governance.OpenEvent{BusinessEvent: e, ID: governance.EventID(id), OpenedAt: tx.Now, Version: 1}
	body, err := declared.Encode(e)
	if err != nil {
		return opened, err
	}
	if _, err := tx.InsertEvent(ctx, sqlc.InsertEventParams{
		ID: string(opened.ID), Name: e.Name, OpenedAt: store.Micros(tx.Now), EndsAt: store.Micros(e.EndsAt), Body: body,
	}); err != nil {
		return opened, fmt.Errorf("open %s: %w", what, err)
	}
	fields := evidence.Fields{"name": e.Name, "kind": e.Kind, "ends_at": e.EndsAt, "reference": journal.Private(e.Reference)}
	if e.Assignee != "" {
		fields["assignee"] = e.Assignee
	}
	if e.Severity != nil {
		fields["severity"] = *e.Severity
	}
	if len(e.Attributes) > 0 {
		values := evidence.Fields{}
		for name, value := range e.Attributes {
			values[name] = evidence.Private(string(value))
		}
		fields["attributes"] = values
	}
	return opened, tx.Record("business_event.opened", "business_event", string(opened.ID), fields)
}

// checkAttributes demands that the event's attributes are declared, and holds
// their declarations until the transaction ends.
func (a *Access) checkAttributes(ctx context.Context, tx *journal.Tx, what string, e governance.BusinessEvent) error {
	read := a.Declared.Set
	for _, id := range governance.AttributesUsed(e) {
		n, err := tx.UseDeclared(ctx, sqlc.UseDeclaredParams{Kind: string(governance.KindAttribute), ID: string(id)})
		if err != nil {
			return fmt.Errorf("hold attribute %s: %w", id, err)
		}
		if n == 0 {
			read = a.Declared.Fresh // it may have gone since the transaction began
		}
	}
	set, err := read(ctx, tx)
	if err != nil {
		return err
	}
	return fault.FromProblems(what, set.Attributes.Check(e))
}

// checkAssignee demands that the event's assignee is declared, and holds it
// until the transaction ends.
func checkAssignee(ctx context.Context, tx *journal.Tx, what string, e governance.BusinessEvent) error {
	if e.Assignee == "" {
		return nil
	}
	n, err := tx.UseIdentity(ctx, string(e.Assignee))
	if err != nil {
		return fmt.Errorf("hold identity %s: %w", e.Assignee, err)
	}
	if n == 0 {
		return fault.FromProblems(what, governance.Problems{{Field: "assignee", Code: governance.CodeUnknownReference, Message: fmt.Sprintf("no identity %q is declared", e.Assignee)}})
	}
	return nil
}

// CloseEvent closes an event, by id or by the name of an open one, and begins
// the end of every grant that was given for it.
func (a *Access) CloseEvent(ctx context.Context, by journal.Actor, ref string) (governance.OpenEvent, error) {
	var closed governance.OpenEvent
	err := a.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		event, err := findEvent(ctx, tx, ref)
		if err != nil {
			return err
		}
		if event == nil {
			return fault.New(fault.NotFound, "no business event %q", ref)
		}
		if event.ClosedAt != nil {
			return &governance.TransitionError{Object: "business event", ID: string(event.ID), State: "closed", Verb: "close"}
		}
		closed, err = closeEvent(ctx, tx, *event)
		return err
	})
	return closed, err
}

func closeEvent(ctx context.Context, tx *journal.Tx, event governance.OpenEvent) (governance.OpenEvent, error) {
	n, err := tx.CloseEvent(ctx, sqlc.CloseEventParams{ID: string(event.ID), ClosedAt: store.NullMicros(&tx.Now)})
	if err != nil || n == 0 {
		return event, err
	}
	event.ClosedAt = &tx.Now
	event.Version++
	marker := grants.NewMarker(ctx, tx)
	if marker.Event(event.ID); marker.Err() != nil {
		return event, marker.Err()
	}
	live, err := grants.List(tx.ListLiveGrantsOfEvent(ctx, string(event.ID)))
	if err != nil {
		return event, err
	}
	for _, g := range live {
		if _, err := grants.End(ctx, tx, g, grants.Cause{Reason: governance.EndEventClosed}); err != nil {
			return event, err
		}
	}
	return event, tx.Record("business_event.closed", "business_event", string(event.ID), evidence.Fields{"name": event.Name, "kind": event.Kind, "grants_ended": len(live)})
}

// ListEvents reads all business events, oldest first; only the open ones when
// told so.
func (a *Access) ListEvents(ctx context.Context, onlyOpen bool) ([]governance.OpenEvent, error) {
	var events []governance.OpenEvent
	err := a.Journal.Read(ctx, func(tx *journal.Tx) error {
		events = []governance.OpenEvent{}
		rows, err := tx.ListEvents(ctx)
		if err != nil {
			return fmt.Errorf("read business events: %w", err)
		}
		for _, row := range rows {
			event, err := declared.EventFrom(row)
			if err != nil {
				return err
			}
			if !onlyOpen || event.Open(tx.Now) {
				events = append(events, *event)
			}
		}
		return nil
	})
	sortByID(events, func(e governance.OpenEvent) string { return e.OpenedAt.Format(time.RFC3339Nano) + string(e.ID) })
	return events, err
}
