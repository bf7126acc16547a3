// Package connector is the contract between the engine and a target system.
//
// A connector knows its target and nothing of policy: it reports which
// accounts, entitlements and assignments exist, makes one change at a time,
// and reads back what stands. It keeps no state of its own; the engine decides
// what to change, records that intent before it calls, and retries until a
// read confirms the result. Every connector passes the suite in connectortest.
package connector

import (
	"context"
	"encoding/json"
	"time"
)

// Connector reaches one application. Its methods are safe for concurrent use.
//
// Errors wrap one of the sentinels of this package where a caller decides on
// them; every other error counts as [ErrIndeterminate] after a change.
type Connector interface {
	// Capabilities says what this target can do. It performs no I/O.
	Capabilities() Capabilities

	// Discover reads the whole target. It returns either a complete inventory
	// or an error, never a part.
	Discover(ctx context.Context) (*Inventory, error)

	// Grant makes the account hold the entitlement directly. Granting what is
	// already held is no error and reports Changed false.
	Grant(ctx context.Context, change Change) (Result, error)

	// Revoke takes the direct assignment away and ends what still runs on it.
	// Revoking what is not held, or from an account or entitlement that no
	// longer exists, is no error and reports Changed false. A Result beside an
	// error says what was done before it.
	Revoke(ctx context.Context, change Change) (Result, error)

	// Read reports whether the account holds the entitlement now. An account
	// or an entitlement that does not exist is reported as absent, not as an
	// error.
	Read(ctx context.Context, account string, entitlement Entitlement) (Reading, error)

	// Close releases connections. The connector is not used afterwards.
	Close() error
}

// Following is a connector that goes by UIDs, where a change has them: what was
// renamed in the target is found under its new name, and what has another UID does
// not count as there, though it has the name. Whoever wraps a connector passes this
// on, else a rename is not seen.
type Following interface {
	Connector

	// ReadChange is Read for the account and the entitlement of a change.
	ReadChange(ctx context.Context, change Change) (Reading, error)
}

// Read reads what a change is about, by UIDs where the connector can.
func Read(ctx context.Context, c Connector, change Change) (Reading, error) {
	if following, ok := c.(Following); ok {
		return following.ReadChange(ctx, change)
	}
	return c.Read(ctx, change.Account, change.Entitlement)
}

// Together is a connector that takes many rights away at once, for less than they
// cost one by one; its capabilities say so too. Whoever wraps a connector passes this
// on, else each is revoked alone.
type Together interface {
	Connector

	// RevokeTogether does, for each of the changes, what Revoke does and what
	// [Read] does afterwards, and answers in their order. What it cannot do in
	// common with the others it leaves to be done alone, and where the target
	// refuses one of them that is all of them. An error says of every change what
	// it would say of one; none was read then.
	RevokeTogether(ctx context.Context, changes []Change) ([]Revocation, error)
}

// RevokeTogether revokes together where the connector can, and leaves everything to
// be done alone where it cannot.
func RevokeTogether(ctx context.Context, c Connector, changes []Change) ([]Revocation, error) {
	if together, ok := c.(Together); ok {
		return together.RevokeTogether(ctx, changes)
	}
	left := make([]Revocation, len(changes))
	for i := range left {
		left[i].Alone = true
	}
	return left, nil
}

// Revocation is what became of one of many changes that were revoked together.
type Revocation struct {
	Result
	// Reading is what the target showed afterwards.
	Reading Reading
	// Alone: Revoke has to be called for the change, which is not done, or of which
	// something may still run. Changed then says what was done already.
	Alone bool
}

// Capabilities are the differences between targets that the engine acts on.
type Capabilities struct {
	// ReadBack: Read observes the target. Without it a grant ends
	// "unverifiable".
	ReadBack bool
	// Together: the connector is a [Together].
	Together bool
	// Bound is the longest time that a change may still take effect in the
	// target after the call for it returned with an error, because the target
	// itself stops the statement then. Absence is proven only by a read that
	// starts later than that.
	Bound time.Duration
	// Kinds are the entitlement kinds that the connector discovers, grants and
	// revokes, sorted.
	Kinds []string
	// MakesAccounts: the connector is an [AccountMaker].
	MakesAccounts bool
}

// Entitlement names a right inside one application.
type Entitlement struct {
	Kind     string `json:"kind"`
	NativeID string `json:"native_id"`
}

// Change is one intended change of one account.
type Change struct {
	Account     string
	Entitlement Entitlement
	// AccountUID and EntitlementUID are what discovery reported, for a connector
	// that is [Following]; empty to go by the name alone.
	AccountUID, EntitlementUID string
	// Keep lists other entitlements of the same account that must still stand
	// after a revoke, where the target cannot hold one without the other. Where
	// one of them implies the revoked entitlement, nothing is changed.
	Keep []Entitlement
}

// Result is what a change did.
type Result struct {
	// Changed is false when the target already was as asked.
	Changed bool
	// Ended lists the sessions that the revoke ended, for evidence.
	Ended []Session
}

// Session is something that still ran on a revoked right and was ended.
type Session struct {
	ID      string
	Client  string
	Program string
	// StartedAt is zero where the target does not show it to the connector.
	StartedAt time.Time
}

// Reading is one observation of one account and one entitlement.
type Reading struct {
	// Direct: the assignment itself stands.
	Direct bool
	// Effective: the account has the right, directly or through a path of
	// inclusions.
	Effective bool
	// Via is one path of inclusions from a directly held entitlement, in order
	// and without the entitlement itself, when the right is only effective.
	Via []Entitlement
}

// Inventory is everything that stands in a target at one moment. Its slices
// are sorted by their keys and have no duplicates.
type Inventory struct {
	Accounts     []Account
	Entitlements []DiscoveredEntitlement
	Assignments  []Assignment
	Inclusions   []Inclusion
}

// Account is a principal inside the target. Name is its key; UID is the
// target's own identifier, which survives a rename.
type Account struct {
	Name     string `json:"name"`
	UID      string `json:"uid"`
	Disabled bool   `json:"disabled"`
	// InUse: it is at work while the target is read. False where the target does
	// not tell.
	InUse      bool              `json:"in_use,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// DiscoveredEntitlement is a right that exists in the target.
type DiscoveredEntitlement struct {
	Entitlement
	UID        string            `json:"uid"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Assignment says that an account holds an entitlement directly.
type Assignment struct {
	Account     string            `json:"account"`
	Entitlement Entitlement       `json:"entitlement"`
	Attributes  map[string]string `json:"attributes,omitempty"`
}

// Inclusion says that whoever holds From also has To. Implied marks the pairs
// where the target cannot hold From without holding To directly as well (an
// administrator of a role is a member of it).
type Inclusion struct {
	From       Entitlement       `json:"from"`
	To         Entitlement       `json:"to"`
	Implied    bool              `json:"implied,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Secrets resolves a reference such as "env:STINT_SECRET_BILLING_PASSWORD"
// inside the namespace of one application. Any other reference is an error
// that names what is allowed; the error never holds a secret.
type Secrets func(ctx context.Context, reference string) (string, error)

// Factory makes connectors of one kind from their configuration.
type Factory interface {
	// Kind is the name of the typed child in an application's connector block.
	Kind() string
	// Validate checks a configuration without reaching the target or a secret.
	// It returns it in canonical form: defaults filled in, unknown members
	// refused. Its error is a *ConfigError.
	Validate(config json.RawMessage) (json.RawMessage, error)
	// Open makes a connector from a canonical configuration. It does not wait
	// for the target; the first call does.
	Open(config json.RawMessage, secrets Secrets) (Connector, error)
}
