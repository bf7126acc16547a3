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

// Request asks for entitlements through a template.
type Request struct {
	ID            RequestID       `json:"id"`
	Template      TemplateID      `json:"template"`
	Identity      IdentityID      `json:"identity"`
	Entitlements  []EntitlementID `json:"entitlements"`
	Account       AccountID       `json:"account,omitempty"`
	BusinessEvent EventID         `json:"business_event,omitempty"`
	Duration      Duration        `json:"duration"`
	Justification string          `json:"justification,omitempty"`
	State         RequestState    `json:"state"`
	// Stages are the approval stages as they were when the request was made;
	// a later change of the template does not change them.
	Stages []ApprovalStage `json:"stages,omitempty"`
	// Stage is the index of the stage that is waited for while pending.
	Stage int `json:"stage"`
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
	Stage    int        `json:"stage"`
	Approver IdentityID `json:"approver"`
	Approved bool       `json:"approved"`
	Comment  string     `json:"comment,omitempty"`
	At       time.Time  `json:"at"`
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
		r.Deadline = stageDeadline(stages[0], now)
		return r, false
	}
}

func stageDeadline(s ApprovalStage, now time.Time) *time.Time {
	deadline := now.Add(s.Timeout.Std())
	return &deadline
}

// Approve adds a verdict to the current stage. done is true when it was the
// last one needed: the request is then to be decided again before it is
// granted. One person counts once in a stage.
func (r Request) Approve(by IdentityID, comment string, now time.Time) (approved Request, done bool, err error) {
	if err := r.awaits("approve", by, now); err != nil {
		return r, false, err
	}
	r.Approvals = append(slices.Clone(r.Approvals), Approval{Stage: r.Stage, Approver: by, Approved: true, Comment: comment, At: now})
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
	r.Deadline = stageDeadline(r.Stages[r.Stage], now)
	return r, false, nil
}

// Reject ends the request; one rejection is enough.
func (r Request) Reject(by IdentityID, comment string, now time.Time) (Request, error) {
	if err := r.awaits("reject", by, now); err != nil {
		return r, err
	}
	r.Approvals = append(slices.Clone(r.Approvals), Approval{Stage: r.Stage, Approver: by, Comment: comment, At: now})
	return r.end(RequestRejected, now), nil
}

func (r Request) awaits(verb string, by IdentityID, now time.Time) error {
	if r.State != RequestPending {
		return r.refuse(verb, "")
	}
	if r.approved() {
		return r.refuse(verb, "its last approval is given")
	}
	if !now.Before(*r.Deadline) {
		return r.refuse(verb, fmt.Sprintf("stage %q ran out of time at %s", r.Stages[r.Stage].Name, r.Deadline.UTC().Format(time.RFC3339)))
	}
	for _, a := range r.Approvals {
		if a.Stage == r.Stage && a.Approver == by {
			return r.refuse(verb, fmt.Sprintf("%s has spoken in stage %q already", by, r.Stages[r.Stage].Name))
		}
	}
	return nil
}

// Withdraw ends a pending request by its requester's wish.
func (r Request) Withdraw(now time.Time) (Request, error) {
	if r.State != RequestPending {
		return r, r.refuse("withdraw", "")
	}
	return r.end(RequestWithdrawn, now), nil
}

// LapseDue ends a request whose stage ran out of time; false when it has not.
func (r Request) LapseDue(now time.Time) (Request, bool) {
	if r.State != RequestPending || r.approved() || now.Before(*r.Deadline) {
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
