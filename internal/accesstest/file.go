package accesstest

import (
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// DefaultNow is when a scenario happens that names no time: a Monday, noon in
// UTC.
var DefaultNow = time.Date(2026, time.January, 5, 12, 0, 0, 0, time.UTC)

// DefaultEventLasts is how long the business event of a scenario goes on when it
// does not say.
const DefaultEventLasts = 8 * time.Hour

// Somebody is the name of an identity that a scenario describes without one.
const Somebody = "somebody"

// File is one file of access tests.
type File struct {
	Name   string
	Cases  []Case
	Nevers []Never
}

// Case is one question with the answer that is expected.
type Case struct {
	// Scenario is the name of the block, Row that in its table; empty without one.
	Scenario, Row string
	At            Position

	// Identity is a declared one, unless Person describes one.
	Identity governance.IdentityID
	Person   *governance.Person
	// Accounts are the identity's; nil: those that the estate knows.
	Accounts []governance.AccountID
	// Holdings are what the actor has; nil: what the estate knows.
	Holdings []Held

	Template governance.TemplateID
	// Entitlements may be empty when the template has just one.
	Entitlements []governance.EntitlementID
	Account      governance.AccountID
	Duration     *governance.Duration
	// NotBefore is when the access is to begin; nil is at once.
	NotBefore     *time.Time
	Justification string
	BreakGlass    bool

	// EventRef is a declared event, unless Event describes one.
	EventRef string
	Event    *governance.OpenEvent
	Now      time.Time

	Expect Expectation
}

// Held is an entitlement that the identity of a case has, or one that counts as
// the same actor with it.
type Held struct {
	Identity    governance.IdentityID // empty: the case's
	Entitlement governance.EntitlementID
	// At is where the file says so.
	At Position
}

// Expectation is what a decision is compared with; what is nil is not compared.
type Expectation struct {
	Decision governance.Effect
	// Reasons must all be among the decision's.
	Reasons []governance.ReasonCode
	// DeniedBy is everything that denies: ids of policies and SoD rules, and the
	// reason codes of what is neither.
	DeniedBy []string
	// Stages are the names of the approval stages, in order.
	Stages                []string
	Duration, MaxDuration *governance.Duration
}

// Never is an invariant: nobody who matches can reach what matches.
type Never struct {
	Name string
	At   Position
	// Identity and Entitlement are nil when they match everything; one of them
	// is set.
	Identity, Entitlement *Condition
}

// Condition is the text of a condition over an identity or an entitlement. What
// it may name depends on the declared policy: see [Bench.Check].
type Condition struct {
	Text string
	// place finds where in the file a place of the text stands.
	place func(condition.Pos) Position
}
