package catalog

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/discovery"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/targets"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Put creates or replaces an object. An application whose connector is new or
// changed is read completely before anything is written, so that a connector
// that does not work is refused and everything that follows can refer to what
// the target has.
func (c *Catalog) Put(ctx context.Context, by journal.Actor, o governance.Object, pre Precondition) (Stored, error) {
	what := fmt.Sprintf("%s %q", o.ObjectKind(), o.Key())
	if err := fault.FromProblems(what, o.Check()); err != nil {
		return Stored{}, err
	}
	var observed *observation
	if a, ok := o.(governance.Application); ok {
		var err error
		if a, observed, err = c.observe(ctx, what, a); err != nil {
			return Stored{}, err
		}
		o = a
	}
	var stored Stored
	err := c.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		if err := tx.RaiseRevision(); err != nil {
			return err
		}
		w := writer{ctx: ctx, tx: tx, catalog: c, what: what, by: by}
		set, err := w.checkReferences(o)
		if err != nil {
			return err
		}
		affected, err := w.affectedBy(set, o.ObjectKind(), o.Key(), o)
		if err != nil {
			return err
		}
		if err := affected.hold(&w); err != nil {
			return err
		}
		changed, err := w.write(o, pre)
		if err != nil {
			return err
		}
		marked, err := affected.mark(&w)
		if err != nil {
			return err
		}
		if err := w.follow(o, observed); err != nil {
			return err
		}
		document, err := documentFor(o)
		if err != nil {
			return err
		}
		fields := evidence.Fields{"document": document}
		if marked > 0 {
			fields["grants_redecided"] = marked
		}
		if w.extendedFrom != nil {
			changed, fields["was"], fields["ends_at"] = "extended", *w.extendedFrom, o.(governance.BusinessEvent).EndsAt
		}
		if err := tx.Record(string(o.ObjectKind())+"."+changed, string(o.ObjectKind()), o.Key(), fields); err != nil {
			return err
		}
		stored, err = get(ctx, tx, o.ObjectKind(), o.Key())
		return err
	})
	return stored, err
}

// documentFor is the object as evidence keeps it. What names people and their
// affairs can be withheld later without breaking the log.
func documentFor(o governance.Object) (any, error) {
	body, err := declared.Encode(o)
	switch o.(type) {
	case governance.Identity, governance.BusinessEvent:
		return evidence.Private(body), err
	}
	return body, err
}

type observation struct {
	inventory *connector.Inventory
	startedAt time.Time
}

// observe reads the target when the connector is new or changed.
func (c *Catalog) observe(ctx context.Context, what string, a governance.Application) (governance.Application, *observation, error) {
	a, problems := c.Targets.Canonical(a)
	if err := fault.FromProblems(what, problems); err != nil {
		return a, nil, err
	}
	old, err := c.Get(ctx, governance.KindApplication, a.Key())
	if err != nil && !fault.Is(err, fault.NotFound) {
		return a, nil, err
	}
	if err == nil && reflect.DeepEqual(old.Object.(governance.Application).Connector, a.Connector) {
		return a, nil, nil
	}
	startedAt, err := c.Journal.Time(ctx)
	if err != nil {
		return a, nil, err
	}
	target, err := c.Targets.Open(a)
	if err != nil {
		return a, nil, targets.Failure(a.ID(), err)
	}
	inventory, err := discovery.Read(ctx, target)
	if err := errors.Join(err, target.Close()); err != nil {
		return a, nil, targets.Failure(a.ID(), err)
	}
	return a, &observation{inventory, startedAt}, nil
}

type writer struct {
	ctx     context.Context
	tx      *journal.Tx
	catalog *Catalog
	what    string
	by      journal.Actor // of a Put
	// extendedFrom is the end of an event that is given a later one.
	extendedFrom *time.Time
}

// checkReferences demands that what the object refers to is there, in what is
// declared so far, which it returns.
func (w *writer) checkReferences(o governance.Object) (*governance.PolicySet, error) {
	set, err := w.catalog.Declared.Fresh(w.ctx, w.tx)
	if err != nil {
		return nil, err
	}
	var failed error
	problems := set.CheckReferences(o, func(id governance.IdentityID) bool {
		person, err := declared.Person(w.ctx, w.tx, id)
		if err != nil {
			failed = err
		}
		return person != nil
	})
	if failed != nil {
		return nil, failed
	}
	if e, ok := o.(governance.Entitlement); ok && len(problems) == 0 {
		more, err := w.checkExists(e)
		if err != nil {
			return nil, err
		}
		problems = append(problems, more...)
	}
	if i, ok := o.(governance.Identity); ok && i.Owner != "" && len(problems) == 0 {
		owner, err := declared.Person(w.ctx, w.tx, i.Owner)
		if err != nil {
			return nil, err
		}
		if owner.Type != governance.Human {
			problems = append(problems, governance.Problem{Field: "owner", Code: governance.CodeInvalid, Message: fmt.Sprintf("%q is a %s; the owner must be human", i.Owner, owner.Type)})
		}
	}
	if d, ok := o.(governance.Delegation); ok && len(problems) == 0 {
		more, err := w.checkDelegation(d)
		if err != nil {
			return nil, err
		}
		problems = append(problems, more...)
	}
	if t, ok := o.(governance.GrantTemplate); ok && len(problems) == 0 {
		problems = append(problems, w.checkMaking(set, t)...)
	}
	if i, ok := o.(governance.Identity); ok {
		problems = append(problems, w.checkTerm(i)...)
	}
	if i, ok := o.(governance.Identity); ok && i.Type != governance.Human {
		owned, err := w.tx.ListOwned(w.ctx, o.Key())
		if err != nil {
			return nil, err
		}
		if len(owned) > 0 {
			problems = append(problems, governance.Problem{Field: "type", Code: governance.CodeConflict, Message: fmt.Sprintf("it owns %q, and an owner must be human; give that another owner first", owned[0].ID)})
		}
	}
	if a, ok := o.(governance.Attribute); ok {
		if old, err := get(w.ctx, w.tx, governance.KindAttribute, a.Key()); err == nil && old.Object.(governance.Attribute).Type != a.Type {
			problems = append(problems, governance.Problem{Field: "type", Code: governance.CodeConflict, Message: fmt.Sprintf("it is declared as %s, and the type of an attribute cannot be changed; delete it and declare it anew", old.Object.(governance.Attribute).Type)})
		}
	}
	return set, fault.FromProblems(w.what, problems)
}

// checkExists demands that the target was seen with the entitlement. One that
// is declared already may be missing: that is a finding, not a mistake of the
// author.
func (w *writer) checkExists(e governance.Entitlement) (governance.Problems, error) {
	n, err := w.tx.DiscoveredEntitlementExists(w.ctx, e.Key())
	if err != nil || n > 0 {
		return nil, err
	}
	if _, err := get(w.ctx, w.tx, governance.KindEntitlement, e.Key()); err == nil {
		return nil, nil
	}
	rows, err := w.tx.ListDiscoveredEntitlements(w.ctx, string(e.Application))
	if err != nil {
		return nil, err
	}
	kinds := map[string]bool{}
	for _, row := range rows {
		kinds[row.Kind] = true
	}
	if !kinds[e.Kind] {
		return governance.Problems{{Field: "kind", Code: governance.CodeUnknownReference, Message: fmt.Sprintf("application %q has no entitlements of kind %q", e.Application, e.Kind)}}, nil
	}
	return governance.Problems{{Field: "native_id", Code: governance.CodeUnknownReference, Message: fmt.Sprintf("application %q had no %s %q when it was last read; correct the name, or create it there and run: stint sync %s", e.Application, e.Kind, e.NativeID, e.Application)}}, nil
}

// write stores the object and says whether it was created or updated.
func (w *writer) write(o governance.Object, pre Precondition) (string, error) {
	body, err := declared.Encode(o)
	if err != nil {
		return "", err
	}
	var n int64
	switch doc := o.(type) {
	case governance.Identity:
		if pre.Create {
			var life string
			if life, err = declared.Encode(governance.Life{Set: governance.Active}); err == nil {
				n, err = w.tx.InsertIdentity(w.ctx, sqlc.InsertIdentityParams{ID: o.Key(), OwnerID: string(doc.Owner), Status: string(governance.Active), Life: life, Body: body})
			}
		} else {
			n, err = w.tx.UpdateIdentity(w.ctx, sqlc.UpdateIdentityParams{ID: o.Key(), OwnerID: string(doc.Owner), Body: body, Version: pre.Version})
		}
	case governance.BusinessEvent:
		n, err = w.writeEvent(doc, body, pre)
	default:
		if pre.Create {
			n, err = w.tx.InsertDeclared(w.ctx, sqlc.InsertDeclaredParams{Kind: string(o.ObjectKind()), ID: o.Key(), Body: body})
		} else {
			n, err = w.tx.UpdateDeclared(w.ctx, sqlc.UpdateDeclaredParams{Kind: string(o.ObjectKind()), ID: o.Key(), Body: body, Version: pre.Version})
		}
	}
	if err != nil {
		return "", fmt.Errorf("write %s: %w", w.what, err)
	}
	if n == 0 {
		return "", w.refused(o.ObjectKind(), o.Key(), pre)
	}
	if pre.Create {
		return "created", nil
	}
	return "updated", nil
}

func (w *writer) writeEvent(e governance.BusinessEvent, body string, pre Precondition) (int64, error) {
	if !w.tx.Now.Before(e.EndsAt) {
		old, err := get(w.ctx, w.tx, governance.KindBusinessEvent, e.Key())
		if pre.Create || err != nil || !old.Object.(governance.BusinessEvent).EndsAt.Equal(e.EndsAt) {
			return 0, fault.FromProblems(w.what, governance.Problems{{Field: "ends_at", Code: governance.CodeInvalid, Message: fmt.Sprintf("%s is past; an event ends in the future", e.EndsAt.UTC().Format(time.RFC3339))}})
		}
	}
	if !pre.Create {
		if err := w.extend(e); err != nil {
			return 0, err
		}
		return w.tx.UpdateEvent(w.ctx, sqlc.UpdateEventParams{ID: e.Key(), EndsAt: store.Micros(e.EndsAt), Body: body, Version: pre.Version})
	}
	n, err := w.tx.InsertEvent(w.ctx, sqlc.InsertEventParams{
		ID: e.Key(), Name: e.Name, Declared: true, OpenedAt: store.Micros(w.tx.Now), EndsAt: store.Micros(e.EndsAt), Body: body,
	})
	if n == 1 || err != nil {
		return n, err
	}
	// A declared event that was destroyed is closed, not erased; declaring it
	// anew opens it again.
	return w.tx.ReopenEvent(w.ctx, sqlc.ReopenEventParams{ID: e.Key(), OpenedAt: store.Micros(w.tx.Now), EndsAt: store.Micros(e.EndsAt), Body: body})
}

// refused says why a write or a deletion met no row.
func (w *writer) refused(kind governance.Kind, id string, pre Precondition) error {
	now, err := get(w.ctx, w.tx, kind, id)
	switch {
	case err != nil && (!pre.Create || !fault.Is(err, fault.NotFound)):
		return err
	case pre.Create:
		return fault.New(fault.AlreadyExists, "%s exists already", w.what)
	case now.Version != pre.Version:
		return fault.New(fault.VersionMismatch, "%s was changed by someone else: it has version %d, the change is based on version %d; read it again", w.what, now.Version, pre.Version)
	}
	return fault.New(fault.Conflict, "%s is closed and cannot be changed", w.what)
}

// follow brings in line what depends on the object.
func (w *writer) follow(o governance.Object, observed *observation) error {
	switch doc := o.(type) {
	case governance.Application:
		set, err := w.catalog.Declared.Fresh(w.ctx, w.tx)
		if err != nil {
			return err
		}
		if observed != nil {
			_, err = w.catalog.Discovery.Apply(w.ctx, w.tx, set, doc, observed.inventory, observed.startedAt, "")
			return err
		}
		next := w.tx.Now.Add(doc.Discovery.Interval.Std())
		if err := w.tx.ScheduleDiscovery(w.ctx, sqlc.ScheduleDiscoveryParams{ApplicationID: o.Key(), NextAt: store.Micros(next)}); err != nil {
			return err
		}
		return w.catalog.Discovery.RecorrelateAll(w.ctx, w.tx, set, doc)
	case governance.Identity:
		if err := w.demand(doc.ID()); err != nil {
			return err
		}
		set, err := w.catalog.Declared.Fresh(w.ctx, w.tx)
		if err != nil {
			return err
		}
		return w.catalog.Discovery.Recorrelate(w.ctx, w.tx, set, doc.ID())
	case governance.Entitlement:
		return w.tx.MarkFindingsDue(w.ctx, string(doc.Application))
	case governance.BusinessEvent:
		return grants.TightenTo(w.ctx, w.tx, doc.DeclaredID(), doc.EndsAt)
	}
	return nil
}
