package governance

import (
	"slices"
	"time"
)

// A clock that ran ahead leaves times that never were. Once it is right again they
// are set back: a time later than now by as much as time itself, which leaves it
// as long before now as it was before the latest time that was seen, and no later
// than now where it was noted after that.

func setBack(t time.Time, by time.Duration, now time.Time) time.Time {
	if !t.After(now) {
		return t
	}
	if back := t.Add(-by); back.Before(now) {
		return back
	}
	return now
}

func setBackIf(t *time.Time, by time.Duration, now time.Time) *time.Time {
	if t == nil || !t.After(now) {
		return t
	}
	back := setBack(*t, by, now)
	return &back
}

// SetBack moves what is still to come of a live grant by as much as time itself
// is set back, to now: a clock that is put right gives nobody more time. A grant
// that was still to wait for a later time goes on waiting for it. Of one that is
// over it moves what is later than now, so that its end counts no longer than it
// would have.
func (g Grant) SetBack(by time.Duration, now time.Time) Grant {
	g.CreatedAt, g.EndedAt, g.AbandonedAt = setBack(g.CreatedAt, by, now), setBackIf(g.EndedAt, by, now), setBackIf(g.AbandonedAt, by, now)
	if !g.State.Live() {
		g.NotBefore, g.ActivateBy, g.NotAfter = setBack(g.NotBefore, by, now), setBack(g.ActivateBy, by, now), setBack(g.NotAfter, by, now)
		g.ActivatedAt, g.RevokingAt = setBackIf(g.ActivatedAt, by, now), setBackIf(g.RevokingAt, by, now)
		return g
	}
	if g.State == GrantScheduled && g.NotBefore.After(now.Add(by)) {
		return g
	}
	g.NotBefore, g.ActivateBy, g.NotAfter = g.NotBefore.Add(-by), g.ActivateBy.Add(-by), g.NotAfter.Add(-by)
	if g.Ineligible != nil {
		kept := *g.Ineligible
		kept.Since = setBack(kept.Since, by, now)
		if kept.EndsAt != nil {
			ends := kept.EndsAt.Add(-by)
			kept.EndsAt = &ends
		}
		g.Ineligible = &kept
	}
	g.ActivatedAt, g.RevokingAt = notAfter(g.ActivatedAt, now), notAfter(g.RevokingAt, now)
	return g
}

// notAfter is the earlier of an optional time and another.
func notAfter(t *time.Time, latest time.Time) *time.Time {
	if t == nil || !t.After(latest) {
		return t
	}
	return &latest
}

// SetBack moves the deadline of the current stage by as much as time itself is
// set back, and when the request was made if that is later than now: so long it
// counts against another by break-glass, and so long there is for its review. A
// review that was overdue in the wrong time alone is open again. The later time
// at which the access is to begin stays the one that was asked for.
func (r Request) SetBack(by time.Duration, now time.Time) Request {
	if r.Deadline != nil {
		deadline := r.Deadline.Add(-by)
		r.Deadline = &deadline
	}
	if r.Review != nil {
		review := *r.Review
		if r.CreatedAt.After(now) {
			review.DueAt = review.DueAt.Add(-by)
		}
		if review.State == ReviewOverdue && now.Before(review.DueAt) {
			review.State = ReviewOpen
		}
		review.ReviewedAt = setBackIf(review.ReviewedAt, by, now)
		r.Review = &review
	}
	r.CreatedAt, r.EndedAt = setBack(r.CreatedAt, by, now), setBackIf(r.EndedAt, by, now)
	r.Approvals = slices.Clone(r.Approvals)
	for i := range r.Approvals {
		r.Approvals[i].At = setBack(r.Approvals[i].At, by, now)
	}
	return r
}

// SetBack moves when the identity was attested and when what is demanded of it
// began, where that is later than now.
func (l Life) SetBack(by time.Duration, now time.Time) Life {
	l.AttestedAt, l.UsedAt = setBackIf(l.AttestedAt, by, now), setBackIf(l.UsedAt, by, now)
	l.UnusedFrom, l.AttestFrom = setBackIf(l.UnusedFrom, by, now), setBackIf(l.AttestFrom, by, now)
	return l
}

// SetBack moves a proposal that was made later than now, with the time that it
// waits.
func (p Proposal) SetBack(by time.Duration, now time.Time) Proposal {
	if p.At.After(now) {
		p.At, p.LapsesAt = p.At.Add(-by), p.LapsesAt.Add(-by)
	}
	return p
}

// SetBack moves an event that was opened later than now, with its end, which was
// told when it was taken to be that late.
func (e OpenEvent) SetBack(by time.Duration, now time.Time) OpenEvent {
	if e.OpenedAt.After(now) {
		e.OpenedAt, e.EndsAt = e.OpenedAt.Add(-by), e.EndsAt.Add(-by)
	}
	return e
}

// SetBack moves what is later than now of an account that was made.
func (a MadeAccount) SetBack(by time.Duration, now time.Time) MadeAccount {
	a.CreatedAt, a.CalledAt, a.MadeAt = setBack(a.CreatedAt, by, now), setBackIf(a.CalledAt, by, now), setBackIf(a.MadeAt, by, now)
	a.RemovingAt, a.RemovedAt = setBackIf(a.RemovingAt, by, now), setBackIf(a.RemovedAt, by, now)
	return a
}
