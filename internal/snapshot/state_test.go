package snapshot_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/snapshot"
)

// moving is a server whose declared state changes once while each of the first
// reads is under way.
func moving(t *testing.T, reads int) *client.Client {
	t.Helper()
	begun := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/business-events" {
			begun++
		}
		revision := int64(begun)
		if begun <= reads && r.URL.Path == "/v1/discovered/assignments" {
			revision++
		}
		var answer any = api.Page[json.RawMessage]{Items: []json.RawMessage{}, Stamp: api.Stamp{Digest: "d", Revision: revision, Checkpoint: api.Checkpoint{Size: 100 * revision}}}
		if r.URL.Path == "/v1/snapshot" {
			answer = api.Snapshot{Revision: revision}
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{Endpoint: server.URL, Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAStateThatMovesIsReadAgainAndThenGivenUp(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	settled, err := snapshot.Take(t.Context(), moving(t, 5), now)
	if err != nil || settled.Revision != 6 || settled.Checkpoint.Size != 600 || !settled.TakenAt.Equal(now) {
		t.Errorf("%+v, %v", settled, err)
	}
	if _, err := snapshot.Take(t.Context(), moving(t, 6), now); err == nil || !strings.Contains(err.Error(), "changed 6 times while it was read") {
		t.Errorf("it never settles: %v", err)
	}
}
