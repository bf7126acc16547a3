package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestAHookTakesDeliveriesWithoutATokenOfTheAPI(t *testing.T) {
	t.Setenv("STINT_SECRET_SOURCE_PAGER_TOKEN", "s3cret")
	h := build(t, t.TempDir()+"/stint.db")
	if _, err := client.Create(t.Context(), h.root, api.EventSources, governance.EventSource{
		Name:      "pager",
		Signature: governance.EventSignature{Bearer: &governance.BearerSignature{SecretRef: "env:STINT_SECRET_SOURCE_PAGER_TOKEN"}},
		Fields:    map[string]governance.PayloadField{"id": {Path: "/id", Type: governance.StringAttribute}},
		Mapping: governance.EventMapping{
			Action: `"open"`, Key: `field.id != null ? field.id : ""`, Name: `field.id != null ? field.id : ""`, Kind: `"incident"`, EndsIn: `duration("1h")`,
		},
	}); err != nil {
		t.Fatal(err)
	}
	const right = "Bearer s3cret"
	var unauthenticated []string
	for name, c := range map[string]struct {
		path, authorization, body string
		status                    int
		says                      string
	}{
		"right":          {"pager", right, `{"id": "INC-1"}`, http.StatusOK, `"action":"open"`},
		"without a key":  {"pager", right, `{}`, http.StatusUnprocessableEntity, "mapping.key"},
		"no JSON":        {"pager", right, `id=1`, http.StatusUnprocessableEntity, "not JSON"},
		"too large":      {"pager", right, strings.Repeat(" ", 1<<20+1), http.StatusRequestEntityTooLarge, "larger than"},
		"wrong token":    {"pager", "Bearer other", `{"id": "INC-1"}`, http.StatusUnauthorized, "not authenticated"},
		"API token":      {"pager", "Bearer " + h.token, `{"id": "INC-1"}`, http.StatusUnauthorized, "not authenticated"},
		"no such source": {"other", right, `{"id": "INC-1"}`, http.StatusUnauthorized, "not authenticated"},
	} {
		got := h.send(t, http.MethodPost, "/hooks/v1/"+c.path, c.body, "Authorization", c.authorization)
		if got.status != c.status || !strings.Contains(string(got.body), c.says) {
			t.Errorf("%s: %d %s, want %d and %q", name, got.status, got.body, c.status, c.says)
		}
		if c.status == http.StatusUnauthorized {
			unauthenticated = append(unauthenticated, string(got.body))
		}
	}
	for _, body := range unauthenticated {
		if body != unauthenticated[0] {
			t.Errorf("the answers tell sources apart: %s and %s", unauthenticated[0], body)
		}
	}
	if wrong := h.send(t, http.MethodGet, "/hooks/v1/pager", ""); wrong.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", wrong.status)
	}
}
