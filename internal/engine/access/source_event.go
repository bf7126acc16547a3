package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
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

// OpenEventOf is an open event, held until the transaction ends; nil when there
// is none of that id, or it is over.
func (a *Access) OpenEventOf(ctx context.Context, tx *journal.Tx, id governance.EventID) (*governance.OpenEvent, error) {
	if id == "" {
		return nil, nil
	}
	if _, err := tx.UseEvent(ctx, string(id)); err != nil {
		return nil, fmt.Errorf("hold business event %s: %w", id, err)
	}
	row, err := tx.GetEvent(ctx, string(id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read business event %s: %w", id, err)
	}
	event, err := declared.EventFrom(row)
	if err != nil || !event.Open(tx.Now) {
		return nil, err
	}
	return event, nil
}

// CloseEventIn closes an open event and begins the end of its grants.
func (a *Access) CloseEventIn(ctx context.Context, tx *journal.Tx, event governance.OpenEvent) error {
	_, err := closeEvent(ctx, tx, event)
	return err
}

// ChangeEventIn gives an open event, which is held, what its source says of it
// now, and has its grants decided again. Those that last longer than an earlier
// end are tightened to it; a later end lengthens none.
func (a *Access) ChangeEventIn(ctx context.Context, tx *journal.Tx, event governance.OpenEvent, now governance.BusinessEvent) error {
	was := event.BusinessEvent
	extends := now.EndsAt.After(was.EndsAt)
	if was.EndsAt.Equal(now.EndsAt) {
		was.EndsAt = now.EndsAt
	}
	if reflect.DeepEqual(was, now) {
		return nil
	}
	what := fmt.Sprintf("business event %q", now.Name)
	if !tx.Now.Before(now.EndsAt) {
		return fault.FromProblems(what, governance.Problems{{Field: "ends_at", Code: governance.CodeInvalid, Message: fmt.Sprintf("%s is past; an event ends in the future", now.EndsAt.UTC().Format(time.RFC3339))}})
	}
	if err := a.checkAttributes(ctx, tx, what, now); err != nil {
		return err
	}
	body, err := declared.Encode(now)
	if err != nil {
		return err
	}
	if n, err := tx.UpdateEvent(ctx, sqlc.UpdateEventParams{ID: string(event.ID), EndsAt: store.Micros(now.EndsAt), Body: body, Version: event.Version}); err != nil || n == 0 {
		return errors.Join(err, fault.New(fault.VersionMismatch, "%s was changed meanwhile", what))
	}
	marker := grants.NewMarker(ctx, tx)
	if marker.Event(event.ID); marker.Err() != nil {
		return marker.Err()
	}
	kind := "business_event.updated"
	fields := evidence.Fields{"document": evidence.Private(body)}
	if extends {
		kind = "business_event.extended"
		fields["was"], fields["ends_at"] = was.EndsAt, now.EndsAt
	}
	if err := tx.Record(kind, "business_event", string(event.ID), fields); err != nil {
		return err
	}
	return grants.TightenTo(ctx, tx, event.ID, now.EndsAt)
}
