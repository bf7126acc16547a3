package governance

import (
	"errors"
	"fmt"
	"slices"
)

// ErrNotApprover is wrapped by every refusal of an approver.
var ErrNotApprover = errors.New("not an approver")

// Parties are the people around a request, as far as they matter for who may
// approve it.
type Parties struct {
	Requester Person
	// RequesterOwner owns a requester that is not human.
	RequesterOwner *Person
	Approver       Person
	// Bootstrap: the approver is the identity the engine was first started with.
	Bootstrap bool
}

// MayApprove says whether the approver may speak in the stage: named by the
// stage, active, a human, and another person than the requester or the
// requester's owner. The error wraps ErrNotApprover and says why not.
func (s ApprovalStage) MayApprove(p Parties) error {
	id := p.Approver.ID()
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrNotApprover, fmt.Sprintf(format, args...))
	}
	switch {
	case p.Bootstrap:
		return refuse("the bootstrap identity can neither request nor approve")
	case p.Approver.Status != Active:
		return refuse("%s is %s", id, p.Approver.Status)
	case p.Approver.Type != Human:
		return refuse("%s is of type %s; only people approve", id, p.Approver.Type)
	case id == p.Requester.ID():
		return refuse("nobody approves a request of their own")
	case p.Requester.Type != Human && id == p.Requester.Owner:
		return refuse("%s owns the requester %s, which makes the request theirs", id, p.Requester.ID())
	}
	if slices.Contains(s.Approvers.Identities, id) {
		return nil
	}
	for _, group := range s.Approvers.Groups {
		if slices.Contains(p.Approver.Groups, group) {
			return nil
		}
	}
	if slices.Contains(s.Approvers.Relations, Manager) && managerOf(p.Requester, p.RequesterOwner) == id {
		return nil
	}
	return refuse("stage %q does not name %s", s.Name, id)
}

// atMost is the largest number of people who may approve for the requester;
// known is false when the stage names a group, which anybody may be in.
func (s ApprovalStage) atMost(requester Person, owner *Person) (people int, known bool) {
	named := slices.Clone(s.Approvers.Identities)
	if slices.Contains(s.Approvers.Relations, Manager) {
		named = append(named, managerOf(requester, owner))
	}
	for _, id := range distinct(named) {
		if id != "" && id != requester.ID() && (requester.Type == Human || id != requester.Owner) {
			people++
		}
	}
	return people, len(s.Approvers.Groups) == 0
}

func managerOf(requester Person, owner *Person) IdentityID {
	if requester.Type == Human {
		return requester.Manager
	}
	if owner != nil {
		return owner.Manager
	}
	return ""
}
