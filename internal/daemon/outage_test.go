package daemon_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
)

// While its database is away a server says so, to whoever asks and to its load
// balancer; when the database is back it goes on, first of all with what has come
// to its end meanwhile.
func TestServerOutlivesItsDatabase(t *testing.T) {
	database, target := pgtest.Start(t, pgtest.WithoutFsync()), pgtest.Start(t, pgtest.WithoutFsync())
	target.Exec(t, "postgres", `CREATE ROLE billing_admin`, `CREATE ROLE alice LOGIN`)
	t.Setenv("STINT_SECRET_BILLING_PASSWORD", target.Password())
	folder := t.TempDir()
	server := startServer(t, []string{"server", "--listen", "127.0.0.1:0", "--data-dir", folder, "--database", pgtest.Sparing(database.URL("postgres"))})
	root := bootstrapToken(t, folder)
	alice := connect(t, server.endpoint, declare(t, server.endpoint, root, target, 2*time.Second, "alice")["alice"])
	grant := untilActive(t, alice)

	database.Stop(t)
	eventually(t, "the server is not ready", func() bool { return readiness(t, server.endpoint).status == http.StatusServiceUnavailable })
	if got := readiness(t, server.endpoint); got.Checks["database"].OK || !got.Checks["workers"].OK {
		t.Errorf("without its database: %+v", got.Checks)
	}
	for _, path := range []string{"/v1/grants/" + string(grant.ID), "/v1/whoami", "/v1/grants"} {
		if status, again := fetch(t, server.endpoint+path, root); status != http.StatusServiceUnavailable || again == "" {
			t.Errorf("%s is answered %d with Retry-After %q", path, status, again)
		}
	}
	if status, _ := fetch(t, server.endpoint+"/healthz", ""); status != http.StatusOK {
		t.Errorf("/healthz is answered %d: it would be restarted, and come back to the same", status)
	}
	<-time.After(time.Until(grant.NotAfter))
	if !isMember(t, target) {
		t.Fatal("the right is gone, and nobody can have taken it back")
	}

	database.Restart(t)
	back := time.Now()
	eventually(t, "the right is taken back", func() bool { return !isMember(t, target) })
	t.Logf("taken back %s after the database was", time.Since(back).Round(time.Millisecond))
	eventually(t, "the server is ready", func() bool { return readiness(t, server.endpoint).status == http.StatusOK })
	eventually(t, "the grant is over", func() bool {
		g, err := alice.GetGrant(t.Context(), grant.ID)
		if err != nil {
			t.Fatal(err)
		}
		return !g.State.Live()
	})
	eventually(t, "the log tells of one end", func() bool {
		return verify(t, connect(t, server.endpoint, root)).Kinds["grant.ended"] == 1
	})
	if server.isOver() {
		t.Error("the process ended")
	}
}

// fetch is the status and the Retry-After of an answer.
func fetch(t *testing.T, url, token string) (status int, retryAfter string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode, response.Header.Get("Retry-After")
}

// verify reads the whole log over the API and checks it, as an auditor does.
func verify(t *testing.T, auditor *client.Client) evidence.Report {
	t.Helper()
	checkpoint, err := auditor.EvidenceCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	opened, err := evidence.OpenCheckpoint([]byte(checkpoint.Note), checkpoint.Key)
	if err != nil {
		t.Fatal(err)
	}
	report, err := evidence.Verify(func(yield func(evidence.Entry, error) bool) {
		for at := int64(0); at < opened.Tree.Size; {
			records, err := auditor.EvidenceRecords(t.Context(), at, int(opened.Tree.Size-at))
			if err != nil || len(records) == 0 {
				yield(evidence.Entry{}, err)
				return
			}
			for _, r := range records {
				if !yield(evidence.Entry{Leaf: r.Leaf, Disclosures: []byte(r.Disclosures)}, nil) {
					return
				}
				at++
			}
		}
	}, evidence.Anchor{Checkpoint: []byte(checkpoint.Note), VerifierKey: checkpoint.Key})
	if err != nil {
		t.Fatal(err)
	}
	return report
}
