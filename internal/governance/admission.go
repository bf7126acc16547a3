package governance

import (
	"fmt"
	"slices"
	"time"
)

// MaxScheduleAhead bounds how far ahead a template may let access be asked for.
const MaxScheduleAhead = 366 * 24 * time.Hour

// ConcurrencyBounds bound how many live grants of a template there are at a time.
// A request for two entitlements makes two grants.
type ConcurrencyBounds struct {
	// PerIdentity bounds those of each identity; absent is no bound.
	PerIdentity *int `json:"per_identity,omitempty"`
	// Total bounds those of all identities together; absent is no bound.
	Total *int `json:"total,omitempty"`
}

// Use is how a template is in use, as far as its bounds of admission ask for it.
type Use struct {
	// Own are the identity's grants through the template that are live, or that
	// ended within its cooldown.
	Own []Grant
	// Live is how many live grants all identities have through the template.
	Live int
}

// checkAdmission reports what is wrong with the bounds of admission.
func (t GrantTemplate) checkAdmission(p *Problems) {
	if t.ScheduleWithin != nil {
		checkSpan(p, "schedule_within", *t.ScheduleWithin, MaxScheduleAhead)
	}
	if t.Cooldown != nil {
		checkSpan(p, "cooldown", *t.Cooldown, MaxGrantDuration)
	}
	bounds := t.MaxConcurrent
	if bounds == nil {
		return
	}
	if bounds.PerIdentity == nil && bounds.Total == nil {
		p.add("max_concurrent", CodeRequired, "say per_identity, total or both, or leave max_concurrent out")
	}
	if bounds.PerIdentity != nil && *bounds.PerIdentity < 1 {
		p.add("max_concurrent.per_identity", CodeInvalid, "%d would let nobody in; give at least 1", *bounds.PerIdentity)
	}
	if bounds.Total != nil && *bounds.Total < 1 {
		p.add("max_concurrent.total", CodeInvalid, "%d would let nobody in; give at least 1", *bounds.Total)
	}
	if bounds.PerIdentity != nil && bounds.Total != nil && *bounds.PerIdentity > *bounds.Total {
		p.add("max_concurrent.per_identity", CodeConflict, "%d can never be reached with a total of %d; lower it, or take it out", *bounds.PerIdentity, *bounds.Total)
	}
}

// starts is when the access that is asked for is to begin. A time that is past is
// now, unless the grant has been given already.
func (q Question) starts() time.Time {
	if q.NotBefore != nil && (q.Admitted || q.NotBefore.After(q.Now)) {
		return *q.NotBefore
	}
	return q.Now
}

// admission weighs the bounds on giving one more grant: when it may begin, how
// soon after the one before, and how many there are. A grant that was given is
// not measured by them again, nor is more time for it.
func (d *decider) admission(t *GrantTemplate) {
	if d.q.Admitted || d.q.Extends != nil {
		return
	}
	d.schedule(t)
	d.cooldown(t)
	d.concurrency(t)
}

func (d *decider) schedule(t *GrantTemplate) {
	starts := d.q.starts()
	if !starts.After(d.q.Now) {
		return
	}
	switch {
	case d.q.BreakGlass:
		d.deny(Reason{Code: ReasonScheduleNotAllowed, Message: "break-glass gives access at once only; ask for it when it is needed, or without break-glass"})
	case t.ScheduleWithin == nil:
		d.deny(Reason{Code: ReasonScheduleNotAllowed, Message: fmt.Sprintf("template %q gives access at once only; ask when it is needed, or give the template schedule_within", t.ID())})
	case starts.Sub(d.q.Now) > t.ScheduleWithin.Std():
		d.deny(Reason{Code: ReasonScheduleTooFar, Message: fmt.Sprintf("%s is more than %s ahead, which is as far as template %q can be scheduled", inUTC(starts), t.ScheduleWithin, t.ID())})
	}
	if event := d.q.Event; event != nil && event.Open(d.q.Now) && !event.EndsAt.After(starts) {
		d.deny(Reason{Code: ReasonEventEndsFirst, Message: fmt.Sprintf("business event %q ends at %s, before the access would begin", event.Name, inUTC(event.EndsAt))})
	}
}

// cooldown keeps a pause between the grants of one identity through a template,
// on both sides of the new one.
func (d *decider) cooldown(t *GrantTemplate) {
	if t.Cooldown == nil {
		return
	}
	if before, until, ok := d.cooling(t); ok {
		d.deny(Reason{Code: ReasonCooldown, Message: fmt.Sprintf("template %q keeps %s between the grants of one identity, and %s", t.ID(), t.Cooldown, before.coolsUntil(until, d.q.Now))})
	}
}

// cooling is the identity's grant whose cooldown stands longest in the way, and
// when it is over at the latest. A grant that was never given leaves none.
func (d *decider) cooling(t *GrantTemplate) (standing Grant, until time.Time, ok bool) {
	starts := d.q.starts()
	over := starts.Add(t.ActivateWithin.Std() + d.decision.Duration.Std())
	for _, g := range d.q.Uses[t.ID()].Own {
		begins, ends, held := g.span(d.q.Now)
		apart := !starts.Before(ends.Add(t.Cooldown.Std())) || !over.Add(t.Cooldown.Std()).After(begins)
		if !held || apart || ok && !ends.Add(t.Cooldown.Std()).After(until) {
			continue
		}
		standing, until, ok = g, ends.Add(t.Cooldown.Std()), true
	}
	return standing, until, ok
}

// span is from when until when an identity has a grant, at the latest; held is
// false when it was never given.
func (g Grant) span(now time.Time) (from, to time.Time, held bool) {
	switch g.State {
	case GrantScheduled, GrantProvisioning, GrantActive:
		return g.NotBefore, g.NotAfter, true
	case GrantRevoking: // it stands until the target was read
		return g.NotBefore, now, true
	case GrantEnded:
		return g.NotBefore, *g.EndedAt, true
	case GrantCancelled, GrantProvisionFailed:
	}
	return from, to, false
}

func (g Grant) coolsUntil(until, now time.Time) string {
	switch g.State {
	case GrantEnded:
		return fmt.Sprintf("grant %s ended at %s; ask again at %s", g.ID, inUTC(*g.EndedAt), inUTC(until))
	case GrantScheduled:
		if g.NotBefore.After(now) {
			return fmt.Sprintf("grant %s is scheduled from %s to %s; ask for a time that leaves the pause on either side of it", g.ID, inUTC(g.NotBefore), inUTC(g.NotAfter))
		}
	}
	return fmt.Sprintf("grant %s is %s; ask again that long after its end", g.ID, g.State)
}

// concurrency holds the live grants of a template within its bounds, those that
// are asked for included.
func (d *decider) concurrency(t *GrantTemplate) {
	bounds := t.MaxConcurrent
	if bounds == nil {
		return
	}
	use, asked := d.q.Uses[t.ID()], len(d.q.Entitlements)
	if most := bounds.PerIdentity; most != nil && use.live()+asked > *most {
		d.deny(Reason{Code: ReasonMaxConcurrent, Message: fmt.Sprintf("template %q allows an identity %d live grant(s) at a time; %q has %d, and this asks for %d more", t.ID(), *most, d.q.Identity.ID(), use.live(), asked)})
	}
	if most := bounds.Total; most != nil && use.Live+asked > *most {
		d.deny(Reason{Code: ReasonMaxConcurrent, Message: fmt.Sprintf("template %q allows %d live grant(s) at a time for all together; there are %d, and this asks for %d more", t.ID(), *most, use.Live, asked)})
	}
}

// live is how many live grants the identity itself has.
func (u Use) live() int {
	n := 0
	for _, g := range u.Own {
		if g.State.Live() {
			n++
		}
	}
	return n
}

// admissible weighs the bounds of admission before there is a request. What
// stands in the way of access now is no obstacle where a request may name a
// later time.
func (d *decider) admissible(t *GrantTemplate) {
	now := *d
	now.decision.Reasons = nil
	now.admission(t)
	for _, r := range now.decision.Reasons {
		if t.ScheduleWithin != nil && d.q.NotBefore == nil && r.Code == ReasonCooldown {
			r.Weight = Depends
		}
		d.decision.Reasons = append(d.decision.Reasons, r)
	}
}

// cools says that a cooldown stands in the way of access now, and not later.
func (d *decider) cools() bool {
	return slices.ContainsFunc(d.decision.Reasons, func(r Reason) bool { return r.Code == ReasonCooldown && r.Weight == Depends })
}

func inUTC(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// ScheduleTrace says whether the access may begin when it is asked for.
type ScheduleTrace struct {
	// NotBefore is when it is to begin; absent is at once.
	NotBefore *time.Time `json:"not_before,omitempty"`
	// Within is how far ahead the template lets it be; absent is not at all.
	Within *Duration `json:"within,omitempty"`
	Holds  bool      `json:"holds"`
}

// CooldownTrace says whether enough time is over since the grant before.
type CooldownTrace struct {
	Cooldown Duration `json:"cooldown"`
	// Grant is the identity's grant that stands in the way, Until when it no
	// longer does, at the latest.
	Grant GrantID    `json:"grant,omitempty"`
	Until *time.Time `json:"until,omitempty"`
	Holds bool       `json:"holds"`
}

// ConcurrencyTrace says whether there is room for more live grants.
type ConcurrencyTrace struct {
	ConcurrencyBounds

	// Own are the identity's live grants, Live those of all.
	Own   int  `json:"own"`
	Live  int  `json:"live"`
	Asked int  `json:"asked"`
	Holds bool `json:"holds"`
}

func (b *BoundsTrace) admission(s *PolicySet, q Question, t *GrantTemplate, decision Decision, holds func(...ReasonCode) bool) {
	b.Schedule = ScheduleTrace{Within: t.ScheduleWithin, Holds: holds(ReasonScheduleNotAllowed, ReasonScheduleTooFar)}
	if starts := q.starts(); starts.After(q.Now) {
		b.Schedule.NotBefore = &starts
	}
	use := q.Uses[t.ID()]
	if t.Cooldown != nil {
		b.Cooldown = &CooldownTrace{Cooldown: *t.Cooldown, Holds: holds(ReasonCooldown)}
		d := decider{set: s, q: q, decision: decision}
		if g, until, ok := d.cooling(t); ok {
			b.Cooldown.Grant, b.Cooldown.Until = g.ID, &until
		}
	}
	if t.MaxConcurrent != nil {
		b.Concurrency = &ConcurrencyTrace{
			ConcurrencyBounds: *t.MaxConcurrent, Own: use.live(), Live: use.Live, Asked: len(distinct(q.Entitlements)), Holds: holds(ReasonMaxConcurrent),
		}
	}
}
