package governance

import (
	"fmt"
	"slices"
	"time"
)

// besides is what the actor has beside the grant that is to be extended, which
// does not stand in its own way.
func (q Question) besides() []Holding {
	if q.Extends == nil {
		return q.Held
	}
	return slices.DeleteFunc(slices.Clone(q.Held), func(h Holding) bool {
		return h.Grant == q.Extends.ID || h.Grant == "" && h.Account == q.Extends.Account && h.Entitlement == q.Extends.Entitlement
	})
}

// extension weighs the bounds of more time for a grant: it is active, its
// template allows extensions, the whole grant stays within the template's and
// the entitlement's bounds, and the business event leaves it more time.
func (d *decider) extension(t *GrantTemplate) {
	g := d.q.Extends
	if g == nil {
		return
	}
	if _, due := g.DueReason(d.q.Now); g.State != GrantActive || due {
		state := string(g.State)
		if due {
			state = "over"
		}
		d.deny(Reason{Code: ReasonGrantNotActive, Entitlement: g.Entitlement, Message: fmt.Sprintf("grant %s is %s; only an active grant is extended, so request a new one", g.ID, state)})
		return
	}
	if t.Extension == nil {
		d.deny(Reason{Code: ReasonExtensionNotAllowed, Message: fmt.Sprintf("template %q allows no extension; request a new grant when this one has ended, or give the template extension.max_total", t.ID())})
		return
	}
	longest, bound := t.Extension.MaxTotal, fmt.Sprintf("extension.max_total of template %q", t.ID())
	if e := d.set.Entitlements[g.Entitlement]; e != nil && e.MaxDuration != nil && *e.MaxDuration < longest {
		longest, bound = *e.MaxDuration, fmt.Sprintf("max_duration of %q", g.Entitlement)
	}
	notAfter := g.extended(d.decision.Duration, d.q.Event)
	left := Duration(max(0, g.ActivatedAt.Add(longest.Std()).Sub(g.NotAfter)).Truncate(time.Second))
	d.decision.MaxDuration = min(d.decision.MaxDuration, left)
	if total := notAfter.Sub(*g.ActivatedAt); total > longest.Std() {
		d.deny(Reason{Code: ReasonExtensionTooLong, Entitlement: g.Entitlement, Message: fmt.Sprintf("%s more would make grant %s last longer than the %s that %s allows; ask for at most %s", d.decision.Duration, g.ID, longest, bound, left)})
	}
	if !notAfter.After(g.NotAfter) && d.decision.Duration > 0 {
		d.deny(Reason{Code: ReasonEventEndsFirst, Message: fmt.Sprintf("grant %s lasts until its business event ends already; extend the event first", g.ID)})
	}
}
