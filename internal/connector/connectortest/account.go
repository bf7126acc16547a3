package connectortest

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// maker is the connector under test; the test is over when it makes no accounts.
func (s suite) maker(t *testing.T) connector.AccountMaker {
	t.Helper()
	c, ok := connector.Maker(s.open(t))
	if !ok {
		t.Skip("it makes no accounts")
	}
	return c
}

// marked is an account that is to be made, under a fresh name.
func marked(prefix string) connector.MadeAccount {
	return connector.MadeAccount{Name: fresh(prefix), Mark: uuid.NewString()}
}

func makeAccount(t *testing.T, c connector.AccountMaker, account connector.MadeAccount, changed bool) connector.MadeAccount {
	t.Helper()
	result, err := c.MakeAccount(t.Context(), account)
	if err != nil {
		t.Fatalf("MakeAccount: %v", err)
	}
	if result.Changed != changed || result.UID == "" {
		t.Fatalf("MakeAccount reports %+v, want Changed %v and a UID", result, changed)
	}
	account.UID = result.UID
	return account
}

func removeAccount(t *testing.T, c connector.AccountMaker, account connector.MadeAccount, changed, kept bool) {
	t.Helper()
	result, err := c.RemoveAccount(t.Context(), account)
	if err != nil {
		t.Fatalf("RemoveAccount: %v", err)
	}
	if result.Changed != changed || len(result.Kept) > 0 != kept {
		t.Fatalf("RemoveAccount reports %+v, want Changed %v and that it is kept: %v", result, changed, kept)
	}
}

// expectAccount compares the target with what should be there of an account, by the
// harness and by the connector.
func (s suite) expectAccount(t *testing.T, c connector.AccountMaker, account connector.MadeAccount, exists, usable bool) {
	t.Helper()
	if is, can := s.Account(t, account.Name); is != exists || can != usable {
		t.Fatalf("the target says of account %q that it exists %v and is usable %v, want %v and %v", account.Name, is, can, exists, usable)
	}
	got, err := c.ReadAccount(t.Context(), account)
	if err != nil {
		t.Fatalf("ReadAccount: %v", err)
	}
	if got.Exists != exists || got.Usable != usable || exists && (got.Name != account.Name || got.UID == "") {
		t.Fatalf("ReadAccount says %+v, the target that it exists %v and is usable %v", got, exists, usable)
	}
}

func (s suite) makesAccounts(t *testing.T) {
	c, account := s.maker(t), marked("made")
	s.expectAccount(t, c, account, false, false)
	account = makeAccount(t, c, account, true)
	s.expectAccount(t, c, account, true, true)
	found, err := c.Discover(t.Context())
	if err != nil {
		t.Fatalf("Discover: %v", err)
	}
	seen := false
	for _, a := range found.Accounts {
		if a.Name == account.Name {
			seen = true
			if a.Disabled || a.UID != account.UID || a.Attributes[connector.MarkAttribute] != account.Mark {
				t.Errorf("the account is discovered as %+v, want UID %q and mark %q", a, account.UID, account.Mark)
			}
		}
	}
	for _, a := range found.Assignments {
		if a.Account == account.Name || a.Entitlement.NativeID == account.Name {
			t.Errorf("an account that was just made comes with an assignment: %+v", a)
		}
	}
	if !seen {
		t.Error("the account is not discovered")
	}
	right := s.entitlement(t)
	grant(t, c, account.Name, right, true)
	revoke(t, c, true, account.Name, right)
	removeAccount(t, c, account, true, false)
	s.expectAccount(t, c, account, false, false)
}

// A call whose answer was lost is made again, with what was known before it.
func (s suite) makesAccountsOnce(t *testing.T) {
	c, account := s.maker(t), marked("made")
	makeAccount(t, c, account, true)
	made := makeAccount(t, c, account, false)
	s.expectAccount(t, c, made, true, true)
	removeAccount(t, c, account, true, false)
	removeAccount(t, c, account, false, false)
	removeAccount(t, c, made, false, false)
	s.expectAccount(t, c, made, false, false)
}

func (s suite) leavesOthersAccounts(t *testing.T) {
	c, account := s.maker(t), marked("others")
	s.NewAccount(t, account.Name)
	_, err := c.MakeAccount(t.Context(), account)
	expectSentinel(t, err, connector.ErrAccountTaken)
	removeAccount(t, c, account, false, false)
	if exists, usable := s.Account(t, account.Name); !exists || !usable {
		t.Fatal("an account that somebody else has made was taken away")
	}

	// Whoever makes another of the name afterwards has another.
	mine := marked("reused")
	mine = makeAccount(t, c, mine, true)
	s.DropAccount(t, mine.Name)
	s.NewAccount(t, mine.Name)
	_, err = c.MakeAccount(t.Context(), mine)
	expectSentinel(t, err, connector.ErrAccountTaken)
	removeAccount(t, c, mine, false, false)
	if exists, usable := s.Account(t, mine.Name); !exists || !usable {
		t.Fatal("an account was taken away that only has the name of one that was made")
	}

	// An account that bears another mark is another.
	theirs := makeAccount(t, c, marked("made"), true)
	_, err = c.MakeAccount(t.Context(), connector.MadeAccount{Name: theirs.Name, Mark: uuid.NewString()})
	expectSentinel(t, err, connector.ErrAccountTaken)
	s.expectAccount(t, c, theirs, true, true)
}

// What only a person can decide about keeps the account, which nobody can use then;
// once that is gone it is removed, or it is made usable again.
func (s suite) keepsAccountsThatHold(t *testing.T) {
	c, right := s.maker(t), s.entitlement(t)
	account := makeAccount(t, c, marked("made"), true)
	s.Hold(t, account.Name, right)
	removeAccount(t, c, account, true, true)
	s.expectAccount(t, c, account, true, false)
	if !s.Holds(t, account.Name, right) {
		t.Error("what somebody else has given the account is gone")
	}
	removeAccount(t, c, account, false, true)
	makeAccount(t, c, account, true)
	s.expectAccount(t, c, account, true, true)
	removeAccount(t, c, account, true, true)
	revoke(t, c, true, account.Name, right)
	removeAccount(t, c, account, true, false)
	s.expectAccount(t, c, account, false, false)
}

func (s suite) followsRenamedAccounts(t *testing.T) {
	c := s.maker(t)
	if s.RenameAccount == nil {
		t.Skip("it knows no renaming")
	}
	account := makeAccount(t, c, marked("made"), true)
	renamed := account
	renamed.Name = fresh("renamed")
	s.RenameAccount(t, account.Name, renamed.Name)
	s.expectAccount(t, c, renamed, true, true)
	removeAccount(t, c, account, true, false)
	s.expectAccount(t, c, renamed, false, false)
}

func (s suite) refusesAccountNames(t *testing.T) {
	c := s.maker(t)
	for _, name := range []string{"", strings.Repeat("x", s.LongestName+1), "a\x00b", "a\nb", "\xff"} {
		if err := c.CheckAccountName(name); err == nil {
			t.Errorf("%q passes as the name of an account", name)
		}
		_, err := c.MakeAccount(t.Context(), connector.MadeAccount{Name: name, Mark: uuid.NewString()})
		expectSentinel(t, err, connector.ErrUnsupported)
	}
	for _, name := range []string{strings.Repeat("x", s.LongestName-12) + fresh("")[:12], `odd "name'; --` + fresh("")} {
		account := connector.MadeAccount{Name: name, Mark: uuid.NewString()}
		if err := c.CheckAccountName(name); err != nil {
			t.Errorf("%q does not pass: %v", name, err)
			continue
		}
		account = makeAccount(t, c, account, true)
		s.expectAccount(t, c, account, true, true)
		removeAccount(t, c, account, true, false)
	}
}

func (s suite) makesNoAccountsUnpermitted(t *testing.T) {
	able := s.maker(t)
	c, ok := connector.Maker(closing(t, s.OpenUnprivileged(t)))
	if !ok {
		t.Fatal("what the connector can do depends on who it logs in as")
	}
	account := marked("made")
	_, err := c.MakeAccount(t.Context(), account)
	expectSentinel(t, err, connector.ErrPermission)
	s.expectAccount(t, able, account, false, false)
	account = makeAccount(t, able, account, true)
	_, err = c.RemoveAccount(t.Context(), account)
	expectSentinel(t, err, connector.ErrPermission)
	s.expectAccount(t, able, account, true, true)
	removeAccount(t, able, account, true, false)
}
