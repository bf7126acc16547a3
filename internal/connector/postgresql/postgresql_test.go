package postgresql_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/connector/connectortest"
	"github.com/stint-dev/terraform-provider-stint/internal/connector/postgresql"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

const (
	passwordRef = "env:STINT_SECRET_TARGET_PASSWORD"
	password    = "a:p@ss/word? 100%"
)

func secrets(_ context.Context, reference string) (string, error) {
	if reference != passwordRef {
		return "", fmt.Errorf("no secret under this reference; there is %s", passwordRef)
	}
	return password, nil
}

// target is a server with a role for the connector.
type target struct{ *pgtest.Server }

// newTarget starts a server whose role "stint" has the given rights. It does
// without fsync, so that a busy disk does not run into the short timeouts here.
func newTarget(t testing.TB, rights string) target {
	t.Helper()
	return withRole(t, pgtest.Start(t, pgtest.WithoutFsync()), rights)
}

func withRole(t testing.TB, server *pgtest.Server, rights string) target {
	t.Helper()
	s := target{server}
	s.exec(t, fmt.Sprintf("CREATE ROLE stint LOGIN %s PASSWORD '%s'", rights, password))
	return s
}

func (s target) exec(t testing.TB, statements ...string) {
	t.Helper()
	s.Exec(t, "postgres", statements...)
}

// open makes a connector that logs in as username; settings override members of
// its configuration.
func (s target) open(t testing.TB, username string, settings map[string]any) connector.Connector {
	t.Helper()
	members := map[string]any{"host": s.Host(), "port": s.Port(), "username": username, "password_ref": passwordRef,
		"sslmode": "disable", "statement_timeout": "2s"}
	for name, value := range settings {
		members[name] = value
	}
	raw, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	factory := postgresql.NewFactory()
	canonical, err := factory.Validate(raw)
	if err != nil {
		t.Fatalf("Validate: %v", err)
	}
	c, err := factory.Open(canonical, secrets)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return c
}

// opened is open with a Close at the end of the test.
func (s target) opened(t testing.TB, settings map[string]any) connector.Connector {
	t.Helper()
	c := s.open(t, "stint", settings)
	t.Cleanup(func() { c.Close() })
	return c
}

func role(name string) connector.Entitlement {
	return connector.Entitlement{Kind: "role", NativeID: name}
}

func roleAdmin(name string) connector.Entitlement {
	return connector.Entitlement{Kind: "role_admin", NativeID: name}
}

func attribute(name string) connector.Entitlement {
	return connector.Entitlement{Kind: "attribute", NativeID: name}
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func TestConnectorConforms(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.exec(t, fmt.Sprintf("CREATE ROLE powerless LOGIN PASSWORD '%s'", password))
	connectortest.Run(t, connectortest.Target{
		Open:             func(t *testing.T) connector.Connector { return s.open(t, "stint", nil) },
		OpenUnprivileged: func(t *testing.T) connector.Connector { return s.open(t, "powerless", nil) },
		NewAccount:       func(t *testing.T, name string) { s.exec(t, "CREATE ROLE "+quote(name)+" LOGIN") },
		NewEntitlement: func(t *testing.T, name string) connector.Entitlement {
			s.exec(t, "CREATE ROLE "+quote(name))
			return role(name)
		},
		DropAccount:     func(t *testing.T, name string) { s.exec(t, "DROP ROLE "+quote(name)) },
		DropEntitlement: func(t *testing.T, e connector.Entitlement) { s.exec(t, "DROP ROLE "+quote(e.NativeID)) },
		RenameAccount: func(t *testing.T, name, to string) {
			s.exec(t, "ALTER ROLE "+quote(name)+" RENAME TO "+quote(to))
		},
		RenameEntitlement: func(t *testing.T, e connector.Entitlement, to string) connector.Entitlement {
			s.exec(t, "ALTER ROLE "+quote(e.NativeID)+" RENAME TO "+quote(to))
			return connector.Entitlement{Kind: e.Kind, NativeID: to}
		},
		Hold:    s.hold,
		Holds:   s.holds,
		Account: s.account,
		Include: func(t *testing.T, from, to connector.Entitlement) bool {
			s.hold(t, from.NativeID, to)
			return true
		},
		Implying: func(e connector.Entitlement) (connector.Entitlement, bool) { return roleAdmin(e.NativeID), true },
		Stop:     func(t *testing.T) { s.Stop(t) },
		Start:    func(t *testing.T) { s.Restart(t) },
		Block:    s.block,
		// NAMEDATALEN - 1
		LongestName: 63,
	})
}

func (s target) hold(t *testing.T, account string, e connector.Entitlement) {
	t.Helper()
	option := map[string]string{"role": "", "role_admin": " WITH ADMIN OPTION"}
	s.exec(t, "GRANT "+quote(e.NativeID)+" TO "+quote(account)+option[e.Kind])
}

func (s target) holds(t *testing.T, account string, e connector.Entitlement) bool {
	t.Helper()
	var member, admin bool
	err := s.Connect(t, "postgres").QueryRow(t.Context(), `
		SELECT count(*) > 0, coalesce(bool_or(admin_option), false) FROM pg_auth_members
		WHERE member = (SELECT oid FROM pg_authid WHERE rolname = $1::text)
		  AND roleid = (SELECT oid FROM pg_authid WHERE rolname = $2::text)`, account, e.NativeID).Scan(&member, &admin)
	if err != nil {
		t.Fatal(err)
	}
	return e.Kind == "role" && member || e.Kind == "role_admin" && admin
}

func (s target) account(t *testing.T, name string) (exists, usable bool) {
	t.Helper()
	if err := s.Connect(t, "postgres").QueryRow(t.Context(), `
		SELECT count(*) > 0, coalesce(bool_or(rolcanlogin), false) FROM pg_authid WHERE rolname = $1::text`, name).Scan(&exists, &usable); err != nil {
		t.Fatal(err)
	}
	return exists, usable
}

// block holds a lock that every GRANT and REVOKE of a role needs, and none that
// reading needs.
func (s target) block(t *testing.T) (waiting func() bool, release func()) {
	t.Helper()
	holder, watcher := s.Connect(t, "postgres"), s.Connect(t, "postgres")
	if _, err := holder.Exec(t.Context(), "BEGIN; LOCK TABLE pg_auth_members IN EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	waiting = func() bool {
		var waits bool
		if err := watcher.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'pg_auth_members'::regclass)").Scan(&waits); err != nil {
			t.Fatal(err)
		}
		return waits
	}
	return waiting, func() {
		if _, err := holder.Exec(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
	}
}
