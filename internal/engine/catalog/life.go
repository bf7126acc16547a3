package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/people"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// dueEvery is how often it is looked for identities that time has changed. It
// bounds how late one loses its access by time alone.
const dueEvery = 500 * time.Millisecond

// Run brings about what time does to identities until ctx ends. All of it is found
// by index in the database, so a restart loses nothing.
func (c *Catalog) Run(ctx context.Context) error {
	var pace journal.Pace
	for {
		err := c.Due(ctx)
		if err != nil && ctx.Err() == nil {
			c.Logger.Error("what time does to identities is not all brought about; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.Journal.After(pace.Pause(dueEvery, err)):
		}
	}
}

// Due suspends whoever was not used or attested in time, notes who has left
// because their time is over, and opens and closes the findings that come before.
// One identity that fails does not hold up another.
func (c *Catalog) Due(ctx context.Context) error {
	var due []string
	if err := c.Journal.Read(ctx, func(tx *journal.Tx) (err error) {
		due, err = tx.IdentitiesDue(ctx, store.NullMicros(&tx.Now))
		return err
	}); err != nil {
		return fmt.Errorf("look for identities that are due: %w", err)
	}
	var errs []error
	for _, id := range due {
		if err := c.change(ctx, journal.Engine(), governance.IdentityID(id), func(w *writer, person governance.Person) error {
			return w.judge(person, "time")
		}); err != nil && !fault.Is(err, fault.NotFound) {
			errs = append(errs, fmt.Errorf("identity %s: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

// Attest notes that the owner of an identity says that it is still needed. It
// brings back one that was suspended for want of that, or because it was not used;
// what people have suspended stays so.
func (c *Catalog) Attest(ctx context.Context, by journal.Actor, id governance.IdentityID, comment string) (Stored, error) {
	if len(comment) > governance.MaxText {
		return Stored{}, fault.FromProblems("attestation", governance.Problems{{Field: "comment", Code: governance.CodeInvalid, Message: fmt.Sprintf("is longer than %d bytes", governance.MaxText)}})
	}
	var stored Stored
	err := c.change(ctx, by, id, func(w *writer, person governance.Person) error {
		switch {
		case person.Type == governance.Human:
			return fault.New(fault.Conflict, "identity %q is human, and nobody owns it; only identities that somebody owns are attested", id)
		case by.Identity != person.Owner:
			return fault.New(fault.Forbidden, "%s may not attest for %q; only its owner %q may, and who else shall answer for it is declared as its owner first", by.Identity, id, person.Owner)
		}
		person.Life = person.Life.Attest(by.Identity, w.tx.Now)
		if err := w.tx.Record("identity.attested", "identity", string(id), evidence.Fields{"comment": journal.Private(comment)}); err != nil {
			return err
		}
		if err := w.judge(person, "attested"); err != nil {
			return err
		}
		var err error
		stored, err = get(ctx, w.tx, governance.KindIdentity, string(id))
		return err
	})
	return stored, err
}

// Owned lists the identities that one owns, sorted by id.
func (c *Catalog) Owned(ctx context.Context, owner governance.IdentityID) ([]Stored, error) {
	var list []Stored
	err := c.Journal.Read(ctx, func(tx *journal.Tx) error {
		list = []Stored{}
		rows, err := tx.ListOwned(ctx, string(owner))
		if err != nil {
			return fmt.Errorf("read what %s owns: %w", owner, err)
		}
		for _, row := range rows {
			stored, err := fromIdentity(row, tx.Now)
			if err != nil {
				return err
			}
			list = append(list, stored)
		}
		return nil
	})
	slices.SortFunc(list, func(a, b Stored) int { return strings.Compare(a.ID, b.ID) })
	return list, err
}

// change runs do in a transaction on an identity that it holds, with whoever
// answers for it.
func (c *Catalog) change(ctx context.Context, by journal.Actor, id governance.IdentityID, do func(*writer, governance.Person) error) error {
	return c.Journal.Write(ctx, by, func(tx *journal.Tx) error {
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
		return do(&writer{ctx: ctx, tx: tx, catalog: c, what: fmt.Sprintf("identity %q", id), by: by}, *person)
	})
}

// demand begins what the declaration of an identity that was just written asks of
// it, and judges it.
func (w *writer) demand(id governance.IdentityID) error {
	if err := (grants.Reliance{Identities: []governance.IdentityID{id}}).Hold(w.ctx, w.tx); err != nil {
		return err
	}
	person, err := declared.Person(w.ctx, w.tx, id)
	if err != nil {
		return err
	}
	person.Life = person.Life.Demand(person.Identity, w.tx.Now)
	return w.judge(*person, "declared")
}

// judge brings the status of an identity that is held in line with its life.
func (w *writer) judge(person governance.Person, cause string) error {
	if status := person.Judge(w.tx.Now); status != person.Status {
		return w.setStatus(person, status, cause)
	}
	return people.Save(w.ctx, w.tx, person)
}

// checkTerm refuses an identity that is declared with an end which has passed; one
// whose end has come stays as it is.
func (w *writer) checkTerm(i governance.Identity) governance.Problems {
	if i.ValidUntil == nil || w.tx.Now.Before(*i.ValidUntil) {
		return nil
	}
	if old, err := get(w.ctx, w.tx, governance.KindIdentity, i.Key()); err == nil {
		if was := old.Object.(governance.Identity).ValidUntil; was != nil && was.Equal(*i.ValidUntil) {
			return nil
		}
	}
	return governance.Problems{{Field: "valid_until", Code: governance.CodeInvalid, Message: fmt.Sprintf("%s is past; give a later moment, or note that it has left with: stint identity leave %s", i.ValidUntil.UTC().Format(time.RFC3339), i.ID())}}
}
