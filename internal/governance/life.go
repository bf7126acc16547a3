package governance

import (
	"fmt"
	"slices"
	"time"
)

// Life is what the engine knows of an identity beside what is declared.
type Life struct {
	// Set is the status that people gave it. What time takes comes on top, and
	// neither lifts the other.
	Set Status `json:"set"`
	// AttestedAt is when its owner last attested that it is still needed.
	AttestedAt *time.Time `json:"attested_at,omitempty"`
	AttestedBy IdentityID `json:"attested_by,omitempty"`
	// UsedAt is when it was last seen at work, in Stint or in a target.
	UsedAt *time.Time `json:"-"`
	// UnusedFrom and AttestFrom are when the demands of the like name began;
	// nil while nothing is demanded. Neither looks further back.
	UnusedFrom *time.Time `json:"unused_from,omitempty"`
	AttestFrom *time.Time `json:"attest_from,omitempty"`
}

// Person is an identity as the engine knows it: what was declared, with its
// status, version and life.
type Person struct {
	Identity
	// Status is what was last written; see [Person.StatusAt].
	Status  Status `json:"status"`
	Version int64  `json:"version"`
	Life    Life   `json:"-"`
}

// Loss is a cause by which time alone takes an identity's access. For an
// identity that is not human it takes the place of leaving.
type Loss string

// The losses.
const (
	// LossExpired: its valid_until has passed. It has left, until a later one is
	// declared.
	LossExpired Loss = "expired"
	// LossUnused: it was not used for as long as its unused_after says. It is
	// suspended until its owner attests that it is needed.
	LossUnused Loss = "unused"
	// LossUnattested: its owner has not attested for as long as its attest_every
	// says. It is suspended until the owner does.
	LossUnattested Loss = "unattested"
)

// Ending is a moment at which time takes an identity's access.
type Ending struct {
	Loss Loss
	// At is when it does, Notice when it is first spoken of.
	At, Notice time.Time
}

// longestNotice is how long before its end an identity is spoken of at most. Where
// a span ends in it, it is a quarter of that span if that is shorter.
const longestNotice = 14 * 24 * time.Hour

// Endings are the moments at which time takes the identity's access unless
// something comes to pass before, the earliest first.
func (p Person) Endings() []Ending {
	var endings []Ending
	if p.ValidUntil != nil {
		endings = append(endings, Ending{LossExpired, *p.ValidUntil, p.ValidUntil.Add(-longestNotice)})
	}
	span := func(loss Loss, length *Duration, since ...*time.Time) {
		if from := latest(since); length != nil && from != nil {
			at := from.Add(length.Std())
			endings = append(endings, Ending{loss, at, at.Add(-min(longestNotice, length.Std()/4))})
		}
	}
	span(LossUnused, p.UnusedAfter, p.Life.UnusedFrom, p.Life.UsedAt, p.Life.AttestedAt)
	span(LossUnattested, p.AttestEvery, p.Life.AttestFrom, p.Life.AttestedAt)
	slices.SortStableFunc(endings, func(a, b Ending) int { return a.At.Compare(b.At) })
	return endings
}

func latest(times []*time.Time) *time.Time {
	var last *time.Time
	for _, t := range times {
		if t != nil && (last == nil || t.After(*last)) {
			last = t
		}
	}
	return last
}

// Losses are the endings that have come by now.
func (p Person) Losses(now time.Time) []Ending {
	return slices.DeleteFunc(p.Endings(), func(e Ending) bool { return now.Before(e.At) })
}

// NextChange is the next moment at which time alone changes what there is to say
// of the identity; none when nothing is in sight.
func (p Person) NextChange(now time.Time) (next time.Time, ok bool) {
	for _, e := range p.Endings() {
		for _, at := range []time.Time{e.Notice, e.At} {
			if now.Before(at) && (!ok || at.Before(next)) {
				next, ok = at, true
			}
		}
	}
	return next, ok
}

// Judge is the status that follows from what people set and from time.
func (p Person) Judge(now time.Time) Status { return p.judgeOn(p.Life.Set, now) }

// StatusAt is the status that counts at a moment: the one that was written, or
// the worse one that has been due since.
func (p Person) StatusAt(now time.Time) Status { return p.judgeOn(p.Status, now) }

func (p Person) judgeOn(status Status, now time.Time) Status {
	for _, e := range p.Losses(now) {
		switch {
		case e.Loss == LossExpired:
			return Left
		case status == Active:
			status = Suspended
		}
	}
	return status
}

// Demand begins and ends the spans that a declaration asks for.
func (l Life) Demand(i Identity, now time.Time) Life {
	begin := func(from *time.Time, length *Duration) *time.Time {
		switch {
		case length == nil:
			return nil
		case from == nil:
			return &now
		}
		return from
	}
	l.UnusedFrom, l.AttestFrom = begin(l.UnusedFrom, i.UnusedAfter), begin(l.AttestFrom, i.AttestEvery)
	return l
}

// SetTo is the life after people have given a status. Activating starts the span
// anew in which the identity has to be used.
func (l Life) SetTo(status Status, now time.Time) Life {
	l.Set = status
	if status == Active && l.UnusedFrom != nil {
		l.UnusedFrom = &now
	}
	return l
}

// Attest is the life after the owner has attested.
func (l Life) Attest(by IdentityID, now time.Time) Life {
	l.AttestedAt, l.AttestedBy = &now, by
	return l
}

// Because says why time has taken the access of the identity; empty when it has
// not.
func (p Person) Because(now time.Time) string {
	lost := p.Losses(now)
	if len(lost) == 0 {
		return ""
	}
	at := lost[0].At.UTC().Format(time.RFC3339)
	switch lost[0].Loss {
	case LossUnused:
		return fmt.Sprintf("it was not used for %s until %s", p.UnusedAfter, at)
	case LossUnattested:
		return fmt.Sprintf("its owner %q did not attest until %s that it is still needed", p.Owner, at)
	}
	return "it was valid until " + at
}

// Mend says what brings the identity back that time has taken the access of.
func (p Person) Mend(now time.Time) string {
	for _, e := range p.Losses(now) {
		if e.Loss == LossExpired {
			return "declare a later valid_until"
		}
	}
	return fmt.Sprintf("its owner %q brings it back with: stint identity attest %s", p.Owner, p.ID())
}

// NotActive is the reason that an identity which is not active holds nothing.
func (p Person) NotActive(now time.Time) Reason {
	status := string(p.StatusAt(now))
	if because := p.Because(now); because != "" {
		status += " because " + because
	}
	return Reason{Code: ReasonIdentityNotActive, Message: fmt.Sprintf("identity %q is %s; only an active identity may hold access", p.ID(), status)}
}

// IdentityFindingKinds are the kinds that are about an identity and no
// application.
func IdentityFindingKinds() []FindingKind {
	return []FindingKind{FindingAttestationDue, FindingExpiringIdentity, FindingOrphanedIdentity, FindingUnusedIdentity}
}

// Findings is what somebody should know about the identity: that nobody answers
// for it, or that time is about to take its access or has. owner is nil when it
// has none; the times and the id are left to the caller.
func (p Person) Findings(owner *Person, now time.Time) []Finding {
	var found []Finding
	add := func(kind FindingKind, severity Risk, format string, args ...any) {
		what := fmt.Sprintf("%s %q ", p.Type, p.ID())
		found = append(found, Finding{Kind: kind, Severity: severity, Identity: p.ID(), Message: what + fmt.Sprintf(format, args...)})
	}
	if p.Type != Human && p.Life.Set != Left {
		switch {
		case owner == nil:
			add(FindingOrphanedIdentity, RiskHigh, "has no owner; declare the human who answers for it")
		case owner.StatusAt(now) != Active:
			add(FindingOrphanedIdentity, RiskHigh, "belongs to %q, who is %s, so nobody answers for it; declare another owner, or delete it", owner.ID(), owner.StatusAt(now))
		}
	}
	if p.Life.Set == Left {
		return found
	}
	for _, e := range p.Endings() {
		at, over := e.At.UTC().Format(time.RFC3339), !now.Before(e.At)
		if now.Before(e.Notice) {
			continue
		}
		switch {
		case e.Loss == LossExpired && !over:
			add(FindingExpiringIdentity, RiskMedium, "is valid until %s and counts as left then; declare a later valid_until if it is still needed", at)
		case e.Loss == LossUnused && over:
			add(FindingUnusedIdentity, RiskHigh, "is suspended because it was not used for %s until %s; %q brings it back with stint identity attest, or it can be deleted", p.UnusedAfter, at, p.Owner)
		case e.Loss == LossUnused:
			add(FindingUnusedIdentity, RiskMedium, "is suspended at %s unless it is used until then, or %q attests that it is needed", at, p.Owner)
		case e.Loss == LossUnattested && over:
			add(FindingAttestationDue, RiskHigh, "is suspended because %q did not attest until %s that it is still needed; stint identity attest brings it back, or it can be deleted", p.Owner, at)
		case e.Loss == LossUnattested:
			add(FindingAttestationDue, RiskMedium, "is suspended at %s unless %q attests with stint identity attest that it is still needed", at, p.Owner)
		}
	}
	return found
}
