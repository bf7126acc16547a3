package governance

import (
	"fmt"
	"slices"
	"time"
)

// RequestState is where a request stands.
type RequestState string

// The states of a request. Denied, rejected, withdrawn, lapsed, granted and
// invalidated are final.
const (
	RequestDenied      RequestState = "denied"
	RequestPending     RequestState = "pending"
	RequestRejected    RequestState = "rejected"
	RequestWithdrawn   RequestState = "withdrawn"
	RequestLapsed      RequestState = "lapsed"
	RequestGranted     RequestState = "granted"
	RequestInvalidated RequestState = "invalidated"
)

// RequestStates lists them in their order.
func RequestStates() []RequestState {
	return []RequestState{RequestDenied, RequestPending, RequestRejected, RequestWithdrawn, RequestLapsed, RequestGranted, RequestInvalidated}
}

// Request asks for entitlements through a template.
type Request struct {
	ID       RequestID  `json:"id"`
	Template TemplateID `json:"template"`
	Identity IdentityID `json:"identity"`
	// Makers made the token that it was requested with.
	Makers        Makers          `json:"makers,omitempty"`
	Entitlements  []EntitlementID `json:"entitlements"`
	Account       AccountID       `json:"account,omitempty"`
	BusinessEvent EventID         `json:"business_event,omitempty"`
	Duration      Duration        `json:"duration"`
	Justification string          `json:"justification,omitempty"`
	// NotBefore is when the access is to begin, in a request that asks for a
	// later time; absent is as soon as it is approved.
	NotBefore *time.Time `json:"not_before,omitempty"`
	// ActivateBy is set with NotBefore: the request lapses when it still waits
	// for an approval then.
	ActivateBy *time.Time `json:"activate_by,omitempty"`
	// Extends is the active grant that is to end later; the request makes no
	// grant of its own.
	Extends GrantID `json:"extends,omitempty"`
	// BreakGlass asked for it at once, past the approval stages. Review is what
	// is owed for it once it is granted.
	BreakGlass bool         `json:"break_glass,omitempty"`
	Review     *Review      `json:"review,omitempty"`
	State      RequestState `json:"state"`
	// Stages are the approval stages as they were when the request was made;
	// a later change of the template does not change them.
	Stages []ApprovalStage `json:"stages,omitempty"`
	// Stage is the index of the stage that is waited for while pending.
	Stage int `json:"stage"`
	// Escalated: the current stage ran out of time once, and its escalation has
	// its turn.
	Escalated bool `json:"escalated,omitempty"`
	// Deadline ends the current stage.
	Deadline  *time.Time `json:"deadline,omitempty"`
	Approvals []Approval `json:"approvals,omitempty"`
	// Decision is the latest one: at the request, or at the final approval.
	Decision  Decision   `json:"decision"`
	CreatedAt time.Time  `json:"created_at"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
}

// Approval is one person's verdict in one stage.
type Approval struct {
	Stage int `json:"stage"`
	Voice
	Approved bool      `json:"approved"`
	Comment  string    `json:"comment,omitempty"`
	At       time.Time `json:"at"`
}

// Voice is who speaks, and in whose place.
type Voice struct {
	Approver IdentityID `json:"approver"`
	// OnBehalfOf delegated to the approver; empty when the approver is named.
	OnBehalfOf IdentityID `json:"on_behalf_of,omitempty"`
	// Makers made the token that the approver spoke with.
	Makers Makers `json:"makers,omitempty"`
}

// of reports whether the voice is a person's own or was given in their place:
// for one person both count as one.
func (v Voice) of(id IdentityID) bool {
	return id != "" && (v.Approver == id || v.OnBehalfOf == id)
}

// TransitionError says that a thing cannot do what was asked in the state that
// it is in.
type TransitionError struct{ Object, ID, State, Verb, Why string }

func (e *TransitionError) Error() string {
	text := fmt.Sprintf("cannot %s %s %s: it is %s", e.Verb, e.Object, e.ID, e.State)
	if e.Why != "" {
		text += "; " + e.Why
	}
	return text
}

func (r Request) refuse(verb, why string) error {
	return &TransitionError{Object: "request", ID: string(r.ID), State: string(r.State), Verb: verb, Why: why}
}

// From has the access begin at a later time than the request is made, within the
// template's window for activation. A time that is past changes nothing.
func (r Request) From(notBefore *time.Time, t GrantTemplate, now time.Time) Request {
	if notBefore == nil || !notBefore.After(now) {
		return r
	}
	begins := *notBefore
	until := begins.Add(t.ActivateWithin.Std())
	r.NotBefore, r.ActivateBy = &begins, &until
	return r
}

// begins is when the access is to begin that is given at now.
func (r Request) begins(now time.Time) time.Time {
	if r.NotBefore != nil && r.NotBefore.After(now) {
		return *r.NotBefore
	}
	return now
}

// Open is the first transition: a decided request is denied, pending in its
// first stage, or approved at once (done is true).
func (r Request) Open(d Decision, stages []ApprovalStage, now time.Time) (opened Request, done bool) {
	r.Decision, r.Duration, r.CreatedAt = d, d.Duration, now
	switch d.Effect {
	case Deny:
		r.State, r.EndedAt = RequestDenied, &now
		return r, false
	case Allow:
		r.State = RequestPending
		return r, true
	default:
		r.State, r.Stages = RequestPending, stages
		r.Deadline = r.deadline(stages[0].Timeout, now)
		return r, false
	}
}

// deadline is when a stage that begins now ends; no approval counts after the
// last moment at which the access could be activated.
func (r Request) deadline(timeout Duration, now time.Time) *time.Time {
	deadline := now.Add(timeout.Std())
	if r.ActivateBy != nil && r.ActivateBy.Before(deadline) {
		deadline = *r.ActivateBy
	}
	return &deadline
}

// Approve adds a verdict to the current stage. done is true when it was the
// last one needed: the request is then to be decided again before it is
// granted. One person counts once in a stage, by delegation too.
func (r Request) Approve(by Voice, comment string, now time.Time) (approved Request, done bool, err error) {
	if err := r.awaits("approve", by, now); err != nil {
		return r, false, err
	}
	r.Approvals = append(slices.Clone(r.Approvals), Approval{Stage: r.Stage, Voice: by, Approved: true, Comment: comment, At: now})
	given := 0
	for _, a := range r.Approvals {
		if a.Stage == r.Stage && a.Approved {
			given++
		}
	}
	if given < r.Stages[r.Stage].Quorum {
		return r, false, nil
	}
	if r.Stage == len(r.Stages)-1 {
		r.Deadline = nil
		return r, true, nil
	}
	r.Stage++
	r.Escalated = false
	r.Deadline = r.deadline(r.Stages[r.Stage].Timeout, now)
	return r, false, nil
}

// Reject ends the request; one rejection is enough.
func (r Request) Reject(by Voice, comment string, now time.Time) (Request, error) {
	if err := r.awaits("reject", by, now); err != nil {
		return r, err
	}
	r.Approvals = append(slices.Clone(r.Approvals), Approval{Stage: r.Stage, Voice: by, Comment: comment, At: now})
	return r.end(RequestRejected, now), nil
}

// Awaits says whether a verdict of that voice would count now; the error is a
// *TransitionError that says why not.
func (r Request) Awaits(by Voice, now time.Time) error { return r.awaits("decide on", by, now) }

func (r Request) awaits(verb string, by Voice, now time.Time) error {
	if r.State != RequestPending {
		return r.refuse(verb, "")
	}
	if r.approved() {
		return r.refuse(verb, "its last approval is given")
	}
	if !now.Before(*r.Deadline) {
		return r.refuse(verb, fmt.Sprintf("stage %q ran out of time at %s", r.Stages[r.Stage].Name, r.Deadline.UTC().Format(time.RFC3339)))
	}
	for _, id := range []IdentityID{by.Approver, by.OnBehalfOf} {
		if stage := r.spoken(r.Stage, id); stage != "" {
			return r.refuse(verb, fmt.Sprintf("%s has spoken in stage %q already", id, stage))
		}
	}
	for _, a := range r.Approvals {
		if !r.excludes(r.Stage, a) {
			continue
		}
		for _, id := range []IdentityID{a.Approver, a.OnBehalfOf} {
			if why := by.oneHandAs(id, a.Makers); why != "" {
				return r.refuse(verb, fmt.Sprintf("%s has spoken in stage %q, and %s", id, r.Stages[a.Stage].Name, why))
			}
		}
	}
	return nil
}

// excludes says whether who gave an approval may not speak in a stage: it was
// given in that one, or in one that it is to be distinct from.
func (r Request) excludes(stage int, a Approval) bool {
	return a.Stage == stage || slices.Contains(r.Stages[stage].DistinctFrom, r.Stages[a.Stage].Name)
}

// spoken is the name of the stage in which a person's voice was heard, so that
// it does not count in the given one: that stage itself, or one that it is to be
// distinct from.
func (r Request) spoken(stage int, id IdentityID) string {
	for _, a := range r.Approvals {
		if a.of(id) && r.excludes(stage, a) {
			return r.Stages[a.Stage].Name
		}
	}
	return ""
}

// Withdraw ends a pending request by its requester's wish.
func (r Request) Withdraw(now time.Time) (Request, error) {
	switch r.State {
	case RequestPending:
	case RequestGranted:
		return r, r.refuse("withdraw", "give its grant back instead")
	default:
		return r, r.refuse("withdraw", "")
	}
	return r.end(RequestWithdrawn, now), nil
}

// TimeOut brings about what becomes of a request whose stage ran out of time: it
// is escalated, once, or it lapses; it lapses as well once the time that it asked
// for is over. False when there is time left.
func (r Request) TimeOut(now time.Time) (Request, bool) {
	if r.State != RequestPending || r.approved() || now.Before(*r.Deadline) {
		return r, false
	}
	stage := r.Stages[r.Stage]
	missed := r.ActivateBy != nil && !now.Before(*r.ActivateBy)
	if stage.OnTimeout == Escalate && stage.Escalation != nil && !r.Escalated && !missed {
		r.Escalated, r.Deadline = true, r.deadline(stage.Escalation.Timeout, now)
		return r, true
	}
	return r.end(RequestLapsed, now), true
}

// LapseWith ends a pending extension because its grant no longer can be
// extended. False for every other request.
func (r Request) LapseWith(g Grant, now time.Time) (Request, bool) {
	_, due := g.DueReason(now)
	if r.State != RequestPending || r.Extends == "" || r.Extends != g.ID || g.State == GrantActive && !due {
		return r, false
	}
	return r.end(RequestLapsed, now), true
}

// Conclude ends an approved request with the decision that was made then:
// granted, or invalidated when it no longer holds or demands an approval that
// was never asked for. A request that still waits for an approval, or is over,
// stays as it is.
func (r Request) Conclude(d Decision, now time.Time) Request {
	if r.State != RequestPending || !r.approved() {
		return r
	}
	r.Decision = d
	if d.Effect == Allow || d.Effect == NeedsApproval && len(r.Stages) > 0 {
		return r.end(RequestGranted, now)
	}
	return r.end(RequestInvalidated, now)
}

// approved reports whether a pending request has every approval it needs: no
// stage runs any more.
func (r Request) approved() bool { return r.Deadline == nil }

func (r Request) end(state RequestState, now time.Time) Request {
	r.State, r.Deadline, r.EndedAt = state, nil, &now
	return r
}
