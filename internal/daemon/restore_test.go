package daemon_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/daemon"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// A backup is taken of a running server; later, the server is killed and the backup
// restored. What was given before the backup goes on, what was given after it, which
// the restored state cannot know, is found in the target and taken back, and nothing
// is granted until somebody has accepted the state. Both logs verify, and the second
// names where the first ends.
func TestRestoredBackupTakesBackWhatWasGivenAfterIt(t *testing.T) {
	target := pgtest.Start(t, pgtest.WithoutFsync())
	target.Exec(t, "postgres", `CREATE ROLE billing_admin`, `CREATE ROLE alice LOGIN`, `CREATE ROLE bob LOGIN`, `CREATE ROLE carol LOGIN`)
	t.Setenv("STINT_SECRET_BILLING_PASSWORD", target.Password())
	folder := t.TempDir()
	config, backup := configIn(folder), filepath.Join(t.TempDir(), "backup.db")
	arguments := []string{"server", "--listen", "127.0.0.1:0", "--data-dir", folder}
	server := startServer(t, arguments)
	root := bootstrapToken(t, folder)
	tokens := declare(t, server.endpoint, root, target, 30*time.Minute, "alice", "bob", "carol")
	hers := untilActive(t, connect(t, server.endpoint, tokens["alice"]))
	eventually(t, "the evidence is signed", func() bool { return verify(t, connect(t, server.endpoint, root)).Kinds["grant.activated"] == 1 })
	if _, err := daemon.Backup(t.Context(), config, backup); err != nil {
		t.Fatal(err)
	}
	his := untilActive(t, connect(t, server.endpoint, tokens["bob"]))
	given := untilActive(t, connect(t, server.endpoint, tokens["carol"]))
	if _, err := connect(t, server.endpoint, tokens["carol"]).Return(t.Context(), given.ID, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "carol's right is gone", func() bool { return !holds(t, target, "carol") })
	eventually(t, "the evidence is signed", func() bool { return verify(t, connect(t, server.endpoint, root)).Kinds["grant.ended"] == 1 })
	checkpoint, err := connect(t, server.endpoint, root).EvidenceCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	if _, err := daemon.Restore(t.Context(), config, backup, "a test"); !errors.Is(err, store.ErrInUse) {
		t.Fatalf("restored under a running server: %v", err)
	}
	server.signal(t, syscall.SIGKILL)
	server.end(t)
	release := block(t, target)
	restored, err := daemon.Restore(t.Context(), config, backup, "a test")
	if err != nil {
		t.Fatal(err)
	}
	server = startServer(t, arguments)
	admin := connect(t, server.endpoint, root)
	orphans := func() (found []governance.GrantID) {
		findings, err := admin.Findings(t.Context(), "billing", governance.FindingOrphanedGrant)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range findings.Items {
			found = append(found, f.Grant)
		}
		return found
	}
	eventually(t, "the grant that nobody knows is found", func() bool { return slices.Equal(orphans(), []governance.GrantID{his.ID}) })
	release()
	eventually(t, "it is taken back", func() bool { return !holds(t, target, "bob") })
	eventually(t, "its finding goes", func() bool { return len(orphans()) == 0 })
	if g, err := admin.GetGrant(t.Context(), his.ID); err != nil || g.EndReason != governance.EndBackupRestored || g.Outcome != governance.OutcomeRemoved {
		t.Errorf("it ended %s because %s, error %v", g.Outcome, g.EndReason, err)
	}
	if g, err := admin.GetGrant(t.Context(), hers.ID); err != nil || g.State != governance.GrantActive || !holds(t, target, "alice") {
		t.Errorf("the grant from before the backup is %s, error %v", g.State, err)
	}

	_, err = connect(t, server.endpoint, tokens["carol"]).Request(t.Context(), api.RequestInput{Template: "admin"})
	var problem *api.Problem
	if !errors.As(err, &problem) || problem.Status != http.StatusServiceUnavailable || !strings.Contains(problem.Detail, "stint resume") {
		t.Errorf("asked of a state that nobody has accepted: %v", err)
	}
	if got := readiness(t, server.endpoint); got.Status != api.Degraded || got.Checks["state"].OK {
		t.Errorf("it says of itself %+v", got)
	}
	if _, err := admin.Resume(t.Context(), "nobody left since"); err != nil {
		t.Fatal(err)
	}
	untilActive(t, connect(t, server.endpoint, tokens["carol"]))

	kinds := func() map[string]int64 { return verify(t, admin).Kinds }
	eventually(t, "the log tells it all", func() bool {
		k := kinds()
		return k["log.continued"] == 1 && k["grant.adopted"] == 1 && k["grant.ended"] == 1 && k["database.accepted"] == 1
	})
	checkBothLogs(t, admin, restored.Former, checkpoint, "grant.activated")
}

// checkBothLogs verifies the former log, with one record of a kind, as its auditors
// do, and that the present one's first record names what the former one has signed
// last.
func checkBothLogs(t *testing.T, auditor *client.Client, former string, last api.EvidenceCheckpoint, kind string) {
	t.Helper()
	file, err := os.Open(filepath.Join(former, "records.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	report, err := evidence.VerifyBundle(file, last.Key, nil)
	if err != nil || report.Kinds[kind] != 1 {
		t.Errorf("the former log: %+v, error %v", report, err)
	}
	records, err := auditor.EvidenceRecords(t.Context(), 0, 1)
	if err != nil || len(records) != 1 {
		t.Fatalf("%d records, error %v", len(records), err)
	}
	first, err := evidence.Decode(records[0].Leaf)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := evidence.OpenCheckpoint([]byte(last.Note), last.Key)
	if err != nil {
		t.Fatal(err)
	}
	heads, ok := first.Data["signed"].([]any)
	if !ok || len(heads) != 1 {
		t.Fatalf("the first record is %+v", first)
	}
	head := heads[0].(evidence.Fields)
	if head["origin"] != signed.Origin || head["size"].(int64) < signed.Tree.Size || first.Data["former_key"] != last.Key {
		t.Errorf("it names %v, signed was %+v", head, signed)
	}
	covered := first.Data["former"].(evidence.Fields)
	if diff := cmp.Diff(report.Checkpoint.Tree.Size, covered["size"]); diff != "" {
		t.Errorf("the records that are kept (-verified +named):\n%s", diff)
	}
}
