package governance

import "time"

// OnIneligible is what becomes of a live grant that a decision now would deny.
type OnIneligible string

// The answers. A grant is never kept for an identity or an owner that is not
// active, on an account that is not the identity's, nor against a deny policy.
const (
	// IneligibleRevoke ends it at once; so does no answer.
	IneligibleRevoke OnIneligible = "revoke"
	// IneligibleGrace ends it after a grace, unless it is eligible again by then.
	IneligibleGrace OnIneligible = "grace"
	// IneligibleFlag keeps it to its end and reports it as a finding.
	IneligibleFlag OnIneligible = "flag"
)

// Ineligible is what a live grant remembers that is kept although a decision now
// would deny it.
type Ineligible struct {
	Since time.Time `json:"since"`
	Why   string    `json:"why"`
	// EndsAt ends the grant unless it is eligible again by then; nil when it may
	// live on to its own end.
	EndsAt *time.Time `json:"ends_at,omitempty"`
}

// Denial is why a live grant would be denied now.
type Denial struct {
	Why     string
	Reasons []Reason
	// AtOnce: it ends now, whatever its template says.
	AtOnce bool
	// Left: the identity itself has left.
	Left bool
}

// EndReason is why the grant ends that is denied.
func (d *Denial) EndReason() EndReason {
	if d.Left {
		return EndIdentityLeft
	}
	return EndIneligible
}

// Redecide judges a live grant anew; nil when it may go on. q asks the grant's
// question as of now, see [Beside] for what is held. What the grant was measured
// against when it was given, its duration and its justification, is not measured
// again, and consented says that people have approved it.
func (s *PolicySet) Redecide(q Question, consented bool) *Denial {
	decision := s.Decide(q)
	denial := &Denial{Left: q.Identity.StatusAt(q.Now) == Left}
	demanded := false
	for _, reason := range decision.Reasons {
		switch {
		case reason.Weight == DemandsConsent:
			demanded = true
		case reason.Weight == Denies && !onlyAtFirst(reason.Code):
			denial.Reasons = append(denial.Reasons, reason)
			denial.AtOnce = denial.AtOnce || s.endsAtOnce(reason)
		}
	}
	switch {
	case len(denial.Reasons) > 0:
		denial.Why = denial.Reasons[0].Message
	case demanded && !consented:
		denial.Why = unconsented
	default:
		return nil
	}
	return denial
}

const unconsented = "an approval is demanded now, and the request was granted without one"

// Withheld says why a grant is not to be given now that was to be given when its
// request was granted; empty when it is. Everything is measured once more, and
// consented says that people have approved it.
func (s *PolicySet) Withheld(q Question, consented bool) string {
	decision := s.Decide(q)
	switch {
	case decision.Effect == Deny:
		return decision.Denials()[0].Message
	case decision.Effect == NeedsApproval && !consented:
		return unconsented
	}
	return ""
}

// onlyAtFirst reports whether a reason bears on giving a grant and not on
// keeping it.
func onlyAtFirst(code ReasonCode) bool {
	switch code {
	case ReasonDurationTooLong, ReasonDurationInvalid, ReasonJustificationRequired, ReasonJustificationTooLong:
		return true
	}
	return false
}

func (s *PolicySet) endsAtOnce(r Reason) bool {
	switch r.Code {
	case ReasonIdentityNotActive, ReasonOwnerNotActive, ReasonBootstrapIdentity, ReasonAccountMissing, ReasonAccountTaken, ReasonAccountUncorrelated, ReasonAccountNameInvalid, ReasonEntitlementMissing, ReasonApplicationRetired, ReasonEventNotOpen:
		return true
	}
	policy, ok := s.policies[r.Policy]
	return ok && policy.Effect == PolicyDeny
}

// Beside is what counts as held when a live grant is judged anew: what the actor
// holds without the grants that were made later, because of two that are in
// conflict the newer one is the one to go, and without those that are on their
// way out. live are the actor's live grants, implied what each of them puts on
// its account together with its entitlement.
func Beside(g Grant, held []Holding, live []Grant, implied Inclusions) []Holding {
	aside := map[GrantID]bool{}
	given, taken := map[assignmentKey]bool{}, map[assignmentKey]bool{}
	for _, other := range live {
		keys := taken
		if other.ID == g.ID || other.State != GrantRevoking && !other.madeAfter(g) {
			keys = given
		} else {
			aside[other.ID] = true
		}
		for _, id := range other.gave(implied) {
			keys[assignmentKey{other.Account, id}] = true
		}
	}
	var counts []Holding
	for _, h := range held {
		key := assignmentKey{h.Account, h.Entitlement}
		if aside[h.Grant] || h.Grant == "" && taken[key] && !given[key] {
			continue
		}
		counts = append(counts, h)
	}
	return counts
}

func (g Grant) madeAfter(other Grant) bool {
	if !g.CreatedAt.Equal(other.CreatedAt) {
		return g.CreatedAt.After(other.CreatedAt)
	}
	return g.ID > other.ID
}

// gave lists the entitlements that stand on the account because of the grant.
func (g Grant) gave(implied Inclusions) []EntitlementID {
	if g.Preexisting == nil || *g.Preexisting {
		return nil
	}
	stood := make(map[EntitlementID]bool, len(g.Stood))
	for _, id := range g.Stood {
		stood[id] = true
	}
	var gave []EntitlementID
	for id := range implied.Closure(g.Entitlement) {
		if !stood[id] {
			gave = append(gave, id)
		}
	}
	return gave
}

// Reconsidered is what came of judging a live grant anew.
type Reconsidered string

// The outcomes.
const (
	// StaysAsItIs: nothing changed that anybody need know.
	StaysAsItIs Reconsidered = "unchanged"
	// StaysIneligible: it is kept for now, and why or until when is new.
	StaysIneligible Reconsidered = "ineligible"
	// EligibleAgain: what was said against it no longer holds.
	EligibleAgain Reconsidered = "eligible_again"
	// MustEnd: it has to end now.
	MustEnd Reconsidered = "ended"
)

// Reconsider brings about what follows from judging a live grant anew, under its
// template. One that was not called for yet is not kept for a grace.
func (g Grant) Reconsider(d *Denial, t GrantTemplate, now time.Time) (Grant, Reconsidered) {
	switch {
	case d == nil && g.Ineligible == nil:
		return g, StaysAsItIs
	case d == nil:
		g.Ineligible = nil
		return g, EligibleAgain
	case d.AtOnce || g.State == GrantScheduled || t.OnIneligible == "" || t.OnIneligible == IneligibleRevoke:
		return g, MustEnd
	}
	ineligible := Ineligible{Since: now, Why: d.Why}
	if g.Ineligible != nil {
		ineligible.Since = g.Ineligible.Since
	}
	if t.OnIneligible == IneligibleGrace {
		end := ineligible.Since.Add(t.IneligibleGrace.Std())
		ineligible.EndsAt = &end
	}
	if g.Ineligible != nil && g.Ineligible.equal(ineligible) {
		return g, StaysAsItIs
	}
	g.Ineligible = &ineligible
	return g, StaysIneligible
}

func (i Ineligible) equal(other Ineligible) bool {
	if (i.EndsAt == nil) != (other.EndsAt == nil) {
		return false
	}
	return i.Why == other.Why && i.Since.Equal(other.Since) && (i.EndsAt == nil || i.EndsAt.Equal(*other.EndsAt))
}

// graceEnds is when the grant ends because it is ineligible, if that is before t.
func (g Grant) graceEnds(t time.Time) bool {
	return g.Ineligible != nil && g.Ineligible.EndsAt != nil && g.Ineligible.EndsAt.Before(t)
}

// Root is the human who answers for the identity: its owner, or itself.
func (i Identity) Root() IdentityID {
	if i.Type != Human && i.Owner != "" {
		return i.Owner
	}
	return i.ID()
}

// Invalidate ends a pending request because of what has become of its requester.
func (r Request) Invalidate(why Reason, now time.Time) (Request, error) {
	if r.State != RequestPending {
		return r, r.refuse("invalidate", "")
	}
	why.Weight = Denies
	r.Decision.Effect = Deny
	r.Decision.Reasons = append(append([]Reason{}, r.Decision.Reasons...), why)
	return r.end(RequestInvalidated, now), nil
}
