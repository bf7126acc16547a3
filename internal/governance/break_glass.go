package governance

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// BreakGlass lets whoever is eligible have a template's access at once, past its
// approval stages, and answer for it in a review afterwards.
type BreakGlass struct {
	// Limit is how often one identity may, within any span as long as Per.
	Limit int      `json:"limit"`
	Per   Duration `json:"per"`
	// Reviewers may give the verdict; any one of them is enough.
	Reviewers Approvers `json:"reviewers"`
	// ReviewWithin runs from the request.
	ReviewWithin Duration `json:"review_within"`
}

// Limits of break-glass.
const (
	MaxBreakGlass       = 1000
	MaxBreakGlassPer    = 366 * 24 * time.Hour
	MaxBreakGlassReview = 90 * 24 * time.Hour
)

func (b BreakGlass) check(p *Problems, field string) {
	if b.Limit < 1 || b.Limit > MaxBreakGlass {
		p.add(field+".limit", CodeInvalid, "%d is not between 1 and %d; leave break_glass out to allow none", b.Limit, MaxBreakGlass)
	}
	checkSpan(p, field+".per", b.Per, MaxBreakGlassPer)
	b.Reviewers.check(p, field+".reviewers")
	if b.Reviewers.confirms() {
		p.add(field+".reviewers.relations", CodeInvalid, "a requester and its owner are one actor, so relation %q cannot review; name somebody else", Owner)
	}
	checkSpan(p, field+".review_within", b.ReviewWithin, MaxBreakGlassReview)
}

// breakGlass weighs the bounds of break-glass: the template has it, the identity
// has not used it up and owes no review, and somebody is there who may review. A
// grant that was given is measured by the first of these alone.
func (d *decider) breakGlass(t *GrantTemplate) {
	if !d.q.BreakGlass {
		return
	}
	if t.BreakGlass == nil {
		d.deny(Reason{Code: ReasonBreakGlassNotAllowed, Message: fmt.Sprintf("template %q has no break_glass; request through it without break-glass", t.ID())})
		return
	}
	if d.q.Admitted {
		return
	}
	for _, r := range d.q.Broken {
		if r.Review.overdue(d.q.Now) {
			d.deny(Reason{Code: ReasonBreakGlassReviewOverdue, Message: fmt.Sprintf("the review of break-glass request %s of %q is overdue since %s; %s must review it before there is another one", r.ID, r.Identity, r.Review.DueAt.UTC().Format(time.RFC3339), r.Review.Reviewers)})
		}
	}
	if again, used := t.BreakGlass.usedUp(t.ID(), d.q.Broken, d.q.Now); used {
		d.deny(Reason{Code: ReasonBreakGlassLimit, Message: fmt.Sprintf("%q has used break-glass of template %q as often as it may, %d within %s; the next one is possible at %s", d.q.Identity.ID(), t.ID(), t.BreakGlass.Limit, t.BreakGlass.Per, again.UTC().Format(time.RFC3339))})
	}
	reviewers := ApprovalStage{Approvers: t.BreakGlass.Reviewers}
	if able, known := reviewers.atMost(d.q.Identity, d.q.Owner); known && able == 0 {
		d.deny(Reason{Code: ReasonBreakGlassNoReviewer, Message: fmt.Sprintf("nobody but the requester's own side could review it: template %q names %s; name somebody else in break_glass.reviewers", t.ID(), t.BreakGlass.Reviewers)})
	}
}

// usedUp reports whether earlier requests leave no use of a template's
// break-glass, and when there is one again.
func (b BreakGlass) usedUp(template TemplateID, earlier []Request, now time.Time) (again time.Time, used bool) {
	var counting []time.Time
	for _, r := range earlier {
		if r.Template == template && r.CreatedAt.Add(b.Per.Std()).After(now) {
			counting = append(counting, r.CreatedAt)
		}
	}
	if len(counting) < b.Limit {
		return time.Time{}, false
	}
	slices.SortFunc(counting, time.Time.Compare)
	return counting[len(counting)-b.Limit].Add(b.Per.Std()), true
}

// ahead is what break-glass gives instead of an approval.
func (d *decider) ahead(t *GrantTemplate) {
	past := "approves by itself"
	if n := len(t.Approval.Stages); n > 0 {
		past = fmt.Sprintf("gives it without its %d stage(s) of approval", n)
	}
	d.say(Supports, Reason{Code: ReasonBreakGlass, Message: fmt.Sprintf("break-glass: template %q %s, and %s must review it within %s", t.ID(), past, t.BreakGlass.Reviewers, t.BreakGlass.ReviewWithin)})
}

// BreakGlassTrace says what a template allows of break-glass.
type BreakGlassTrace struct {
	// Allows is absent when the template has none.
	Allows *BreakGlass `json:"allows,omitempty"`
	Holds  bool        `json:"holds"`
}

// mayBreakGlass reports whether a request that is not made yet may come by
// break-glass, or not.
func (d *decider) mayBreakGlass(t *GrantTemplate) bool { return t.BreakGlass != nil && !d.q.BreakGlass }

// foreseeApproval says what approval a request will take, and whether it takes
// break-glass to go ahead without one that the template cannot give.
func (d *decider) foreseeApproval(t *GrantTemplate, needsConsent bool) (takesBreakGlass bool) {
	if !needsConsent || !t.Approval.Automatic || !d.mayBreakGlass(t) {
		d.approval(t, needsConsent)
		return false
	}
	d.say(Depends, Reason{Code: ReasonApprovalNeeded, Message: fmt.Sprintf("separation of duties demands an approval, which the automatic template %q cannot give; only break-glass goes ahead without it", t.ID())})
	return true
}

// ReviewState is where the review of a break-glass request stands.
type ReviewState string

// The states of a review. Justified and unjustified are its verdicts, and final.
const (
	ReviewOpen        ReviewState = "open"
	ReviewOverdue     ReviewState = "overdue"
	ReviewJustified   ReviewState = "justified"
	ReviewUnjustified ReviewState = "unjustified"
)

// ReviewStates lists them in their order.
func ReviewStates() []ReviewState {
	return []ReviewState{ReviewOpen, ReviewOverdue, ReviewJustified, ReviewUnjustified}
}

// Verdicts lists what a reviewer can say.
func Verdicts() []ReviewState { return []ReviewState{ReviewJustified, ReviewUnjustified} }

// Awaited reports whether the verdict is still to be given.
func (s ReviewState) Awaited() bool { return s == ReviewOpen || s == ReviewOverdue }

// Review is what is owed for a request that was granted by break-glass. Who may
// give it and by when is as it was at the request; a later change of the template
// does not change it.
type Review struct {
	State     ReviewState `json:"state"`
	Reviewers Approvers   `json:"reviewers"`
	DueAt     time.Time   `json:"due_at"`
	// Owner answered for a requester that is not human and Manager was its
	// manager, or its owner's, when the request was made.
	Owner   IdentityID `json:"owner,omitempty"`
	Manager IdentityID `json:"manager,omitempty"`
	// Reviewer gave the verdict, and OnBehalfOf delegated to them.
	Reviewer   IdentityID `json:"reviewer,omitempty"`
	OnBehalfOf IdentityID `json:"on_behalf_of,omitempty"`
	// Instead: it was given by somebody else, because none of the reviewers was
	// left to give it.
	Instead    bool       `json:"instead,omitempty"`
	Comment    string     `json:"comment,omitempty"`
	ReviewedAt *time.Time `json:"reviewed_at,omitempty"`
}

// overdue reports whether a verdict should have been given by now; none is owed
// where there is no review.
func (v *Review) overdue(now time.Time) bool {
	return v != nil && v.State.Awaited() && !now.Before(v.DueAt)
}

// OweReview gives a break-glass request that is granted the review that it owes.
func (r Request) OweReview(b BreakGlass, requester Person, owner *Person) Request {
	r.Review = &Review{
		State: ReviewOpen, Reviewers: b.Reviewers, DueAt: r.CreatedAt.Add(b.ReviewWithin.Std()),
		Owner: requester.Owner, Manager: managerOf(requester, owner),
	}
	return r
}

// ReviewState is where its review stands; empty when it owes none.
func (r Request) ReviewState() ReviewState {
	if r.Review == nil {
		return ""
	}
	return r.Review.State
}

// RequesterThen is the requester of a request that owes a review, as far as it
// matters for who may give it, and its owner: for when they are no longer
// declared.
func (r Request) RequesterThen() (Person, *Person) {
	requester := Person{Identity: Identity{Name: string(r.Identity), Type: Human, Manager: r.Review.Manager}}
	if parts, err := DecodeID(string(r.Identity), "identity"); err == nil {
		requester.Name = parts[0]
	}
	if r.Review.Owner == "" {
		return requester, nil
	}
	requester.Type, requester.Owner, requester.Manager = Agent, r.Review.Owner, ""
	return requester, &Person{Identity: Identity{Name: string(r.Review.Owner), Type: Human, Manager: r.Review.Manager}}
}

// MayReview says whether the approver of the parties may review the request, and
// in whose place. It takes what an approval takes: named, or standing in for
// somebody who is, an active human, and neither the requester nor the owner who
// answers for it or did so at the request, as far as their tokens tell. The error
// wraps ErrNotApprover and says why not.
func (r Request) MayReview(p Parties) (Voice, error) {
	voice, err := r.mayReview(p)
	if err != nil {
		return Voice{}, err
	}
	return p.inPerson(r, voice)
}

func (r Request) mayReview(p Parties) (Voice, error) {
	if r.Review == nil {
		return Voice{}, r.refuse("review", "it was not granted by break-glass")
	}
	if p.Bootstrap {
		return Voice{}, fmt.Errorf("%w: the bootstrap identity can neither request nor review", ErrNotApprover)
	}
	id := p.Approver.ID()
	if id == r.Review.Owner {
		return Voice{}, fmt.Errorf("%w: %s owned the requester %s when it was made, which makes the request theirs", ErrNotApprover, id, r.Identity)
	}
	if err := p.unfit(p.Approver, r.Review.Reviewers); err != nil {
		return Voice{}, err
	}
	if p.named(p.Approver, r.Review.Reviewers) {
		return Voice{Approver: id}, nil
	}
	for _, delegator := range p.Delegators {
		if delegator.ID() != r.Review.Owner && p.mayBeStoodInFor(delegator, r.Review.Reviewers) {
			return Voice{Approver: id, OnBehalfOf: delegator.ID()}, nil
		}
	}
	return Voice{}, fmt.Errorf("%w: the review of request %s takes %s, and %s is not among them", ErrNotApprover, r.ID, r.Review.Reviewers, id)
}

// MayReviewInstead says whether somebody may review the request once its review is
// overdue and none of its reviewers is left to do so, which the caller has found
// out: the owner of everything that was asked for, or an administrator. But for
// being named it takes what [Request.MayReview] takes.
func (r Request) MayReviewInstead(p Parties, administrator bool) (Voice, error) {
	id := p.Approver.ID()
	switch {
	case r.ReviewState() != ReviewOverdue:
		return Voice{}, fmt.Errorf("%w: only a review that is overdue is for others than its reviewers", ErrNotApprover)
	case p.Bootstrap:
		return Voice{}, fmt.Errorf("%w: the bootstrap identity can neither request nor review", ErrNotApprover)
	case id == r.Review.Owner:
		return Voice{}, fmt.Errorf("%w: %s owned the requester %s when it was made, which makes the request theirs", ErrNotApprover, id, r.Identity)
	case !administrator && !p.is(id, EntitlementOwner):
		return Voice{}, fmt.Errorf("%w: where no reviewer is left it takes the owner of what was asked for, or a token with the role admin", ErrNotApprover)
	}
	if err := p.unfit(p.Approver, Approvers{}); err != nil {
		return Voice{}, err
	}
	return p.inPerson(r, Voice{Approver: id})
}

// CheckVerdict reports what is wrong with a verdict on a break-glass request.
func CheckVerdict(verdict ReviewState, comment string) Problems {
	var p Problems
	oneOf(&p, "verdict", verdict, Verdicts()...)
	switch {
	case strings.TrimSpace(comment) == "":
		p.add("comment", CodeRequired, "a review says why: what was done with the access, and whether it was needed")
	case len(comment) > MaxText:
		p.add("comment", CodeInvalid, "longer than %d bytes", MaxText)
	}
	return p
}

// Judge gives the verdict; the first one counts, late or not.
func (r Request) Judge(verdict ReviewState, by Voice, comment string, now time.Time) (Request, error) {
	if r.Review == nil {
		return r, r.refuse("review", "it was not granted by break-glass")
	}
	if !r.Review.State.Awaited() {
		return r, &TransitionError{Object: "request", ID: string(r.ID), State: string(r.Review.State), Verb: "review", Why: fmt.Sprintf("%s said so at %s", r.Review.Reviewer, r.Review.ReviewedAt.UTC().Format(time.RFC3339))}
	}
	review := *r.Review
	review.State, review.Reviewer, review.OnBehalfOf, review.Comment, review.ReviewedAt = verdict, by.Approver, by.OnBehalfOf, comment, &now
	r.Review = &review
	return r, nil
}

// FallOverdue notes that no verdict was given in time. False when there is time
// left, one was given, or it is noted already.
func (r Request) FallOverdue(now time.Time) (Request, bool) {
	if r.ReviewState() != ReviewOpen || !r.Review.overdue(now) {
		return r, false
	}
	review := *r.Review
	review.State = ReviewOverdue
	r.Review = &review
	return r, true
}

// DueAt is the next moment at which the request changes by time alone; nil when
// there is none.
func (r Request) DueAt() *time.Time {
	if r.ReviewState() == ReviewOpen {
		return &r.Review.DueAt
	}
	return r.Deadline
}

// Unreviewed is a grant that was given by break-glass and whose review is
// overdue.
type Unreviewed struct {
	Grant  Grant
	Review Review
}

func (f *finder) unreviewed() {
	for _, u := range f.o.Unreviewed {
		f.add(grantFinding(u.Grant, FindingBreakGlassUnreviewed, RiskHigh, "%q was given %q by break-glass, and the review of request %s is overdue since %s; it takes %s", u.Grant.Account, u.Grant.Entitlement, u.Grant.Request, u.Review.DueAt.UTC().Format(time.RFC3339), u.Review.Reviewers))
	}
}
