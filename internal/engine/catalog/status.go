package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Status sets whether an identity may hold access. One that is no longer active
// loses its live grants and its pending requests in the same transaction, and so
// do, when it is decided about them again, the identities that it owns.
func (c *Catalog) Status(ctx context.Context, by journal.Actor, id governance.IdentityID, status governance.Status) (Stored, error) {
	if status != governance.Active && status != governance.Suspended && status != governance.Left {
		return Stored{}, fault.FromProblems(fmt.Sprintf("identity %q", id), governance.Problems{{Field: "status", Code: governance.CodeInvalid, Message: fmt.Sprintf("%q is not one of active, suspended, left", status)}})
	}
	var stored Stored
	err := c.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		w := writer{ctx: ctx, tx: tx, catalog: c, what: fmt.Sprintf("identity %q", id)}
		if err := (grants.Reliance{Identities: []governance.IdentityID{id}}).Hold(ctx, tx); err != nil {
			return err
		}
		person, err := declared.Person(ctx, tx, id)
		if err != nil {
			return err
		}
		if person == nil {
			return notFound(governance.KindIdentity, string(id))
		}
		if err := w.setStatus(*person, status); err != nil {
			return err
		}
		stored, err = get(ctx, tx, governance.KindIdentity, string(id))
		return err
	})
	return stored, err
}

// setStatus writes the status of an identity that is held, with what follows
// from it.
func (w *writer) setStatus(person governance.Person, status governance.Status) error {
	id := person.ID()
	n, err := w.tx.SetIdentityStatus(w.ctx, sqlc.SetIdentityStatusParams{ID: string(id), Status: string(status)})
	if err != nil || n == 0 {
		return errors.Join(err, notFound(governance.KindIdentity, string(id)))
	}
	m := grants.NewMarker(w.ctx, w.tx)
	if m.Actor(person.Root()); m.Err() != nil {
		return m.Err()
	}
	if status != governance.Active {
		why := governance.NotActive(id, status)
		cause := grants.Cause{Reason: governance.EndIneligible, Detail: why.Message}
		if status == governance.Left {
			cause.Reason = governance.EndIdentityLeft
		}
		if err := w.end(governance.KindIdentity, string(id), cause); err != nil {
			return err
		}
		if err := w.invalidateRequests(person, why); err != nil {
			return err
		}
	}
	return w.tx.Record("identity.status_changed", "identity", string(id), evidence.Fields{"status": status, "was": person.Status})
}

// invalidateRequests ends what waits for approval, of the identity and of those
// that it owns.
func (w *writer) invalidateRequests(person governance.Person, why governance.Reason) error {
	if err := access.InvalidateRequests(w.ctx, w.tx, person.ID(), why); err != nil {
		return err
	}
	owned, err := w.tx.ListOwned(w.ctx, string(person.ID()))
	if err != nil {
		return fmt.Errorf("read what %s owns: %w", person.ID(), err)
	}
	for _, row := range owned {
		owner := governance.Reason{Code: governance.ReasonOwnerNotActive, Message: "its owner cannot answer for it: " + why.Message}
		if err := access.InvalidateRequests(w.ctx, w.tx, governance.IdentityID(row.ID), owner); err != nil {
			return err
		}
	}
	return nil
}
