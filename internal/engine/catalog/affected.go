package catalog

import (
	"fmt"
	"maps"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// affected is which grants the write of an object may make ineligible, or
// eligible again. They are found by index: a write marks what it bears on and
// never reads all grants.
type affected struct {
	// actors are the humans who answer, or answered, for the identity that is
	// written; everyone who counts as one with them is meant.
	actors []governance.IdentityID
	// identity is that which is written.
	identity governance.IdentityID
	// templates gave the grants; with entitlements, only those of these.
	templates []governance.TemplateID
	// entitlements are those of the grants; giving are the templates that give
	// them, which have to be held.
	entitlements []governance.EntitlementID
	giving       []governance.TemplateID
	events       []governance.EventID
}

// hold keeps out whoever grants what the write bears on, before the write; what
// is granted until then is there to be marked, and what is granted later is
// decided on the new state.
func (a affected) hold(w *writer) error {
	identities := slices.Clone(a.actors)
	if a.identity != "" {
		identities = append(identities, a.identity)
	}
	return grants.Reliance{Identities: identities, Templates: slices.Concat(a.templates, a.giving), Events: a.events}.Hold(w.ctx, w.tx)
}

// mark has the live grants decided again, after the write, and says how many.
func (a affected) mark(w *writer) (int64, error) {
	m := grants.NewMarker(w.ctx, w.tx)
	for _, id := range a.actors {
		m.Actor(id)
	}
	for _, template := range a.templates {
		if a.entitlements == nil {
			m.Template(template)
		}
		for _, id := range a.entitlements {
			m.TemplateEntitlement(template, id)
		}
	}
	if len(a.templates) == 0 {
		for _, id := range a.entitlements {
			m.Entitlement(id)
		}
	}
	for _, id := range a.events {
		m.Event(id)
	}
	return m.Marked, m.Err()
}

// affectedBy says what the write of an object bears on; after is nil when it is
// deleted. set is what was declared before.
func (w *writer) affectedBy(set *governance.PolicySet, kind governance.Kind, id string, after governance.Object) (affected, error) {
	before, err := w.before(kind, id)
	if err != nil {
		return affected{}, err
	}
	var a affected
	switch kind {
	case governance.KindIdentity:
		a.people(before, after)
	case governance.KindBusinessEvent:
		if before != nil {
			a.events = []governance.EventID{governance.EventID(id)}
		}
	case governance.KindTemplate:
		if before != nil {
			a.templates = []governance.TemplateID{governance.TemplateID(id)}
		}
	case governance.KindEntitlement:
		if before != nil {
			a.entitlements = []governance.EntitlementID{governance.EntitlementID(id)}
		}
	case governance.KindPolicy:
		a.policies(set, before, after)
	case governance.KindRule:
		if err := a.rules(w, before, after); err != nil {
			return a, err
		}
	}
	if len(a.templates) == 0 {
		a.giving = giving(set, a.entitlements)
	}
	return a, nil
}

// before is the object as it stands; nil when there is none.
func (w *writer) before(kind governance.Kind, id string) (governance.Object, error) {
	stored, err := get(w.ctx, w.tx, kind, id)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return stored.Object, err
}

// people: what an identity is decides about its own grants, what it holds about
// those of everyone who counts as one with it, before and after.
func (a *affected) people(before, after governance.Object) {
	was, ok := before.(governance.Identity)
	if !ok {
		return
	}
	a.identity, a.actors = was.ID(), []governance.IdentityID{was.Root()}
	if is, ok := after.(governance.Identity); ok && is.Root() != was.Root() {
		a.actors = append(a.actors, is.Root())
	}
}

// policies: a deny policy speaks on every grant of its entitlements, an allow
// policy on those through templates that list it.
func (a *affected) policies(set *governance.PolicySet, before, after governance.Object) {
	denies, named := false, map[governance.EntitlementID]bool{}
	var id governance.PolicyID
	for _, o := range []governance.Object{before, after} {
		if p, ok := o.(governance.EligibilityPolicy); ok {
			id, denies = p.ID(), denies || p.Effect == governance.PolicyDeny
			for _, e := range p.Entitlements {
				named[e] = true
			}
		}
	}
	a.entitlements = slices.Sorted(maps.Keys(named))
	if denies {
		return
	}
	for _, t := range set.Templates {
		if slices.Contains(t.EligibilityPolicies, id) {
			a.templates = append(a.templates, t.ID())
		}
	}
	if len(a.templates) == 0 {
		a.entitlements = nil // nothing lists it, so nobody holds anything by it
	}
}

// rules: a rule speaks on every grant of an entitlement that stands in one of its
// duties or includes one that does.
func (a *affected) rules(w *writer, before, after governance.Object) error {
	touching := map[governance.EntitlementID]bool{}
	for _, o := range []governance.Object{before, after} {
		rule, ok := o.(governance.SoDRule)
		if !ok {
			continue
		}
		for _, duty := range rule.Duties {
			for _, id := range duty.Entitlements {
				including, err := w.tx.ListIncluding(w.ctx, string(id))
				if err != nil {
					return fmt.Errorf("read what includes %s: %w", id, err)
				}
				for _, from := range including {
					touching[governance.EntitlementID(from)] = true
				}
			}
		}
	}
	a.entitlements = slices.Sorted(maps.Keys(touching))
	return nil
}

// giving are the templates that give any of the entitlements.
func giving(set *governance.PolicySet, ids []governance.EntitlementID) []governance.TemplateID {
	if len(ids) == 0 {
		return nil
	}
	asked := make(map[governance.EntitlementID]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	var templates []governance.TemplateID
	for _, t := range set.Templates {
		if slices.ContainsFunc(t.Entitlements, func(id governance.EntitlementID) bool { return asked[id] }) {
			templates = append(templates, t.ID())
		}
	}
	return templates
}
