// Package connectortest is the conformance suite of the connector contract:
// [Run] exercises one connector against its real target, which the caller's
// hooks prepare, break and inspect behind the connector's back.
//
// It decides nothing by what the connector says of itself alone: every change
// is checked against the target through [Target.Holds]. What only one target
// knows (sessions, options, versions) belongs to that connector's own tests.
package connectortest

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// Target is one running target system, used by this suite alone. A hook that
// cannot do its work fails the test. All are required that do not say otherwise.
type Target struct {
	// Open makes a connector with every right it needs. The suite closes it.
	Open func(t *testing.T) connector.Connector
	// OpenUnprivileged makes a connector whose own account may read the target
	// and change nothing. The suite closes it.
	OpenUnprivileged func(t *testing.T) connector.Connector

	// NewAccount and NewEntitlement make what the suite works on; the
	// entitlement is of the kind that the target's users grant most.
	NewAccount     func(t *testing.T, name string)
	NewEntitlement func(t *testing.T, name string) connector.Entitlement
	// DropAccount and DropEntitlement remove them, with what hangs on them.
	DropAccount     func(t *testing.T, name string)
	DropEntitlement func(t *testing.T, entitlement connector.Entitlement)

	// Account is the truth: whether there is an account of the name, or one that was
	// locked, and whether it can be used. Only for a connector that makes accounts.
	Account func(t *testing.T, name string) (exists, usable bool)

	// RenameAccount and RenameEntitlement give them another name. Both are nil for
	// a target that knows no renaming; a connector that is [connector.Following]
	// is then not tested as one.
	RenameAccount     func(t *testing.T, name, to string)
	RenameEntitlement func(t *testing.T, entitlement connector.Entitlement, to string) connector.Entitlement

	// Hold makes the account hold the entitlement directly.
	Hold func(t *testing.T, account string, entitlement connector.Entitlement)
	// Holds is the truth: whether the account holds the entitlement directly.
	Holds func(t *testing.T, account string, entitlement connector.Entitlement) bool
	// Include gives every holder of from also to. It returns false in a target
	// that knows no inclusion.
	Include func(t *testing.T, from, to connector.Entitlement) bool
	// Implying returns an entitlement that cannot be held without this one, or
	// false in a target that has none.
	Implying func(entitlement connector.Entitlement) (connector.Entitlement, bool)

	// Stop takes the target down, Start brings it back at the same place.
	Stop  func(t *testing.T)
	Start func(t *testing.T)
	// Block makes changes in the target wait until release is called. waiting
	// tells whether a change has arrived there and waits.
	Block func(t *testing.T) (waiting func() bool, release func())

	// LongestName is the number of bytes that the name of an account or
	// entitlement may have.
	LongestName int
}

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// Run runs the suite. The target may hold anything else besides.
func Run(t *testing.T, target Target) {
	s := suite{target}
	t.Run("says what it can do", s.capabilities)
	t.Run("discovers what there is", s.discovers)
	t.Run("discovers in order and without dangling references", s.discoversConsistently)
	t.Run("grants once however often it is told", s.grantsTwice)
	t.Run("revokes once however often it is told", s.revokesTwice)
	t.Run("leaves what stood before a grant as it was", s.grantsWhatStood)
	t.Run("revokes nothing else", s.revokesNothingElse)
	t.Run("reads a right through a path", s.readsPaths)
	t.Run("revokes the direct right and reads the path that remains", s.readsRemainingPath)
	t.Run("keeps the implied right it is told to keep", s.keepsImplied)
	t.Run("takes the implied right with the implying one", s.takesImplied)
	t.Run("takes nothing that a kept right needs", s.keepsImplying)
	t.Run("reports an unknown account", s.unknownAccount)
	t.Run("reports an unknown entitlement", s.unknownEntitlement)
	t.Run("revokes from what was dropped without complaint", s.revokesDropped)
	t.Run("follows what was renamed", s.followsRenames)
	t.Run("does not take the name for what had it", s.tellsNamesakesApart)
	t.Run("revokes many together as it would one by one", s.revokesTogether)
	t.Run("revokes together what is usual", s.revokesManyTogether)
	t.Run("follows what was renamed when it revokes together", s.followsRenamesTogether)
	t.Run("changes nothing together when the target refuses", s.refusesTogether)
	t.Run("handles odd names", s.oddNames)
	t.Run("makes an account and takes it away", s.makesAccounts)
	t.Run("makes an account once however often it is told", s.makesAccountsOnce)
	t.Run("takes over no account of others", s.leavesOthersAccounts)
	t.Run("locks an account that holds something", s.keepsAccountsThatHold)
	t.Run("follows an account that was renamed", s.followsRenamedAccounts)
	t.Run("refuses names that no account can have", s.refusesAccountNames)
	t.Run("makes no account without permission", s.makesNoAccountsUnpermitted)
	t.Run("reports that its own account lacks permission", s.permissionDenied)
	t.Run("reports that the target is down and works again afterwards", s.targetDown)
	t.Run("does nothing for a call that was cancelled before", s.cancelledBefore)
	t.Run("stays true to the contract when a grant is cancelled", s.cancelledGrant)
	t.Run("stays true to the contract when a revoke is cancelled", s.cancelledRevoke)
	t.Run("stays true to the contract when many are cancelled", s.cancelledTogether)
	t.Run("serves concurrent calls", s.concurrency)
}

type suite struct{ Target }

// open returns the connector under test, closed when the test ends.
func (s suite) open(t *testing.T) connector.Connector {
	t.Helper()
	return closing(t, s.Open(t))
}

func closing(t *testing.T, c connector.Connector) connector.Connector {
	t.Helper()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close the connector: %v", err)
		}
	})
	return c
}

// account and entitlement make one under a fresh name.
func (s suite) account(t *testing.T) string {
	t.Helper()
	name := fresh("account")
	s.NewAccount(t, name)
	return name
}

func (s suite) entitlement(t *testing.T) connector.Entitlement {
	t.Helper()
	return s.NewEntitlement(t, fresh("right"))
}

func fresh(prefix string) string { return prefix + "_" + strings.ToLower(rand.Text()[:12]) }

// expectHeld compares the target with what should stand, by the harness and by
// the connector.
func (s suite) expectHeld(t *testing.T, c connector.Connector, account string, entitlement connector.Entitlement, want bool) {
	t.Helper()
	if got := s.Holds(t, account, entitlement); got != want {
		t.Fatalf("the target says that %q holds %s %q directly: %v, want %v", account, entitlement.Kind, entitlement.NativeID, got, want)
	}
	got, err := c.Read(t.Context(), account, entitlement)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	if got.Direct != want {
		t.Fatalf("Read says that %q holds %s %q directly: %v, the target says %v", account, entitlement.Kind, entitlement.NativeID, got.Direct, want)
	}
}

func grant(t *testing.T, c connector.Connector, account string, entitlement connector.Entitlement, changed bool) {
	t.Helper()
	result, err := c.Grant(t.Context(), connector.Change{Account: account, Entitlement: entitlement})
	if err != nil {
		t.Fatalf("Grant: %v", err)
	}
	if result.Changed != changed {
		t.Fatalf("Grant reports Changed %v, want %v", result.Changed, changed)
	}
}

func revoke(t *testing.T, c connector.Connector, changed bool, account string, entitlement connector.Entitlement, keep ...connector.Entitlement) {
	t.Helper()
	result, err := c.Revoke(t.Context(), connector.Change{Account: account, Entitlement: entitlement, Keep: keep})
	if err != nil {
		t.Fatalf("Revoke: %v", err)
	}
	if result.Changed != changed {
		t.Fatalf("Revoke reports Changed %v, want %v", result.Changed, changed)
	}
}

var sentinels = []error{
	connector.ErrUnavailable, connector.ErrPermission, connector.ErrAccountNotFound, connector.ErrAccountTaken,
	connector.ErrEntitlementNotFound, connector.ErrUnsupported, connector.ErrIndeterminate,
}

// expectSentinel demands that err wraps one sentinel only, and one of those allowed.
func expectSentinel(t *testing.T, err error, allowed ...error) {
	t.Helper()
	var wrapped []error
	for _, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			wrapped = append(wrapped, sentinel)
		}
	}
	if len(wrapped) != 1 {
		t.Fatalf("error %v wraps %d sentinels %q, want one", err, len(wrapped), wrapped)
	}
	for _, sentinel := range allowed {
		if wrapped[0] == sentinel {
			return
		}
	}
	t.Fatalf("error %v wraps %q, want one of %q", err, wrapped[0], allowed)
}
