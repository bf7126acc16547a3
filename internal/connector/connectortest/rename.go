package connectortest

import (
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// following is the connector under test; the test is over when it goes by names.
func (s suite) following(t *testing.T) connector.Following {
	t.Helper()
	c, ok := s.open(t).(connector.Following)
	if !ok || s.RenameAccount == nil || s.RenameEntitlement == nil {
		t.Skip("it goes by names")
	}
	return c
}

// identified is a change of what there is by these names, with its UIDs.
func identified(t *testing.T, c connector.Connector, account string, entitlement connector.Entitlement) connector.Change {
	t.Helper()
	found, err := c.Discover(t.Context())
	if err != nil {
		t.Fatalf("Discover: %v", err)
	}
	change := connector.Change{Account: account, Entitlement: entitlement}
	for _, a := range found.Accounts {
		if a.Name == account {
			change.AccountUID = a.UID
		}
	}
	for _, e := range found.Entitlements {
		if e.Entitlement == entitlement {
			change.EntitlementUID = e.UID
		}
	}
	if change.AccountUID == "" || change.EntitlementUID == "" {
		t.Fatalf("discovery has no UID of %q or %v", account, entitlement)
	}
	return change
}

func (s suite) expectRead(t *testing.T, c connector.Following, change connector.Change, want bool) {
	t.Helper()
	got, err := c.ReadChange(t.Context(), change)
	if err != nil {
		t.Fatalf("ReadChange: %v", err)
	}
	if got.Direct != want {
		t.Fatalf("ReadChange of %+v says %v, want %v", change, got.Direct, want)
	}
}

func (s suite) followsRenames(t *testing.T) {
	c := s.following(t)
	account, right := s.account(t), s.entitlement(t)
	change := identified(t, c, account, right)
	renamed := fresh("renamed")
	s.RenameAccount(t, account, renamed)
	if result, err := c.Grant(t.Context(), change); err != nil || !result.Changed {
		t.Fatalf("Grant after the account was renamed: %+v, %v", result, err)
	}
	s.expectHeld(t, c, renamed, right, true)
	s.expectRead(t, c, change, true)
	right = s.RenameEntitlement(t, right, fresh("renamed"))
	s.expectHeld(t, c, renamed, right, true)
	s.expectRead(t, c, change, true)
	if implying, ok := s.Implying(change.Entitlement); ok {
		now, _ := s.Implying(right)
		s.Hold(t, renamed, now)
		kept := change
		kept.Keep = []connector.Entitlement{implying}
		if result, err := c.Revoke(t.Context(), kept); err != nil || result.Changed {
			t.Fatalf("Revoke of what a kept right needs, after both were renamed: %+v, %v", result, err)
		}
		s.expectHeld(t, c, renamed, right, true)
	}
	for _, changed := range []bool{true, false} {
		if result, err := c.Revoke(t.Context(), change); err != nil || result.Changed != changed {
			t.Fatalf("Revoke after both were renamed: %+v, %v, want Changed %v", result, err, changed)
		}
		s.expectHeld(t, c, renamed, right, false)
		s.expectRead(t, c, change, false)
	}
}

// tellsNamesakesApart: the names are given to others, who hold what they hold by
// themselves.
func (s suite) tellsNamesakesApart(t *testing.T) {
	c := s.following(t)
	account, right := s.account(t), s.entitlement(t)
	change := identified(t, c, account, right)
	s.Hold(t, account, right)
	renamed := fresh("renamed")
	s.RenameAccount(t, account, renamed)
	s.NewAccount(t, account)
	s.Hold(t, account, right)
	s.expectRead(t, c, change, true)
	if result, err := c.Revoke(t.Context(), change); err != nil || !result.Changed {
		t.Fatalf("Revoke: %+v, %v", result, err)
	}
	s.expectRead(t, c, change, false)
	s.expectHeld(t, c, renamed, right, false)
	s.expectHeld(t, c, account, right, true)

	s.DropAccount(t, renamed)
	_, err := c.Grant(t.Context(), change)
	expectSentinel(t, err, connector.ErrAccountNotFound)

	account, right = s.account(t), s.entitlement(t)
	change = identified(t, c, account, right)
	s.DropEntitlement(t, right)
	right = s.NewEntitlement(t, right.NativeID)
	s.Hold(t, account, right)
	s.expectRead(t, c, change, false)
	_, err = c.Grant(t.Context(), change)
	expectSentinel(t, err, connector.ErrEntitlementNotFound)
	if result, err := c.Revoke(t.Context(), change); err != nil || result.Changed {
		t.Fatalf("Revoke of what was made anew: %+v, %v", result, err)
	}
	s.expectHeld(t, c, account, right, true)
}
