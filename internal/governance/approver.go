package governance

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrNotApprover is wrapped by every refusal of an approver.
var ErrNotApprover = errors.New("not an approver")

// Parties are the people around a request, as far as they matter for who may
// approve it.
type Parties struct {
	Requester Person
	// RequesterOwner owns a requester that is not human.
	RequesterOwner *Person
	// EntitlementOwners are the owners of what is asked for, one for each
	// entitlement; empty where nobody owns it.
	EntitlementOwners []IdentityID
	Approver          Person
	// Makers made the token that the approver speaks with.
	Makers Makers
	// Delegators have delegated to the approver what they may approve, and the
	// delegations are in force.
	Delegators []Person
	// Meets judges the conditions of stages; nil when nobody is named by one.
	Meets ApproverTest
	// Bootstrap: the approver is the identity the engine was first started with.
	Bootstrap bool
	// Now is the moment at which they speak.
	Now time.Time
}

// MayApprove says whether the approver may speak in the request's current stage,
// and in whose place: named by the stage or by its escalation, or by a delegator
// who is, active, a human, and another person than the requester or the
// requester's owner, as far as their tokens tell. The error wraps ErrNotApprover
// and says why not.
func (r Request) MayApprove(p Parties) (Voice, error) {
	voice, err := r.mayApprove(p)
	if err != nil {
		return Voice{}, err
	}
	return p.inPerson(r, voice)
}

// inPerson lets a voice through, with the makers of its token, that is not the
// requester's own.
func (p Parties) inPerson(r Request, voice Voice) (Voice, error) {
	voice.Makers = p.Makers
	if why := r.oneHandAsRequester(voice, p.Requester); why != "" {
		return Voice{}, fmt.Errorf("%w: %s", ErrNotApprover, why)
	}
	return voice, nil
}

func (r Request) mayApprove(p Parties) (Voice, error) {
	stage := r.Stages[r.Stage]
	among := stage.Approvers
	if r.Escalated {
		among = stage.MayNeed()
	}
	if p.Bootstrap {
		return Voice{}, fmt.Errorf("%w: the bootstrap identity can neither request nor approve", ErrNotApprover)
	}
	if err := p.unfit(p.Approver, among); err != nil {
		return Voice{}, err
	}
	id := p.Approver.ID()
	named := p.named(p.Approver, among)
	if named && r.spoken(r.Stage, id) == "" {
		return Voice{Approver: id}, nil
	}
	for _, delegator := range p.Delegators {
		if p.mayBeStoodInFor(delegator, among) && r.spoken(r.Stage, delegator.ID()) == "" {
			return Voice{Approver: id, OnBehalfOf: delegator.ID()}, nil
		}
	}
	if named {
		return Voice{Approver: id}, nil // that they have spoken is the request's to say
	}
	return Voice{}, fmt.Errorf("%w: stage %q does not name %s", ErrNotApprover, stage.Name, id)
}

// mayBeStoodInFor says whether somebody else's word counts in a person's place.
// An owner confirms in person: whoever did it for them could then speak as the
// second pair of eyes as well.
func (p Parties) mayBeStoodInFor(person Person, among Approvers) bool {
	return !p.owns(person.ID()) && p.unfit(person, among) == nil && p.named(person, among)
}

// unfit says why a person's word can not count, whoever is named.
func (p Parties) unfit(person Person, among Approvers) error {
	id := person.ID()
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrNotApprover, fmt.Sprintf(format, args...))
	}
	switch status := person.StatusAt(p.Now); {
	case status != Active:
		return refuse("%s is %s", id, status)
	case person.Type != Human:
		return refuse("%s is of type %s; only people approve", id, person.Type)
	case id == p.Requester.ID():
		return refuse("nobody approves a request of their own")
	case p.owns(id) && !among.confirms():
		return refuse("%s owns the requester %s, which makes the request theirs", id, p.Requester.ID())
	}
	return nil
}

func (p Parties) owns(id IdentityID) bool {
	return p.Requester.Type != Human && id == p.Requester.Owner
}

// confirms says whether these approvers are there to have the requester's own
// side confirm the request.
func (a Approvers) confirms() bool { return slices.Contains(a.Relations, Owner) }

// named says whether a person is among the approvers. The requester's owner is
// so by that relation alone.
func (p Parties) named(person Person, among Approvers) bool {
	id := person.ID()
	if p.owns(id) {
		return among.confirms()
	}
	return slices.Contains(among.Identities, id) ||
		slices.ContainsFunc(among.Groups, func(group string) bool { return slices.Contains(person.Groups, group) }) ||
		slices.ContainsFunc(among.Relations, func(relation Relation) bool { return p.is(id, relation) }) ||
		p.meets(among.Condition, person)
}

// is says whether an identity stands in a relation to the request.
func (p Parties) is(id IdentityID, relation Relation) bool {
	switch relation {
	case Manager:
		return managerOf(p.Requester, p.RequesterOwner) == id
	case EntitlementOwner:
		return len(p.EntitlementOwners) > 0 &&
			!slices.ContainsFunc(p.EntitlementOwners, func(owner IdentityID) bool { return owner != id })
	case Owner:
		return p.owns(id)
	}
	return false
}

// MayNeed are all who may come to approve: the stage's approvers and those of its
// escalation.
func (s ApprovalStage) MayNeed() Approvers {
	if s.Escalation == nil {
		return s.Approvers
	}
	return s.Approvers.and(s.Escalation.Approvers)
}

// atMost is the largest number of people who may approve for the requester;
// known is false when that is open: the stage names a group, in which anybody
// may be, or a condition, or the owners of what is asked for. Whoever takes another's place by
// delegation counts in that place.
func (s ApprovalStage) atMost(requester Person, owner *Person) (people int, known bool) {
	all := s.MayNeed()
	p := Parties{Requester: requester, RequesterOwner: owner}
	named := slices.Clone(all.Identities)
	if slices.Contains(all.Relations, Manager) {
		named = append(named, managerOf(requester, owner))
	}
	if all.confirms() && requester.Type != Human {
		named = append(named, requester.Owner)
	}
	for _, id := range distinct(named) {
		if id != "" && id != requester.ID() && (!p.owns(id) || all.confirms()) {
			people++
		}
	}
	return people, len(all.Groups) == 0 && all.Condition == "" && !slices.Contains(all.Relations, EntitlementOwner)
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
