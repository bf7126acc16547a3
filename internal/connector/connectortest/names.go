package connectortest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// bystanderName is a name that the worst of the odd names is out to destroy.
const bystanderName = "x"

func oddNames(longest int) []string {
	return []string{
		`Robert"; DROP ROLE x; --`,
		`Robert'; DROP ROLE x; --`,
		`back\slash`, `"quoted"`, `'`, `"`, `$1`, `%s`, `a.b`, `a,b`, `a/b`, `*`, `{}`,
		"two words", "UPPER", "upper", "tab\there", "new\nline", " leading",
		"é", "e\u0301", "名前", "🙂", "current_user", "select",
		strings.Repeat("n", longest), strings.Repeat("n", longest-1) + "m",
		strings.Repeat("é", longest/2),
	}
}

// oddNames takes each name through its whole life, as an account and as an
// entitlement, beside all the others.
func (s suite) oddNames(t *testing.T) {
	c := s.open(t)
	s.NewAccount(t, bystanderName)
	s.Hold(t, bystanderName, s.NewEntitlement(t, "right of "+bystanderName))
	accounts, entitlements := []string{}, []connector.Entitlement{}
	for _, name := range oddNames(s.LongestName - len("a:")) {
		s.NewAccount(t, "a:"+name)
		accounts = append(accounts, "a:"+name)
		entitlements = append(entitlements, s.NewEntitlement(t, "e:"+name))
	}
	found, err := c.Discover(t.Context())
	if err != nil {
		t.Fatalf("Discover: %v", err)
	}
	for i, account := range accounts {
		if !slices.ContainsFunc(found.Accounts, func(a connector.Account) bool { return a.Name == account }) {
			t.Errorf("account %q was not discovered", account)
		}
		if !slices.ContainsFunc(found.Entitlements, func(e connector.DiscoveredEntitlement) bool { return e.Entitlement == entitlements[i] }) {
			t.Errorf("entitlement %q was not discovered", entitlements[i])
		}
	}
	for i, account := range accounts {
		t.Run(fmt.Sprintf("%.24q", account), func(t *testing.T) {
			grant(t, c, account, entitlements[i], true)
			if holders := discoverHolders(t, c, entitlements[i]); !slices.Equal(holders, []string{account}) {
				t.Fatalf("after a grant to %q, %q hold the entitlement", account, holders)
			}
			s.expectHeld(t, c, account, entitlements[i], true)
			revoke(t, c, true, account, entitlements[i])
			s.expectHeld(t, c, account, entitlements[i], false)
		})
	}
	s.expectHeld(t, c, bystanderName, connector.Entitlement{Kind: entitlements[0].Kind, NativeID: "right of " + bystanderName}, true)

	// A name too long by one must not be cut to fit one that exists.
	long := strings.Repeat("l", s.LongestName)
	s.NewAccount(t, long)
	right := s.entitlement(t)
	_, err = c.Grant(t.Context(), connector.Change{Account: long + "l", Entitlement: right})
	expectSentinel(t, err, connector.ErrAccountNotFound)
	s.expectHeld(t, c, long, right, false)

	for _, impossible := range []string{"", "nul\x00byte", "broken\xffutf8"} {
		_, err := c.Grant(t.Context(), connector.Change{Account: impossible, Entitlement: right})
		expectSentinel(t, err, connector.ErrAccountNotFound)
		_, err = c.Grant(t.Context(), connector.Change{Account: long, Entitlement: connector.Entitlement{Kind: right.Kind, NativeID: impossible}})
		expectSentinel(t, err, connector.ErrEntitlementNotFound)
		revoke(t, c, false, impossible, right)
		expectReading(t, c, impossible, right, connector.Reading{})
	}
}

func discoverHolders(t *testing.T, c connector.Connector, entitlement connector.Entitlement) []string {
	t.Helper()
	found, err := c.Discover(t.Context())
	if err != nil {
		t.Fatalf("Discover: %v", err)
	}
	var holders []string
	for _, a := range found.Assignments {
		if a.Entitlement == entitlement {
			holders = append(holders, a.Account)
		}
	}
	return holders
}
