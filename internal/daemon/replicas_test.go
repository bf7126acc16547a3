package daemon_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Three servers that are started at once on one empty database share the work.
// One is killed and one is told to end while each has calls of the target under
// way: the last takes over, every grant ends once, and the log they wrote together
// verifies.
func TestReplicasShareTheWorkAndOutliveOneAnother(t *testing.T) {
	const people = 6
	target := pgtest.Start(t, pgtest.WithoutFsync())
	target.Exec(t, "postgres", `CREATE ROLE billing_admin`)
	names := make([]string, people)
	for i := range names {
		names[i] = fmt.Sprintf("u%d", i)
		target.Exec(t, "postgres", fmt.Sprintf(`CREATE ROLE %s LOGIN`, names[i]))
	}
	t.Setenv("STINT_SECRET_BILLING_PASSWORD", target.Password())
	database, folder := pgtest.Shared(t).NewDatabase(t), t.TempDir()
	state, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = state.Close(t.Context()) }()

	var replicas [3]*runningServer
	var starting sync.WaitGroup
	for i := range replicas {
		starting.Go(func() {
			replicas[i] = startServer(t, []string{
				"server", "--listen", "127.0.0.1:0", "--database", pgtest.Sparing(database),
				"--data-dir", filepath.Join(folder, fmt.Sprint(i)), "--evidence-dir", filepath.Join(folder, "evidence"),
			})
		})
	}
	starting.Wait()
	if t.Failed() {
		t.FailNow()
	}
	var roots []string
	for i := range replicas {
		if token, err := os.ReadFile(filepath.Join(folder, fmt.Sprint(i), "bootstrap-token")); err == nil {
			roots = append(roots, strings.TrimSpace(string(token)))
		}
	}
	if len(roots) == 0 {
		t.Fatal("none of the three made a bootstrap token")
	}
	tokens := declare(t, replicas[0].endpoint, roots[0], target, 2*time.Second, names...)

	release := block(t, target)
	grants := map[string]governance.GrantID{}
	for i, name := range names {
		grants[name] = ask(t, connect(t, replicas[i%3].endpoint, tokens[name]))
	}
	eventually(t, "each has calls under way", func() bool {
		return count(t, state, `SELECT count(DISTINCT holder) FROM leases WHERE key LIKE 'account/%' AND until_at > 0`) == 3
	})
	replicas[0].signal(t, syscall.SIGKILL)
	replicas[1].signal(t, syscall.SIGTERM)
	replicas[0].end(t)
	release()
	if status := replicas[1].end(t); status.ExitStatus() != 0 {
		t.Errorf("the one that was told to end went with %v", status)
	}
	for _, name := range names {
		there := connect(t, replicas[2].endpoint, tokens[name])
		eventually(t, name+"'s grant is over", func() bool {
			g, err := there.GetGrant(t.Context(), grants[name])
			if err != nil {
				t.Fatal(err)
			}
			return !g.State.Live()
		})
	}
	if left := count(t, target.Connect(t, "postgres"), `SELECT count(*) FROM pg_auth_members WHERE roleid = 'billing_admin'::regrole`); left != 0 {
		t.Errorf("%d people still hold the right", left)
	}
	eventually(t, "the log is whole", func() bool {
		return count(t, state, `SELECT count(*) FROM evidence_records WHERE position IS NULL`) == 0
	})
	var told map[string]int64
	eventually(t, "it is signed", func() bool {
		told = verify(t, connect(t, replicas[2].endpoint, roots[0])).Kinds
		return told["grant.ended"]+told["grant.provision_failed"] >= people
	})
	if told["grant.revoking"] != people || told["grant.ended"]+told["grant.provision_failed"] != people {
		t.Errorf("of %d grants the log tells %v", people, told)
	}
}

func count(t *testing.T, conn *pgx.Conn, query string) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A replica of an older version that is started on a database which a newer one
// has brought further says so and touches nothing.
func TestOlderServerRefusesANewerSchema(t *testing.T) {
	database, folder := pgtest.Shared(t).NewDatabase(t), t.TempDir()
	arguments := []string{"server", "--listen", "127.0.0.1:0", "--data-dir", folder, "--database", pgtest.Sparing(database)}
	running := startServer(t, arguments)
	state, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = state.Close(t.Context()) }()
	if _, err := state.Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`); err != nil {
		t.Fatal(err)
	}
	older := launchServer(t, arguments)
	if status := older.end(t); status.ExitStatus() != 1 || !strings.Contains(older.log(), "stint: open the engine: the database has schema version 9999 and this program knows up to 1; use a newer stint") {
		t.Errorf("it ended with %v:\n%s", status, older.log())
	}
	if got := readiness(t, running.endpoint); got.status != http.StatusServiceUnavailable || got.Checks["schema"].OK {
		t.Errorf("the one that ran before says of itself %+v", got)
	}
}
