package governance

import (
	"fmt"
	"slices"
	"time"
)

// ProposalKind is a thing that no person may do alone.
type ProposalKind string

// The kinds.
const (
	// ProposalAbandon gives up on an operation: the right that it was to take
	// back may go on standing.
	ProposalAbandon ProposalKind = "abandon_operation"
	// ProposalRetire gives up on everything in an application.
	ProposalRetire ProposalKind = "retire_application"
)

// ProposalLapses is how long a proposal waits for the second person.
const ProposalLapses = 24 * time.Hour

// Proposal is what one person wants done that takes two.
type Proposal struct {
	Kind ProposalKind `json:"kind"`
	// Subject is the id of the operation or of the application.
	Subject string     `json:"subject"`
	By      IdentityID `json:"by"`
	// Makers made the token that it was proposed with.
	Makers   Makers    `json:"makers,omitempty"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
	LapsesAt time.Time `json:"lapses_at"`
}

// Propose makes a proposal. The reason is said to the second person, and kept.
func Propose(kind ProposalKind, subject string, by IdentityID, makers Makers, reason string, now time.Time) (Proposal, Problems) {
	var p Problems
	switch {
	case !isGiven(reason):
		p.add("reason", CodeRequired, "say why; the second person decides on it, and it is kept as evidence")
	case len(reason) > MaxText:
		p.add("reason", CodeInvalid, "is longer than %d bytes", MaxText)
	}
	return Proposal{Kind: kind, Subject: subject, By: by, Makers: makers, Reason: reason, At: now, LapsesAt: now.Add(ProposalLapses)}, p
}

// Hand is a person who speaks on what takes two.
type Hand struct {
	Person
	// Bootstrap: it is the identity that the engine was first started with.
	Bootstrap bool
	// Makers made the token that they speak with.
	Makers Makers
	// Delegators have delegated their approvals to this person, in force now.
	Delegators []IdentityID
}

// MaySpeak says why a person may not be one of the two: only people who are
// active and gain nothing from it are. gain are the humans who answer for
// whoever would keep a right.
func (h Hand) MaySpeak(gain []IdentityID, now time.Time) error {
	id := h.ID()
	for _, other := range gain {
		if why := oneHand(id, h.Makers, other, nil); why != "" {
			return fmt.Errorf("%s would keep a right by it; %s", other, why)
		}
	}
	switch status := h.StatusAt(now); {
	case h.Bootstrap:
		return fmt.Errorf("the bootstrap identity is no person; use a token that is bound to a declared one")
	case h.Type != Human:
		return fmt.Errorf("%s is of type %s; this takes two people", id, h.Type)
	case status != Active:
		return fmt.Errorf("%s is %s", id, status)
	case slices.Contains(gain, id):
		return fmt.Errorf("%s, or what %s owns, would keep a right by it, and who gains does not decide", id, id)
	}
	return nil
}

// MaySecond says why a person may not confirm what another has proposed: beside
// what holds for each of them, the second is somebody else, as far as their tokens
// tell, and does not stand in for the first.
func (p Proposal) MaySecond(first, second Hand, gain []IdentityID, now time.Time) error {
	if second.ID() == p.By {
		return fmt.Errorf("%s has proposed it; another person confirms it", p.By)
	}
	if why := oneHand(second.ID(), second.Makers, p.By, p.Makers); why != "" {
		return fmt.Errorf("%s has proposed it, and %s", p.By, why)
	}
	if err := second.MaySpeak(gain, now); err != nil {
		return err
	}
	if err := first.MaySpeak(gain, now); err != nil {
		return fmt.Errorf("it was proposed by somebody whose word does not count any more: %w", err)
	}
	if slices.Contains(second.Delegators, p.By) {
		return fmt.Errorf("%s stands in for %s by a delegation, so that one person would speak twice", second.ID(), p.By)
	}
	return nil
}
