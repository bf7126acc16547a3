package governance

import (
	"fmt"
	"strings"
	"time"
)

// Extend gives an open event a later end. The error is a *TransitionError when
// it is over, and Problems when the end is not later. Grants are not lengthened
// by it.
func (e OpenEvent) Extend(endsAt, now time.Time) (OpenEvent, error) {
	if !e.Open(now) {
		state := "closed"
		if e.ClosedAt == nil {
			state = "over"
		}
		return e, &TransitionError{Object: "business event", ID: string(e.ID), State: state, Verb: "extend", Why: "open another one"}
	}
	if !endsAt.After(e.EndsAt) {
		return e, Problems{{Field: "ends_at", Code: CodeInvalid, Message: fmt.Sprintf("%s is not later than %s, when the event ends already", endsAt.UTC().Format(time.RFC3339), e.EndsAt.UTC().Format(time.RFC3339))}}
	}
	e.EndsAt = endsAt
	e.Version++
	return e, nil
}

// CheckExtension reports what is wrong with the reason for a later end.
func CheckExtension(justification string) Problems {
	var p Problems
	switch {
	case strings.TrimSpace(justification) == "":
		p.add("justification", CodeRequired, "say why the event goes on")
	case len(justification) > MaxText:
		p.add("justification", CodeInvalid, "longer than %d bytes", MaxText)
	}
	return p
}

// Serves says whether the event may be named by an identity's requests: an event
// with an assignee is that identity's alone.
func (e BusinessEvent) Serves(id IdentityID) bool { return e.Assignee == "" || e.Assignee == id }
