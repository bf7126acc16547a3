package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/people"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// AwaitGone bounds how long a deletion waits for the grants that it ends.
const AwaitGone = 2 * time.Minute

// Delete removes an object that nothing declared refers to. While live grants
// depend on it the deletion is refused with their list, unless revokeGrants is
// set: then they are ended first, and the object goes when the target was read
// and the access is gone, or the error says what still stands. A business event
// is closed, which always ends its grants, and never erased.
func (c *Catalog) Delete(ctx context.Context, by journal.Actor, kind governance.Kind, id string, version int64, revokeGrants bool) error {
	if revokeGrants || kind == governance.KindBusinessEvent {
		if err := c.endGrants(ctx, by, kind, id, version); err != nil {
			return err
		}
	}
	if kind == governance.KindApplication {
		if err := c.awaitAccounts(ctx, governance.ApplicationID(id)); err != nil {
			return err
		}
	}
	err := c.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		if err := tx.RaiseRevision(); err != nil {
			return err
		}
		w := writer{ctx: ctx, tx: tx, catalog: c, what: fmt.Sprintf("%s %q", kind, id)}
		return w.remove(kind, id, version)
	})
	if err == nil && kind == governance.KindApplication {
		c.Targets.Forget(governance.ApplicationID(id))
	}
	return err
}

func (c *Catalog) endGrants(ctx context.Context, by journal.Actor, kind governance.Kind, id string, version int64) error {
	if err := c.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		w := writer{ctx: ctx, tx: tx, catalog: c, what: fmt.Sprintf("%s %q", kind, id)}
		stored, err := get(ctx, tx, kind, id)
		if err != nil {
			return err
		}
		if stored.Version != version {
			return w.refused(kind, id, Precondition{Version: version})
		}
		if err := w.unreferenced(kind, id); err != nil {
			return err
		}
		return w.endGrants(kind, id)
	}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, AwaitGone)
	defer cancel()
	var live []grants.Stored
	err := c.Journal.Await(ctx, 250*time.Millisecond, func(ctx context.Context) (bool, error) {
		err := c.Journal.Read(ctx, func(tx *journal.Tx) (err error) {
			live, err = liveGrants(ctx, tx, kind, id)
			return err
		})
		return len(live) == 0, err
	})
	if errors.Is(err, context.DeadlineExceeded) && len(live) > 0 {
		return fmt.Errorf("its grants are ending, but the target has not confirmed it; they are ended as soon as it does (stint operations list tells what keeps it), so try again then: %w", grants.InUse(fmt.Sprintf("%s %q", kind, id), live))
	}
	return err
}

// markWithout has the grants decided again that a policy or rule bears on which
// is about to go: one that is kept for a grace may be eligible again.
func (w *writer) markWithout(kind governance.Kind, id string) error {
	if kind != governance.KindPolicy && kind != governance.KindRule {
		return nil
	}
	set, err := w.catalog.Declared.Fresh(w.ctx, w.tx)
	if err != nil {
		return err
	}
	affected, err := w.affectedBy(set, kind, id, nil)
	if err != nil {
		return err
	}
	if err := affected.hold(w); err != nil {
		return err
	}
	_, err = affected.mark(w)
	return err
}

func (w *writer) endGrants(kind governance.Kind, id string) error {
	reason := governance.EndRevokedBy
	switch kind {
	case governance.KindApplication:
		reason = governance.EndApplicationRemoved
	case governance.KindIdentity:
		reason = governance.EndIdentityLeft
	case governance.KindBusinessEvent:
		reason = governance.EndEventClosed
	}
	return w.end(kind, id, grants.Cause{Reason: reason, Detail: w.what + " is deleted"})
}

// end ends the live grants that depend on an object. Marking them first holds
// them, so that no worker moves one of them meanwhile.
func (w *writer) end(kind governance.Kind, id string, cause grants.Cause) error {
	m := grants.NewMarker(w.ctx, w.tx)
	switch kind {
	case governance.KindApplication:
		m.Application(governance.ApplicationID(id))
	case governance.KindIdentity:
		m.Identity(governance.IdentityID(id))
	case governance.KindTemplate:
		m.Template(governance.TemplateID(id))
	case governance.KindBusinessEvent:
		m.Event(governance.EventID(id))
	case governance.KindEntitlement:
		m.Entitlement(governance.EntitlementID(id))
	}
	if err := m.Err(); err != nil {
		return err
	}
	live, err := liveGrants(w.ctx, w.tx, kind, id)
	if err != nil {
		return err
	}
	for _, g := range live {
		if _, err := grants.End(w.ctx, w.tx, g, cause); err != nil {
			return err
		}
	}
	return nil
}

func liveGrants(ctx context.Context, tx *journal.Tx, kind governance.Kind, id string) ([]grants.Stored, error) {
	switch kind {
	case governance.KindApplication:
		return grants.List(tx.ListLiveGrantsOfApplication(ctx, id))
	case governance.KindIdentity:
		return grants.List(tx.ListLiveGrantsOfIdentity(ctx, id))
	case governance.KindTemplate:
		return grants.List(tx.ListLiveGrantsOfTemplate(ctx, id))
	case governance.KindBusinessEvent:
		return grants.List(tx.ListLiveGrantsOfEvent(ctx, id))
	case governance.KindEntitlement:
		application, _, _, err := governance.EntitlementID(id).Split()
		if err != nil {
			return nil, nil //nolint:nilerr // an id that is none has no grants
		}
		live, err := grants.List(tx.ListLiveGrantsOfApplication(ctx, string(application)))
		return slices.DeleteFunc(live, func(g grants.Stored) bool { return string(g.Entitlement) != id }), err
	}
	return nil, nil
}

func (w *writer) remove(kind governance.Kind, id string, version int64) error {
	if err := w.hold(kind, id); err != nil {
		return err
	}
	if _, err := get(w.ctx, w.tx, kind, id); err != nil {
		return err
	}
	if err := w.unreferenced(kind, id); err != nil {
		return err
	}
	if err := w.hold(kind, id); err != nil {
		return err
	}
	if err := w.markWithout(kind, id); err != nil {
		return err
	}
	live, err := liveGrants(w.ctx, w.tx, kind, id)
	if err != nil {
		return err
	}
	if len(live) > 0 {
		return grants.InUse(w.what, live)
	}
	fields := evidence.Fields{"version": version}
	if kind == governance.KindApplication {
		left, err := w.accountsLeft(governance.ApplicationID(id))
		if err != nil {
			return err
		}
		if len(left) > 0 {
			fields["accounts_left"] = left
		}
	}
	n, err := w.deleteRow(kind, id, version)
	if err != nil {
		return fmt.Errorf("delete %s: %w", w.what, err)
	}
	if n == 0 {
		return w.refused(kind, id, Precondition{Version: version})
	}
	return w.tx.Record(string(kind)+".deleted", string(kind), id, fields)
}

// hold waits for whoever is granting something that relies on the object, and
// keeps everybody else from it until the transaction ends: the live grants that
// are read next are all there are.
func (w *writer) hold(kind governance.Kind, id string) error {
	var err error
	switch kind {
	case governance.KindIdentity:
		_, err = w.tx.UseIdentity(w.ctx, id)
	case governance.KindBusinessEvent:
		_, err = w.tx.UseEvent(w.ctx, id)
	case governance.KindTemplate:
		err = grants.Reliance{Templates: []governance.TemplateID{governance.TemplateID(id)}}.Hold(w.ctx, w.tx)
	default:
		_, err = w.tx.UseDeclared(w.ctx, sqlc.UseDeclaredParams{Kind: string(kind), ID: id})
	}
	if err != nil {
		return fmt.Errorf("hold %s: %w", w.what, err)
	}
	return nil
}

func (w *writer) deleteRow(kind governance.Kind, id string, version int64) (int64, error) {
	switch kind {
	case governance.KindIdentity:
		n, err := w.tx.DeleteIdentity(w.ctx, sqlc.DeleteIdentityParams{ID: id, Version: version})
		if err != nil || n == 0 {
			return n, err
		}
		if _, err := w.tx.RevokeTokensOf(w.ctx, sqlc.RevokeTokensOfParams{IdentityID: id, RevokedAt: store.NullMicros(&w.tx.Now)}); err != nil {
			return 0, err
		}
		gone := governance.Reason{Code: governance.ReasonIdentityNotActive, Message: w.what + " is no longer declared"}
		if err := access.InvalidateRequests(w.ctx, w.tx, governance.IdentityID(id), gone); err != nil {
			return 0, err
		}
		if err := people.Forget(w.ctx, w.tx, governance.IdentityID(id)); err != nil {
			return 0, err
		}
		set, err := w.catalog.Declared.Fresh(w.ctx, w.tx)
		if err != nil {
			return 0, err
		}
		return n, w.catalog.Discovery.Recorrelate(w.ctx, w.tx, set, governance.IdentityID(id))
	case governance.KindBusinessEvent:
		// Undeclaring comes first: it checks the version, which closing raises.
		n, err := w.tx.UndeclareEvent(w.ctx, sqlc.UndeclareEventParams{ID: id, Version: version})
		if err != nil || n == 0 {
			return n, err
		}
		_, err = w.tx.CloseEvent(w.ctx, sqlc.CloseEventParams{ID: id, ClosedAt: store.NullMicros(&w.tx.Now)})
		return n, err
	}
	n, err := w.tx.DeleteDeclared(w.ctx, sqlc.DeleteDeclaredParams{Kind: string(kind), ID: id, Version: version})
	if err != nil || n == 0 {
		return n, err
	}
	switch kind {
	case governance.KindApplication:
		return n, w.forgetObserved(id)
	case governance.KindEntitlement:
		application, _, _, err := governance.EntitlementID(id).Split()
		if err != nil {
			return n, err
		}
		return n, w.tx.MarkFindingsDue(w.ctx, string(application))
	}
	return n, nil
}

// forgetObserved forgets what was seen in an application. What was given up in it
// stays a finding: nobody has seen it gone.
func (w *writer) forgetObserved(id string) error {
	if err := w.catalog.Discovery.ForgetFindings(w.ctx, w.tx, governance.ApplicationID(id)); err != nil {
		return err
	}
	for _, forget := range []func(context.Context, string) error{
		w.tx.DeleteAssignmentsOf, w.tx.DeleteInclusionsOf, w.tx.DeleteDiscoveredEntitlementsOf,
		w.tx.DeleteAccountsOf, w.tx.DeleteMadeAccountsOf, w.tx.DeleteFindingsDue, w.tx.DeleteDiscovery, w.tx.DeletePace,
	} {
		if err := forget(w.ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// unreferenced refuses while something declared refers to the object.
func (w *writer) unreferenced(kind governance.Kind, id string) error {
	s, err := snapshot(w.ctx, w.tx)
	if err != nil {
		return err
	}
	var users []string
	for _, list := range s.Objects {
		for _, stored := range list {
			if stored.Object.ObjectKind() == kind && stored.ID == id {
				continue
			}
			if slices.Contains(references(stored.Object)[kind], id) {
				users = append(users, fmt.Sprintf("%s %q", stored.Object.ObjectKind(), stored.ID))
			}
		}
	}
	if kind == governance.KindAttribute {
		carriers, err := w.openedWith(id)
		if err != nil {
			return err
		}
		users = append(users, carriers...)
	}
	if len(users) == 0 {
		return nil
	}
	slices.Sort(users)
	e := fault.New(fault.InUse, "%s is referred to by %s; remove the reference first", w.what, strings.Join(users, ", "))
	for _, user := range users {
		e.Problems = append(e.Problems, governance.Problem{Field: "references", Code: string(fault.InUse), Message: user})
	}
	return e
}

// openedWith lists the open business events from outside that have a value of an
// attribute. Those that are over cannot be mended, and grant nothing any more.
func (w *writer) openedWith(id string) ([]string, error) {
	rows, err := w.tx.ListEvents(w.ctx)
	if err != nil {
		return nil, fmt.Errorf("read business events: %w", err)
	}
	var carriers []string
	for _, row := range rows {
		event, err := declared.EventFrom(row)
		if err != nil {
			return nil, err
		}
		if !row.Declared && event.Open(w.tx.Now) && slices.Contains(governance.AttributesUsed(event.BusinessEvent), governance.AttributeID(id)) {
			carriers = append(carriers, fmt.Sprintf("%s %q", governance.KindBusinessEvent, event.ID))
		}
	}
	return carriers, nil
}

// references lists what an object refers to.
func references(o governance.Object) map[governance.Kind][]string {
	refs := map[governance.Kind][]string{}
	for _, id := range governance.AttributesUsed(o) {
		refs[governance.KindAttribute] = append(refs[governance.KindAttribute], string(id))
	}
	add := func(kind governance.Kind, id string) {
		if id != "" {
			refs[kind] = append(refs[kind], id)
		}
	}
	switch doc := o.(type) {
	case governance.Identity:
		add(governance.KindIdentity, string(doc.Owner))
		add(governance.KindIdentity, string(doc.Manager))
	case governance.Entitlement:
		add(governance.KindApplication, string(doc.Application))
		add(governance.KindIdentity, string(doc.Owner))
	case governance.EligibilityPolicy:
		for _, id := range doc.Entitlements {
			add(governance.KindEntitlement, string(id))
		}
	case governance.SoDRule:
		for _, duty := range doc.Duties {
			for _, id := range duty.Entitlements {
				add(governance.KindEntitlement, string(id))
			}
		}
	case governance.BusinessEvent:
		add(governance.KindIdentity, string(doc.Assignee))
	case governance.Delegation:
		add(governance.KindIdentity, string(doc.From))
		add(governance.KindIdentity, string(doc.To))
		for _, id := range doc.Templates {
			add(governance.KindTemplate, string(id))
		}
	case governance.GrantTemplate:
		for _, id := range doc.Entitlements {
			add(governance.KindEntitlement, string(id))
		}
		for _, id := range doc.EligibilityPolicies {
			add(governance.KindPolicy, string(id))
		}
		if doc.BreakGlass != nil {
			for _, id := range doc.BreakGlass.Reviewers.Identities {
				add(governance.KindIdentity, string(id))
			}
		}
		for _, stage := range doc.Approval.Stages {
			for _, id := range stage.MayNeed().Identities {
				add(governance.KindIdentity, string(id))
			}
		}
	}
	return refs
}
