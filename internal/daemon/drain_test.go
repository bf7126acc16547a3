package daemon_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the state is read without the engine

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// A server that is told to end is not ready from then on, takes nothing up,
// answers while a call of a target is under way, and has its answer written down
// before it goes.
func TestServerThatIsToldToEndFinishesWhatItHasBegun(t *testing.T) {
	target := pgtest.Start(t, pgtest.WithoutFsync())
	target.Exec(t, "postgres", `CREATE ROLE billing_admin`, `CREATE ROLE alice LOGIN`, `CREATE ROLE bob LOGIN`, `CREATE ROLE carol LOGIN`)
	t.Setenv("STINT_SECRET_BILLING_PASSWORD", target.Password())
	folder := t.TempDir()
	arguments := []string{"server", "--listen", "127.0.0.1:0", "--data-dir", folder, "--log-level", "debug"}
	server := startServer(t, arguments)
	tokens := declare(t, server.endpoint, bootstrapToken(t, folder), target, 30*time.Minute, "alice", "bob", "carol")
	if got := readiness(t, server.endpoint); got.status != http.StatusOK || got.Status != api.Ready {
		t.Fatalf("before: %+v", got)
	}

	release := block(t, target)
	begun := ask(t, connect(t, server.endpoint, tokens["alice"]))
	untilBlocked(t, target)
	server.signal(t, syscall.SIGTERM)
	var got ready
	eventually(t, "the server is not ready", func() bool {
		got = readiness(t, server.endpoint)
		return got.status == http.StatusServiceUnavailable
	})
	if got.retryAfter == "" || got.Checks["workers"].OK || !got.Checks["database"].OK {
		t.Errorf("not ready: %+v", got)
	}
	later := ask(t, connect(t, server.endpoint, tokens["bob"])) // it still answers, on new connections too
	release()
	if status := server.end(t); status.ExitStatus() != 0 {
		t.Errorf("the server ended with %v:\n%s", status, server.log())
	}
	if state := stored(t, folder, `SELECT state FROM grants WHERE id = $1`, begun); state != string(governance.GrantActive) {
		t.Errorf("the grant whose call was under way is %s", state)
	}
	if state := stored(t, folder, `SELECT state FROM grants WHERE id = $1`, later); state != string(governance.GrantScheduled) {
		t.Errorf("the grant that was asked for later is %s: it was taken up", state)
	}
	if held := stored(t, folder, `SELECT count(*) FROM leases WHERE until_at > 0`); held != "0" {
		t.Errorf("%s leases are still held", held)
	}
	if waiting := stored(t, folder, `SELECT count(*) FROM evidence_records WHERE position IS NULL`); waiting != "0" {
		t.Errorf("%s records are not in the log", waiting)
	}

	// The next start takes up what is left, and a second signal breaks it off.
	server = startServer(t, arguments)
	eventually(t, "the other grant is active", func() bool {
		return stored(t, folder, `SELECT state FROM grants WHERE id = $1`, later) == string(governance.GrantActive)
	})
	release = block(t, target)
	defer release()
	ask(t, connect(t, server.endpoint, tokens["carol"]))
	untilBlocked(t, target)
	server.signal(t, syscall.SIGTERM)
	eventually(t, "the server is not ready", func() bool { return readiness(t, server.endpoint).status == http.StatusServiceUnavailable })
	server.signal(t, syscall.SIGTERM)
	if status := server.end(t); status.Signal() != syscall.SIGTERM {
		t.Errorf("the second signal: %v", status)
	}
}

// ready is an answer of /readyz.
type ready struct {
	status     int
	retryAfter string
	Status     any
	Checks     map[string]api.Check
}

func readiness(t *testing.T, endpoint string) ready {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer := ready{status: response.StatusCode, retryAfter: response.Header.Get("Retry-After")}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// stored reads one value of a SQLite state.
func stored(t *testing.T, folder, query string, arguments ...any) (value string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(folder, "stint.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(t.Context(), query, arguments...).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// block makes changes of memberships in the target wait until release is called.
func block(t *testing.T, target *pgtest.Server) (release func()) {
	t.Helper()
	tx, err := target.Connect(t, "postgres").Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), `LOCK TABLE pg_auth_members IN SHARE MODE`)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func untilBlocked(t *testing.T, target *pgtest.Server) {
	t.Helper()
	conn := target.Connect(t, "postgres")
	eventually(t, "the target is called", func() (waits bool) {
		if err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock')`).Scan(&waits); err != nil {
			t.Fatal(err)
		}
		return waits
	})
}
