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
	"github.com/stint-dev/terraform-provider-stint/internal/engine/people"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Status sets whether an identity may hold access. One that is no longer active
// loses its live grants and its pending requests in the same transaction, and so
// do, when it is decided about them again, the identities that it owns. One that
// time has taken the access of is not activated, but told what brings it back.
func (c *Catalog) Status(ctx context.Context, by journal.Actor, id governance.IdentityID, status governance.Status) (Stored, error) {
	if status != governance.Active && status != governance.Suspended && status != governance.Left {
		return Stored{}, fault.FromProblems(fmt.Sprintf("identity %q", id), governance.Problems{{Field: "status", Code: governance.CodeInvalid, Message: fmt.Sprintf("%q is not one of active, suspended, left", status)}})
	}
	var stored Stored
	err := c.change(ctx, by, id, func(w *writer, person governance.Person) error {
		person.Life = person.Life.SetTo(status, w.tx.Now)
		judged := person.Judge(w.tx.Now)
		if status == governance.Active && judged != governance.Active {
			return fault.New(fault.Conflict, "identity %q stays %s because %s; %s", id, judged, person.Because(w.tx.Now), person.Mend(w.tx.Now))
		}
		if err := w.setStatus(person, judged, "set"); err != nil {
			return err
		}
		var err error
		stored, err = get(ctx, w.tx, governance.KindIdentity, string(id))
		return err
	})
	return stored, err
}

// setStatus writes the status of an identity that is held, with what follows
// from it. cause is what brought it about, for evidence.
func (w *writer) setStatus(person governance.Person, status governance.Status, cause string) error {
	id, was := person.ID(), person.Status
	n, err := w.tx.SetIdentityStatus(w.ctx, sqlc.SetIdentityStatusParams{ID: string(id), Status: string(status)})
	if err != nil || n == 0 {
		return errors.Join(err, notFound(governance.KindIdentity, string(id)))
	}
	person.Status = status
	if err := people.Save(w.ctx, w.tx, person); err != nil {
		return err
	}
	m := grants.NewMarker(w.ctx, w.tx)
	if m.Actor(person.Root()); m.Err() != nil {
		return m.Err()
	}
	owned, err := w.owned(id)
	if err != nil {
		return err
	}
	if status != governance.Active {
		why := person.NotActive(w.tx.Now)
		ends := grants.Cause{Reason: governance.EndIneligible, Detail: why.Message}
		if status == governance.Left {
			ends.Reason = governance.EndIdentityLeft
		}
		if err := w.end(governance.KindIdentity, string(id), ends); err != nil {
			return err
		}
		if err := w.invalidateRequests(person, owned, why); err != nil {
			return err
		}
	}
	for _, one := range owned {
		if err := people.Report(w.ctx, w.tx, one); err != nil {
			return err
		}
	}
	return w.tx.Record("identity.status_changed", "identity", string(id), evidence.Fields{
		"status": status, "was": was, "cause": cause, "because": journal.Private(person.Because(w.tx.Now)),
	})
}

// owned are the identities that one owns.
func (w *writer) owned(id governance.IdentityID) ([]governance.Person, error) {
	rows, err := w.tx.ListOwned(w.ctx, string(id))
	if err != nil {
		return nil, fmt.Errorf("read what %s owns: %w", id, err)
	}
	owned := make([]governance.Person, len(rows))
	for i, row := range rows {
		person, err := declared.PersonFrom(row)
		if err != nil {
			return nil, err
		}
		owned[i] = *person
	}
	return owned, nil
}

// invalidateRequests ends what waits for approval, of the identity and of those
// that it owns.
func (w *writer) invalidateRequests(person governance.Person, owned []governance.Person, why governance.Reason) error {
	if err := access.InvalidateRequests(w.ctx, w.tx, person.ID(), why); err != nil {
		return err
	}
	for _, one := range owned {
		owner := governance.Reason{Code: governance.ReasonOwnerNotActive, Message: "its owner cannot answer for it: " + why.Message}
		if err := access.InvalidateRequests(w.ctx, w.tx, one.ID(), owner); err != nil {
			return err
		}
	}
	return nil
}
