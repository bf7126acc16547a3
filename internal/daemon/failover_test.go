package daemon_test

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Two servers have their state in a PostgreSQL with an asynchronous standby. It falls
// behind, a right is given, and the primary is lost: on the standby, which is promoted,
// nobody knows of the right. It is taken back, and what the standby knows goes on.
func TestStandbyThatWasBehindTakesBackWhatItDoesNotKnow(t *testing.T) {
	target := pgtest.Start(t, pgtest.WithoutFsync())
	target.Exec(t, "postgres", `CREATE ROLE billing_admin`, `CREATE ROLE alice LOGIN`, `CREATE ROLE bob LOGIN`)
	t.Setenv("STINT_SECRET_BILLING_PASSWORD", target.Password())
	primary := pgtest.Start(t, pgtest.WithoutFsync())
	primary.Exec(t, "postgres", `CREATE DATABASE stint`)
	standby := primary.Standby(t, pgtest.WithoutFsync())

	folder := t.TempDir()
	database := fmt.Sprintf("postgres://%s@%s,%s/stint?sslmode=disable&target_session_attrs=read-write", url.UserPassword(primary.Superuser(), primary.Password()),
		net.JoinHostPort(primary.Host(), strconv.Itoa(primary.Port())), net.JoinHostPort(standby.Host(), strconv.Itoa(standby.Port())))
	start := func(name string) *runningServer {
		return startServer(t, []string{"server", "--listen", "127.0.0.1:0", "--database", database, "--data-dir", filepath.Join(folder, name), "--evidence-dir", filepath.Join(folder, "evidence")})
	}
	first := start("first")
	root := bootstrapToken(t, filepath.Join(folder, "first"))
	tokens := declare(t, first.endpoint, root, target, 30*time.Minute, "alice", "bob")
	second := start("second")
	admin := connect(t, second.endpoint, root)
	hers := untilActive(t, connect(t, first.endpoint, tokens["alice"]))
	conn := standby.Connect(t, "stint")
	eventually(t, "the standby knows it", func() bool {
		return count(t, conn, `SELECT count(*) FROM grants WHERE state = 'active'`) == 1 && count(t, conn, `SELECT count(*) FROM evidence_records WHERE position IS NULL`) == 0
	})
	standby.Detach(t)
	his := untilActive(t, connect(t, second.endpoint, tokens["bob"]))
	eventually(t, "it is signed", func() bool { return verify(t, admin).Kinds["grant.activated"] == 2 })
	checkpoint, err := admin.EvidenceCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rights := target.Connect(t, "postgres")
	primary.Stop(t)
	standby.Promote(t)

	eventually(t, "what the standby does not know is taken back", func() bool {
		return count(t, rights, `SELECT count(*) FROM pg_auth_members WHERE roleid = 'billing_admin'::regrole AND member = 'bob'::regrole`) == 0
	})
	eventually(t, "it says so", func() bool {
		got := readiness(t, second.endpoint)
		return got.Status == api.Degraded && !got.Checks["state"].OK && !got.Checks["evidence"].OK
	})
	if g, err := admin.GetGrant(t.Context(), his.ID); err != nil || g.EndReason != governance.EndBackupRestored {
		t.Errorf("it ended because %s, error %v", g.EndReason, err)
	}
	resumed, err := admin.Resume(t.Context(), "a failover")
	if err != nil {
		t.Fatal(err)
	}
	if g, err := admin.GetGrant(t.Context(), hers.ID); err != nil || g.State != governance.GrantActive || !holds(t, target, "alice") {
		t.Errorf("what the standby knew is %s, error %v", g.State, err)
	}
	eventually(t, "both servers sign the next log", func() bool {
		for _, server := range []*runningServer{first, second} {
			if readiness(t, server.endpoint).Status != api.Ready {
				return false
			}
		}
		return true
	})
	untilActive(t, connect(t, first.endpoint, tokens["bob"]))
	eventually(t, "the log tells it all", func() bool {
		k := verify(t, admin).Kinds
		return k["log.continued"] == 1 && k["grant.adopted"] == 1 && k["database.older"] == 1 && k["database.accepted"] == 1
	})
	checkBothLogs(t, admin, filepath.Join(folder, "evidence", resumed.FormerLog), checkpoint, "grant_template.created")
}
