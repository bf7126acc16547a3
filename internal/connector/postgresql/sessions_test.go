package postgresql_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// billing makes a database with a table that role "billing_admin" may read, and
// logins without any right.
func (s target) billing(t testing.TB, logins ...string) {
	t.Helper()
	s.exec(t, "CREATE DATABASE billing", "CREATE ROLE billing_admin")
	s.Exec(t, "billing", "CREATE TABLE invoices (n int)", "GRANT SELECT ON invoices TO billing_admin")
	for _, login := range logins {
		s.exec(t, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", quote(login), password))
	}
}

// session opens a session of login in database billing and runs the statements.
func (s target) session(t *testing.T, login string, statements ...string) *pgx.Conn {
	t.Helper()
	conn := s.ConnectAs(t, "billing", login, password)
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return conn
}

func reads(conn *pgx.Conn) bool {
	_, err := conn.Exec(context.Background(), "SELECT FROM invoices")
	return err == nil
}

func alive(conn *pgx.Conn) bool { return conn.Ping(context.Background()) == nil }

func mustGrant(t *testing.T, c connector.Connector, account string, e connector.Entitlement) {
	t.Helper()
	if _, err := c.Grant(t.Context(), connector.Change{Account: account, Entitlement: e}); err != nil {
		t.Fatal(err)
	}
}

func mustRevoke(t *testing.T, c connector.Connector, account string, e connector.Entitlement, keep ...connector.Entitlement) connector.Result {
	t.Helper()
	result, err := c.Revoke(t.Context(), connector.Change{Account: account, Entitlement: e, Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestRevokeEndsASessionThatTookTheRole(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna", "bert")
	c := s.opened(t, nil)
	mustGrant(t, c, "anna", role("billing_admin"))
	mustGrant(t, c, "bert", role("billing_admin"))
	anna := s.session(t, "anna", "SET application_name = 'psql'", "SET ROLE billing_admin")
	elsewhere := s.ConnectAs(t, "postgres", "anna", password)
	bert := s.session(t, "bert", "SET ROLE billing_admin")
	if !reads(anna) {
		t.Fatal("the session cannot read before the revoke")
	}

	result := mustRevoke(t, c, "anna", role("billing_admin"))

	if reads(anna) || alive(anna) || alive(elsewhere) {
		t.Error("a session of the account outlived the revoke")
	}
	if !reads(bert) {
		t.Error("the session of another holder was ended")
	}
	if len(result.Ended) != 2 {
		t.Fatalf("ended %+v, want the two sessions of the account", result.Ended)
	}
	i := slices.IndexFunc(result.Ended, func(e connector.Session) bool { return e.ID == strconv.Itoa(int(anna.PgConn().PID())) })
	if i < 0 {
		t.Fatalf("ended %+v, without the one that read", result.Ended)
	}
	if got := result.Ended[i]; got.Client != "127.0.0.1" || got.Program != "psql" || got.StartedAt.IsZero() {
		t.Errorf("the ended session is reported as %+v", got)
	}
	if fresh := s.session(t, "anna"); reads(fresh) {
		t.Error("a new session still reads")
	}
}

func TestRevokeLeavesSessionsAloneWhenToldTo(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna")
	c := s.opened(t, map[string]any{"terminate_sessions": false})
	mustGrant(t, c, "anna", role("billing_admin"))
	anna := s.session(t, "anna", "SET ROLE billing_admin")

	result := mustRevoke(t, c, "anna", role("billing_admin"))

	if !result.Changed || len(result.Ended) != 0 || !reads(anna) {
		t.Errorf("revoke gave %+v, and the session reads: %v", result, reads(anna))
	}
}

func TestRevokeEndsSessionsThatAnEarlierAttemptLeft(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna")
	c := s.opened(t, nil)
	mustGrant(t, c, "anna", role("billing_admin"))
	anna := s.session(t, "anna", "SET ROLE billing_admin")
	s.exec(t, "REVOKE billing_admin FROM anna")
	if !reads(anna) {
		t.Fatal("a plain REVOKE ended the session's access: there is nothing to test")
	}

	result := mustRevoke(t, c, "anna", role("billing_admin"))

	if result.Changed || len(result.Ended) != 1 || alive(anna) {
		t.Errorf("revoke gave %+v, and the session is alive: %v", result, alive(anna))
	}
}

func TestRevokeSparesWhoeverStillHasTheRight(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna")
	s.exec(t, "CREATE ROLE lead", "GRANT billing_admin TO lead", "GRANT lead TO anna")
	c := s.opened(t, nil)
	mustGrant(t, c, "anna", role("billing_admin"))
	anna := s.session(t, "anna", "SET ROLE billing_admin")

	if result := mustRevoke(t, c, "anna", role("billing_admin")); !result.Changed || len(result.Ended) != 0 || !reads(anna) {
		t.Errorf("revoke gave %+v, and the session reads: %v", result, reads(anna))
	}

	mustGrant(t, c, "anna", roleAdmin("billing_admin"))
	if result := mustRevoke(t, c, "anna", roleAdmin("billing_admin"), role("billing_admin")); !result.Changed || len(result.Ended) != 0 || !reads(anna) {
		t.Errorf("revoke of the admin option alone gave %+v, and the session reads: %v", result, reads(anna))
	}
}

func TestRevokeEndsSessionsThatHadTheRightThroughTheAccount(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna", "deputy")
	s.exec(t, "GRANT anna TO deputy")
	c := s.opened(t, nil)
	mustGrant(t, c, "anna", role("billing_admin"))
	deputy := s.session(t, "deputy", "SET ROLE billing_admin")
	if !reads(deputy) {
		t.Fatal("the deputy cannot read before the revoke")
	}

	mustRevoke(t, c, "anna", role("billing_admin"))

	if alive(deputy) {
		t.Error("the deputy goes on reading")
	}
}

func TestRevokeReachesAnAccountThatMayNoLongerLogIn(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna")
	c := s.opened(t, nil)
	mustGrant(t, c, "anna", role("billing_admin"))
	anna := s.session(t, "anna", "SET ROLE billing_admin")
	s.exec(t, "ALTER ROLE anna NOLOGIN")

	result := mustRevoke(t, c, "anna", role("billing_admin"))

	if !result.Changed || alive(anna) || s.holds(t, "anna", role("billing_admin")) {
		t.Errorf("revoke gave %+v, and the session is alive: %v", result, alive(anna))
	}
}

func TestRevokeEndsSessionsOfADroppedAccount(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna", "bert")
	c := s.opened(t, nil)
	mustGrant(t, c, "anna", role("billing_admin"))
	anna, bert := s.session(t, "anna", "SET ROLE billing_admin"), s.session(t, "bert")
	s.exec(t, "DROP ROLE anna")
	if !reads(anna) {
		t.Fatal("dropping the account ended the session's access: there is nothing to test")
	}

	result := mustRevoke(t, c, "anna", role("billing_admin"))

	if result.Changed || len(result.Ended) != 1 || alive(anna) || !alive(bert) {
		t.Errorf("revoke gave %+v; alive: anna %v, bert %v", result, alive(anna), alive(bert))
	}
}

func TestRevokeWithoutTheRightToEndSessionsSaysWhatToGrant(t *testing.T) {
	s := newTarget(t, "CREATEROLE")
	s.billing(t, "anna")
	s.exec(t, "GRANT billing_admin TO stint WITH ADMIN OPTION")
	c := s.opened(t, nil)
	change := connector.Change{Account: "anna", Entitlement: role("billing_admin")}
	mustGrant(t, c, "anna", role("billing_admin"))
	anna := s.session(t, "anna", "SET ROLE billing_admin")

	_, err := c.Revoke(t.Context(), change)
	if !errors.Is(err, connector.ErrPermission) || !strings.Contains(err.Error(), `GRANT pg_signal_backend TO "stint"`) {
		t.Fatalf("revoke gave %v, want a refusal that names pg_signal_backend", err)
	}

	s.exec(t, "GRANT pg_signal_backend TO stint")
	if result := mustRevoke(t, c, "anna", role("billing_admin")); len(result.Ended) != 1 || alive(anna) {
		t.Errorf("the second attempt gave %+v, and the session is alive: %v", result, alive(anna))
	}
}

func TestRevokeOfAnAttributeEndsTheSession(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna", "bert")
	c := s.opened(t, nil)
	mustGrant(t, c, "anna", attribute("superuser"))
	anna := s.session(t, "anna", "SET SESSION AUTHORIZATION bert")

	result := mustRevoke(t, c, "anna", attribute("superuser"))

	if !result.Changed || len(result.Ended) != 1 || alive(anna) {
		t.Errorf("revoke gave %+v, and the session is alive: %v", result, alive(anna))
	}
}

func TestRevokeTogetherLeavesSessionsToRevoke(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna", "bert", "boss", "deputy")
	s.exec(t, "GRANT boss TO deputy")
	c := s.opened(t, nil).(connector.Together)
	var changes []connector.Change
	for _, login := range []string{"anna", "bert", "boss"} {
		mustGrant(t, c, login, role("billing_admin"))
		changes = append(changes, connector.Change{Account: login, Entitlement: role("billing_admin")})
	}
	anna := s.session(t, "anna", "SET ROLE billing_admin")
	deputy := s.session(t, "deputy", "SET ROLE billing_admin")

	revoked, err := c.RevokeTogether(t.Context(), changes)
	if err != nil {
		t.Fatal(err)
	}
	if r := revoked[0]; !r.Alone || !r.Changed {
		t.Errorf("who runs a session came to %+v, want revoked and to be done alone", r)
	}
	if r := revoked[1]; r.Alone || !r.Changed || r.Reading.Effective {
		t.Errorf("who runs none came to %+v, want revoked and read", r)
	}
	if r := revoked[2]; !r.Alone || r.Changed {
		t.Errorf("who has members came to %+v, want untouched and to be done alone", r)
	}
	for i, login := range []string{"anna", "", "boss"} {
		if login == "" {
			continue
		}
		if result := mustRevoke(t, c, login, role("billing_admin")); len(result.Ended) != 1 || result.Changed == revoked[i].Changed {
			t.Errorf("the revoke of %s alone gave %+v", login, result)
		}
	}
	if alive(anna) || alive(deputy) {
		t.Errorf("alive: anna %v, deputy %v", alive(anna), alive(deputy))
	}
}

// One membership that somebody else is changing holds the others up for a moment.
// From PostgreSQL 16 on it holds up every other of the same role for as long as it is
// changed, so that another role stands for the others there.
func TestRevokeTogetherDoesNotWaitForOneThatIsLocked(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna", "bert")
	s.exec(t, "CREATE ROLE ledger_admin")
	c := s.opened(t, map[string]any{"statement_timeout": "20s"}).(connector.Together)
	changes := []connector.Change{{Account: "anna", Entitlement: role("billing_admin")}, {Account: "bert", Entitlement: role("billing_admin")}}
	if s.Version() >= 160000 {
		changes[1].Entitlement = role("ledger_admin")
	}
	for _, change := range changes {
		mustGrant(t, c, change.Account, change.Entitlement)
	}
	other, err := s.Connect(t, "postgres").Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec(t.Context(), "REVOKE billing_admin FROM anna"); err != nil {
		t.Fatal(err)
	}

	began := time.Now()
	revoked, err := c.RevokeTogether(t.Context(), changes)
	if took := time.Since(began); err != nil || took > 8*time.Second {
		t.Fatalf("after %s: %v, %v", took, revoked, err)
	}
	for i, r := range revoked {
		if !r.Alone || r.Changed {
			t.Errorf("%s came to %+v, want untouched and to be done alone", changes[i].Account, r)
		}
	}
	mustRevoke(t, c, "bert", changes[1].Entitlement)
	if err := other.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if revoked, err = c.RevokeTogether(t.Context(), changes); err != nil || revoked[0].Alone || !revoked[0].Changed {
		t.Errorf("when nobody holds it any more it came to %+v, %v", revoked, err)
	}
}

func TestAttributesAndAdminOptionsAreRevokedTogether(t *testing.T) {
	s := newTarget(t, "SUPERUSER")
	s.billing(t, "anna", "bert", "cleo")
	c := s.opened(t, nil).(connector.Together)
	mustGrant(t, c, "anna", attribute("createdb"))
	mustGrant(t, c, "bert", roleAdmin("billing_admin"))
	mustGrant(t, c, "cleo", role("billing_admin"))
	changes := []connector.Change{
		{Account: "anna", Entitlement: attribute("createdb")},
		{Account: "bert", Entitlement: roleAdmin("billing_admin"), Keep: []connector.Entitlement{role("billing_admin")}},
		{Account: "cleo", Entitlement: role("billing_admin")},
	}
	revoked, err := c.RevokeTogether(t.Context(), changes)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range revoked {
		// Since PostgreSQL 16 the admin option takes along what was granted by it.
		if alone := i == 1 && s.Version() >= 160000; r.Alone != alone || r.Changed == alone || r.Reading.Direct {
			t.Errorf("%v came to %+v", changes[i], r)
		}
	}
	if !s.holds(t, "bert", role("billing_admin")) && s.Version() < 160000 {
		t.Error("the membership that was to be kept is gone")
	}
}
