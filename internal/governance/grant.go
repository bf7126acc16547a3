package governance

import (
	"fmt"
	"slices"
	"time"
)

// GrantState is where a grant stands.
type GrantState string

// The states of a grant. Cancelled, provision_failed and ended are final.
const (
	GrantScheduled       GrantState = "scheduled"
	GrantCancelled       GrantState = "cancelled"
	GrantProvisioning    GrantState = "provisioning"
	GrantProvisionFailed GrantState = "provision_failed"
	GrantActive          GrantState = "active"
	GrantRevoking        GrantState = "revoking"
	GrantEnded           GrantState = "ended"
)

// Live reports whether the grant counts as held: planned, on its way, active,
// or not yet proven gone.
func (s GrantState) Live() bool {
	switch s {
	case GrantScheduled, GrantProvisioning, GrantActive, GrantRevoking:
		return true
	}
	return false
}

// EndReason says why a grant came to its end.
type EndReason string

// The end reasons.
const (
	EndExpired            EndReason = "expired"
	EndEventClosed        EndReason = "event_closed"
	EndReturned           EndReason = "returned"
	EndRevokedBy          EndReason = "revoked_by"
	EndIneligible         EndReason = "ineligible"
	EndIdentityLeft       EndReason = "identity_left"
	EndApplicationRemoved EndReason = "application_removed"
	EndProvisionFailed    EndReason = "provision_failed"
	// EndBackupRestored: it was given after the backup that was restored.
	EndBackupRestored EndReason = "backup_restored"
)

// Outcome is what was observed when a grant ended.
type Outcome string

// The outcomes.
const (
	OutcomeRemoved          Outcome = "removed"
	OutcomeCovered          Outcome = "covered"
	OutcomePreexisting      Outcome = "preexisting"
	OutcomeRemovedElsewhere Outcome = "removed_elsewhere"
	OutcomeUnverifiable     Outcome = "unverifiable"
	// OutcomeAbandoned: nothing was observed; two people have given it up.
	OutcomeAbandoned Outcome = "abandoned"
)

// Grant is one account that holds one entitlement for a while.
type Grant struct {
	ID          GrantID       `json:"id"`
	Request     RequestID     `json:"request"`
	Template    TemplateID    `json:"template"`
	Identity    IdentityID    `json:"identity"`
	Application ApplicationID `json:"application"`
	Account     AccountID     `json:"account"`
	Entitlement EntitlementID `json:"entitlement"`
	// AccountUID and EntitlementUID are the target's own identifiers, where it has
	// such: the grant is of these, whatever they are called later.
	AccountUID     string `json:"account_uid,omitempty"`
	EntitlementUID string `json:"entitlement_uid,omitempty"`
	// MadeAccount is set when Stint makes the account, or has made it: the grant is
	// given once it is there.
	MadeAccount   MadeAccountID `json:"made_account,omitempty"`
	BusinessEvent EventID       `json:"business_event,omitempty"`
	// BreakGlass: it was given past the approval stages of its template.
	BreakGlass bool       `json:"break_glass,omitempty"`
	State      GrantState `json:"state"`
	EndReason  EndReason  `json:"end_reason,omitempty"`
	Outcome    Outcome    `json:"outcome,omitempty"`
	// EndDetail is what the target or the decision said, when that ended it.
	EndDetail string `json:"end_detail,omitempty"`
	// Duration runs from activation; extensions come on top.
	Duration   Duration  `json:"duration"`
	NotBefore  time.Time `json:"not_before"`
	ActivateBy time.Time `json:"activate_by"`
	// NotAfter is when the grant ends at the latest; it is only ever
	// tightened, except by an approved extension.
	NotAfter time.Time `json:"not_after"`
	// ExtendedBy are the requests that gave the grant a later end, in order.
	ExtendedBy []RequestID `json:"extended_by,omitempty"`
	// Preexisting: the assignment stood before the first of the live grants
	// that cover it. Nil until the target was read.
	Preexisting *bool `json:"preexisting,omitempty"`
	// Stood are the entitlements that the target puts on the account together
	// with this one and that stood before; they stay when it is revoked.
	Stood       []EntitlementID `json:"stood,omitempty"`
	ActivatedAt *time.Time      `json:"activated_at,omitempty"`
	// RevokingAt is when the end was due; lateness is measured from it.
	RevokingAt *time.Time `json:"revoking_at,omitempty"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	// AbandonedAt is when two people gave up to have the right read back as gone.
	AbandonedAt *time.Time `json:"abandoned_at,omitempty"`
	// Basis is what the grant was last decided on.
	Basis Basis `json:"basis"`
	// Ineligible is set while the grant is kept although a decision now would
	// deny it.
	Ineligible *Ineligible `json:"ineligible,omitempty"`
}

// Basis stamps a decision with the versions of its inputs; older than they are
// now means that the grant is due to be decided again.
type Basis struct {
	Revision        int64 `json:"revision"`
	IdentityVersion int64 `json:"identity_version"`
	EventVersion    int64 `json:"event_version,omitempty"`
}

// Schedule makes the grants of an approved request. Each may activate from now
// on, or from the later time that the request asks for, to the microsecond, and
// ends at the latest when its duration has run from the last moment at which it
// may activate, or when its business event ends, whichever is earlier.
func Schedule(r Request, t GrantTemplate, event *OpenEvent, basis Basis, now time.Time, newID func() GrantID) []Grant {
	notBefore := r.begins(now)
	activateBy := notBefore.Add(t.ActivateWithin.Std())
	notAfter := activateBy.Add(r.Duration.Std())
	if event != nil && event.EndsAt.Before(notAfter) {
		notAfter = event.EndsAt
	}
	grants := make([]Grant, len(r.Decision.Grants))
	for i, h := range r.Decision.Grants {
		application, _, _, _ := h.Entitlement.Split()
		grants[i] = Grant{
			ID: newID(), Request: r.ID, Template: r.Template, Identity: r.Identity,
			Application: application, Account: h.Account, Entitlement: h.Entitlement,
			BusinessEvent: r.BusinessEvent, BreakGlass: r.BreakGlass, State: GrantScheduled, Duration: r.Duration,
			NotBefore: notBefore.Truncate(time.Microsecond), ActivateBy: activateBy, NotAfter: notAfter, CreatedAt: now, Basis: basis,
		}
	}
	return grants
}

// Rename moves the grant to what its account and its entitlement are called now.
func (g Grant) Rename(accounts map[AccountID]AccountID, entitlements map[EntitlementID]EntitlementID) Grant {
	if now, ok := accounts[g.Account]; ok {
		g.Account = now
	}
	if now, ok := entitlements[g.Entitlement]; ok {
		g.Entitlement = now
	}
	g.Stood = slices.Clone(g.Stood)
	for i, id := range g.Stood {
		if now, ok := entitlements[id]; ok {
			g.Stood[i] = now
		}
	}
	return g
}

// CalledFor reports whether the target was called for the grant, or is about to be,
// and its end was not observed yet.
func (g Grant) CalledFor() bool { return g.State.Live() && g.State != GrantScheduled }

// NeverCalled reports whether the target was never to be called for the grant.
func (g Grant) NeverCalled() bool { return g.State == GrantScheduled || g.State == GrantCancelled }

// Unseen is since when a grant is over without that anybody saw what it gave go:
// two people have given that up, or the target cannot be read back.
func (g Grant) Unseen() (since time.Time, unseen bool) {
	switch {
	case g.AbandonedAt != nil:
		return *g.AbandonedAt, true
	case g.Outcome == OutcomeUnverifiable:
		return *g.EndedAt, true
	}
	return time.Time{}, false
}

func (g Grant) refuse(verb, why string) error {
	return &TransitionError{Object: "grant", ID: string(g.ID), State: string(g.State), Verb: verb, Why: why}
}

// Provision marks that the target is about to be called for the first time, which
// is refused before the grant's time and after it. preexisting says whether the
// assignment stood before, stood which of those that come with it.
func (g Grant) Provision(preexisting bool, stood []EntitlementID, now time.Time) (Grant, error) {
	if g.State != GrantScheduled {
		return g, g.refuse("provision", "")
	}
	if now.Before(g.NotBefore) {
		return g, g.refuse("provision", fmt.Sprintf("it begins at %s", inUTC(g.NotBefore)))
	}
	if _, due := g.DueReason(now); due {
		return g, g.refuse("provision", fmt.Sprintf("the time for it ran out at %s", inUTC(g.dueAt())))
	}
	g.State, g.Preexisting, g.Stood = GrantProvisioning, &preexisting, stood
	return g, nil
}

// Activate marks that the assignment was read back. The duration runs from now.
// A grant that is due to end is refused: it was not activated in time.
func (g Grant) Activate(now time.Time) (Grant, error) {
	if g.State != GrantProvisioning {
		return g, g.refuse("activate", "")
	}
	if _, due := g.DueReason(now); due {
		return g, g.refuse("activate", fmt.Sprintf("the time for it ran out at %s", inUTC(g.dueAt())))
	}
	g.State, g.ActivatedAt = GrantActive, &now
	return g.Tighten(now.Add(g.Duration.Std())), nil
}

// Tighten brings the end forward; a later time changes nothing.
func (g Grant) Tighten(notAfter time.Time) Grant {
	if notAfter.Before(g.NotAfter) {
		g.NotAfter = notAfter
	}
	return g
}

// Extend moves the end of an active grant by the duration of the request that
// was granted for it, and to the end of its business event at the latest. It is
// the only thing that ever lengthens a grant.
func (g Grant) Extend(r Request, event *OpenEvent, now time.Time) (Grant, error) {
	if r.Extends != g.ID || r.State != RequestGranted {
		return g, g.refuse("extend", fmt.Sprintf("request %s does not give it more time", r.ID))
	}
	if _, due := g.DueReason(now); g.State != GrantActive || due {
		return g, g.refuse("extend", "")
	}
	notAfter := g.extended(r.Duration, event)
	if !notAfter.After(g.NotAfter) {
		return g, g.refuse("extend", "its business event ends no later")
	}
	g.NotAfter, g.ExtendedBy = notAfter, append(slices.Clone(g.ExtendedBy), r.ID)
	return g, nil
}

// extended is when the grant would end with so much more time.
func (g Grant) extended(by Duration, event *OpenEvent) time.Time {
	notAfter := g.NotAfter.Add(by.Std())
	if event != nil && event.EndsAt.Before(notAfter) {
		return event.EndsAt
	}
	return notAfter
}

// DueAt is the next moment at which time alone changes the grant; none when it is
// ending or over.
func (g Grant) DueAt() (time.Time, bool) {
	switch g.State {
	case GrantScheduled, GrantProvisioning, GrantActive:
		return g.dueAt(), true
	}
	return time.Time{}, false
}

// OverdueAt is when the revocation of a grant that is ending counts as overdue.
func (g Grant) OverdueAt() (time.Time, bool) {
	if g.State != GrantRevoking {
		return time.Time{}, false
	}
	return g.RevokingAt.Add(OverdueAfter), true
}

// DueReason reports whether the grant has to end by now, and why: its time is
// over, it was not activated in time, or the grace of an ineligible one is over.
func (g Grant) DueReason(now time.Time) (EndReason, bool) {
	switch g.State {
	case GrantScheduled, GrantProvisioning, GrantActive:
		if !now.Before(g.dueAt()) {
			if g.graceEnds(g.timeOver()) {
				return EndIneligible, true
			}
			return EndExpired, true
		}
	}
	return "", false
}

// dueAt is when time alone ends the grant, if it has not begun to end.
func (g Grant) dueAt() time.Time {
	if over := g.timeOver(); !g.graceEnds(over) {
		return over
	}
	return *g.Ineligible.EndsAt
}

// timeOver is when the grant's own time is over.
func (g Grant) timeOver() time.Time {
	if g.State != GrantActive && g.ActivateBy.Before(g.NotAfter) {
		return g.ActivateBy
	}
	return g.NotAfter
}

// End begins the end of a live grant: one that was never called for is
// cancelled, every other one is to be revoked. A grant that is ending keeps its
// first reason; one that is over is refused.
func (g Grant) End(reason EndReason, now time.Time) (Grant, error) {
	switch g.State {
	case GrantScheduled:
		g.State, g.EndReason, g.EndedAt = GrantCancelled, reason, &now
	case GrantProvisioning, GrantActive:
		due := now
		if g.dueAt().Before(now) {
			due = g.dueAt()
		}
		g.State, g.EndReason, g.RevokingAt = GrantRevoking, reason, &due
	case GrantRevoking:
		return g, nil
	default:
		return g, g.refuse("end", "")
	}
	return g.Tighten(now), nil
}

// Abandon ends a grant without an observation, by the word of two people: the
// right may still stand. One that was never called for is cancelled, one of a
// right that stood before ends as it would have, and one that is over keeps its
// outcome.
func (g Grant) Abandon(reason EndReason, now time.Time) (Grant, error) {
	if g.State.Live() {
		var err error
		if g, err = g.End(reason, now); err != nil || g.State == GrantCancelled {
			return g, err
		}
		if g.Preexisting != nil && *g.Preexisting {
			return g.Finish(OutcomePreexisting, now)
		}
		g.State, g.EndedAt, g.Outcome = GrantEnded, &now, OutcomeAbandoned
	}
	g.AbandonedAt = &now
	return g, nil
}

// Finish ends a revoking grant with what was observed. A grant that never
// became active and is proven absent is provision_failed.
func (g Grant) Finish(outcome Outcome, now time.Time) (Grant, error) {
	if g.State != GrantRevoking {
		return g, g.refuse("finish", "")
	}
	switch outcome {
	case OutcomeRemoved, OutcomeCovered, OutcomePreexisting, OutcomeRemovedElsewhere, OutcomeUnverifiable:
	default:
		return g, g.refuse("finish", fmt.Sprintf("%q is nothing that is observed of an ended grant", outcome))
	}
	g.State, g.EndedAt, g.Outcome = GrantEnded, &now, outcome
	if g.ActivatedAt == nil && (outcome == OutcomeRemoved || outcome == OutcomeRemovedElsewhere) {
		g.State = GrantProvisionFailed
	}
	return g, nil
}
