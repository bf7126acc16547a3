package postgresql_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/connector/postgresql"
)

func maker(t *testing.T, c connector.Connector) connector.AccountMaker {
	t.Helper()
	m, ok := connector.Maker(c)
	if !ok {
		t.Fatal("the connector makes no accounts")
	}
	return m
}

func mustRemove(t *testing.T, c connector.AccountMaker, account connector.MadeAccount) connector.RemovedResult {
	t.Helper()
	result, err := c.RemoveAccount(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// The connector's role is no superuser here: CREATEROLE is enough.
func TestMadeAccountIsALoginWithoutAPassword(t *testing.T) {
	s := newTarget(t, "CREATEROLE CREATEDB")
	c := maker(t, s.opened(t, nil))
	account := connector.MadeAccount{Name: "Anna O'Neil", Mark: uuid.NewString()}
	if _, err := c.MakeAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	var bare bool
	if err := s.Connect(t, "postgres").QueryRow(t.Context(), `
		SELECT rolcanlogin AND rolinherit AND rolpassword IS NULL AND rolvaliduntil IS NULL
			AND NOT (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
			AND NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid)
			AND shobj_description(r.oid, 'pg_authid') LIKE 'Made by Stint %' || $2
		FROM pg_authid r WHERE rolname = $1`, account.Name, account.Mark).Scan(&bare); err != nil {
		t.Fatal(err)
	}
	if !bare {
		t.Error("the account has more than a login and its mark")
	}
	if result := mustRemove(t, c, account); !result.Changed || len(result.Kept) > 0 {
		t.Errorf("its removal came to %+v", result)
	}
}

func TestAccountThatOwnsSomethingIsLockedAndItsSessionsEnd(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t)
	c := maker(t, s.opened(t, nil))
	account := connector.MadeAccount{Name: "anna", Mark: uuid.NewString()}
	if _, err := c.MakeAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	s.exec(t, "ALTER ROLE anna PASSWORD '"+password+"' CREATEDB", "CREATE ROLE helpers IN ROLE anna")
	s.Exec(t, "billing", "CREATE TABLE notes (n int)", "ALTER TABLE notes OWNER TO anna", "GRANT SELECT ON invoices TO anna")
	conn := s.session(t, "anna", "CREATE TEMPORARY TABLE mine (n int)")

	result := mustRemove(t, c, account)

	want := []string{
		"it is named in the privileges or policies of 1 object(s) in database billing", "it owns 1 object(s) in database billing",
		"role helpers is a member of it", "it has the attribute createdb",
	}
	if !result.Changed || !slices.Equal(result.Kept, want) || len(result.Ended) != 1 || alive(conn) {
		t.Errorf("it came to %+v, with the session alive %v; want it kept because %q", result, alive(conn), want)
	}
	s.Exec(t, "billing", "REASSIGN OWNED BY anna TO postgres", "DROP OWNED BY anna")
	s.exec(t, "ALTER ROLE anna NOCREATEDB", "REVOKE anna FROM helpers")
	if result := mustRemove(t, c, account); !result.Changed || len(result.Kept) > 0 {
		t.Errorf("once nothing holds it, it comes to %+v", result)
	}
}

// A session goes on after its role is dropped, so the role is not dropped under it
// where sessions are not to be ended.
func TestAccountAtWorkIsLockedWhereSessionsAreSpared(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t)
	c := maker(t, s.opened(t, map[string]any{"terminate_sessions": false}))
	account := connector.MadeAccount{Name: "anna", Mark: uuid.NewString()}
	if _, err := c.MakeAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	s.exec(t, "ALTER ROLE anna PASSWORD '"+password+"'")
	conn := s.session(t, "anna")
	if result := mustRemove(t, c, account); !slices.Equal(result.Kept, []string{"1 session(s) of it still run"}) || !alive(conn) {
		t.Errorf("it came to %+v, with the session alive %v", result, alive(conn))
	}
}

func TestNamesThatPostgreSQLReservesAreRefused(t *testing.T) {
	opened, err := postgresql.NewFactory().Open([]byte(`{"host": "127.0.0.1", "username": "stint"}`), secrets)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	c := maker(t, opened)
	for name, why := range map[string]string{
		"pg_anna": "begins with pg_", "public": "reserved word", "None": "reserved word", "current_user": "reserved word",
		strings.Repeat("ä", 32): "64 bytes", "": "needs a name",
	} {
		if err := c.CheckAccountName(name); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q is refused with %v, want %q", name, err, why)
		}
	}
	for _, name := range []string{"anna", "Anna O'Neil", "anna@example.com", "select", "pganna"} {
		if err := c.CheckAccountName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}
