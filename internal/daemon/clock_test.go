package daemon_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/crash"
	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// shifted runs a server with a clock that is off.
func shifted(by time.Duration) []string {
	return []string{crash.EnvShift + "=" + by.String(), crash.EnvSkew + "=5s"}
}

// refusedFor demands that nothing is granted and that the clock is said to be why.
func refusedFor(t *testing.T, s *runningServer, who *client.Client, why string) {
	t.Helper()
	_, err := who.Request(t.Context(), api.RequestInput{Template: "admin"})
	var problem *api.Problem
	if !errors.As(err, &problem) || problem.Status != http.StatusServiceUnavailable || !strings.Contains(problem.Detail, why) {
		t.Errorf("asked of a server whose clock is %s: %v", why, err)
	}
	got := readiness(t, s.endpoint)
	if clock := got.Checks["clock"]; got.status != http.StatusOK || got.Status != api.Degraded || clock.OK || !strings.Contains(clock.Detail, why) {
		t.Errorf("a server whose clock is %s says of itself %+v", why, got)
	}
	eventually(t, "the log says so", func() bool { return strings.Contains(s.log(), "the clock cannot be trusted") })
}

// takenBack ends a grant at a server and waits until the target shows it.
func takenBack(t *testing.T, end func(context.Context, governance.GrantID, string) (api.Grant, error), id governance.GrantID, target *pgtest.Server) {
	t.Helper()
	if _, err := end(t.Context(), id, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the right is taken back", func() bool { return !isMember(t, target) })
}

// A replica whose clock is far from the database's grants nothing and makes no
// other believe its time; what it is told to take back it takes back.
func TestReplicaWithAWrongClockOnlyTakesBack(t *testing.T) {
	target := pgtest.Start(t, pgtest.WithoutFsync())
	target.Exec(t, "postgres", `CREATE ROLE billing_admin`, `CREATE ROLE alice LOGIN`)
	t.Setenv("STINT_SECRET_BILLING_PASSWORD", target.Password())
	folder := t.TempDir()
	arguments := []string{"server", "--listen", "127.0.0.1:0", "--data-dir", folder, "--database", pgtest.Sparing(pgtest.Shared(t).NewDatabase(t))}
	right := startServer(t, arguments)
	hers := declare(t, right.endpoint, bootstrapToken(t, folder), target, 30*time.Minute, "alice")["alice"]
	for by, why := range map[time.Duration]string{-time.Hour: "behind the database's", 20 * time.Minute: "ahead of the database's"} {
		alice := connect(t, right.endpoint, hers)
		grant := untilActive(t, alice)
		wrong := startServer(t, arguments, shifted(by)...)
		there := connect(t, wrong.endpoint, hers)
		refusedFor(t, wrong, there, why)
		takenBack(t, there.Return, grant.ID, target)
		if got := readiness(t, right.endpoint); !got.Checks["clock"].OK {
			t.Errorf("beside one whose clock is %s, the right one says %+v", why, got.Checks)
		}
		wrong.signal(t, syscall.SIGTERM)
		wrong.end(t)
	}
}

// Without a database that has a clock of its own, the time that was seen stands
// against a clock that went back, also after a restart, until an administrator
// takes it back.
func TestClockThatWentBackStopsGrantingUntilItIsSaidToBeRight(t *testing.T) {
	target := pgtest.Start(t, pgtest.WithoutFsync())
	target.Exec(t, "postgres", `CREATE ROLE billing_admin`, `CREATE ROLE alice LOGIN`)
	t.Setenv("STINT_SECRET_BILLING_PASSWORD", target.Password())
	folder := t.TempDir()
	arguments := []string{"server", "--listen", "127.0.0.1:0", "--data-dir", folder}
	ahead := startServer(t, arguments, shifted(24*time.Hour)...)
	root := bootstrapToken(t, folder)
	hers := declare(t, ahead.endpoint, root, target, 30*time.Minute, "alice")["alice"]
	grant := untilActive(t, connect(t, ahead.endpoint, hers))
	ahead.signal(t, syscall.SIGTERM)
	ahead.end(t)

	right := startServer(t, arguments)
	alice, admin := connect(t, right.endpoint, hers), connect(t, right.endpoint, root)
	refusedFor(t, right, alice, "behind a time that was seen already")
	takenBack(t, admin.Revoke, grant.ID, target)
	if reset, err := admin.ResetClock(t.Context(), "it ran a day ahead"); err != nil || reset.From.Sub(reset.To) < 23*time.Hour {
		t.Fatalf("reset %+v, error %v", reset, err)
	}
	again := untilActive(t, alice)
	if left := time.Until(again.NotAfter); left > 30*time.Minute {
		t.Errorf("given for half an hour, it stands for %s", left)
	}
	if got := readiness(t, right.endpoint); got.Status != api.Ready {
		t.Errorf("it says of itself %+v", got)
	}
}
