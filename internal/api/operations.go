package api

import (
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Operation is one thing that is still to be done in a target.
type Operation struct {
	ID          governance.OperationID   `json:"id"`
	Kind        string                   `json:"kind" enum:"grant,revoke,verify" doc:"verify only reads: whether a right that was taken back stayed gone"`
	Grant       governance.GrantID       `json:"grant"`
	Identity    governance.IdentityID    `json:"identity"`
	Application governance.ApplicationID `json:"application"`
	Account     governance.AccountID     `json:"account"`
	Entitlement governance.EntitlementID `json:"entitlement"`
	DueSince    time.Time                `json:"due_since" doc:"When it was to be done"`
	NextAt      time.Time                `json:"next_at" doc:"When it is tried next"`
	Attempts    int64                    `json:"attempts" doc:"Tries that failed"`
	Called      bool                     `json:"called" doc:"The target was called for it, so that it may have been done"`
	LastError   string                   `json:"last_error,omitempty"`
	Overdue     bool                     `json:"overdue" doc:"A revocation that takes too long"`
	Proposal    *governance.Proposal     `json:"proposal,omitempty" doc:"To give up on it; waits for another person"`
}

// Retried says what is tried now.
type Retried struct {
	// Operation is the one that is to be done: a new one where the old one had
	// been given up.
	Operation governance.OperationID `json:"operation,omitempty" doc:"Absent when all of an application are tried"`
	Count     int64                  `json:"count"`
}

// ProposalInput says why something is to be done that takes two people.
type ProposalInput struct {
	Reason string `json:"reason" doc:"Told to the second person, and kept as evidence"`
}

// Retired is an application that was given up.
type Retired struct {
	Application governance.ApplicationID `json:"application"`
	Grants      []governance.GrantID     `json:"grants" nullable:"false" doc:"Grants that were given up; what they gave may still stand"`
}

// Reinstated is an application that is governed again.
type Reinstated struct {
	Application governance.ApplicationID `json:"application"`
	Resumed     int                      `json:"resumed" doc:"Rights that had been given up, still stood, and are being taken back"`
	Accounts    int                      `json:"accounts" doc:"Accounts that Stint had made and that had been given up, which are being removed"`
}

// AcceptInput lets a held mass change through.
type AcceptInput struct {
	Held string `json:"held" doc:"Name of the mass change, from its finding"`
}
