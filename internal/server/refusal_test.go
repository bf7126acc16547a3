package server_test

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/clock"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/server"
)

func problemIn(t *testing.T, a answer) api.Problem {
	t.Helper()
	var problem api.Problem
	media, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err := json.Unmarshal(a.body, &problem); err != nil || media != "application/problem+json" || problem.Status != a.status || problem.Detail == "" {
		t.Errorf("%d %s is no problem: %s (%v)", a.status, media, a.body, err)
	}
	return problem
}

func TestEveryRefusalIsAProblemThatNamesTheField(t *testing.T) {
	h := build(t, t.TempDir()+"/stint.db")
	template := func(duration string) string {
		return `{"name":"t","entitlements":[],"eligibility_policies":[],"duration":{"default":"` + duration + `","max":"1h"},` +
			`"activate_within":"15m","justification":"optional","approval":{"automatic":true},"revoke_on_destroy":false}`
	}
	identity := `{"name":"bob","type":"human","groups":[]}`
	for _, tc := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		code, field              string
	}{
		{"no such path", "GET", "/v2", "", nil, 404, api.CodeNotFound, ""},
		{"no such object", "GET", "/v1/identities/bob", "", nil, 404, api.CodeNotFound, ""},
		{"method", "PATCH", "/v1/identities/bob", "", nil, 405, api.CodeMethodNotAllowed, ""},
		{"no token", "GET", "/v1/whoami", "", []string{"Authorization", ""}, 401, api.CodeUnauthenticated, ""},
		{"other scheme", "GET", "/v1/whoami", "", []string{"Authorization", "Basic eDp5"}, 401, api.CodeUnauthenticated, ""},
		{"wrong token", "GET", "/v1/whoami", "", []string{"Authorization", "Bearer stint_x"}, 401, api.CodeUnauthenticated, ""},
		{"no precondition", "PUT", "/v1/identities/bob", identity, nil, 428, api.CodePrecondition, ""},
		{"deletion without precondition", "DELETE", "/v1/identities/bob", "", nil, 428, api.CodePrecondition, ""},
		{"malformed precondition", "DELETE", "/v1/identities/bob", "", []string{"If-Match", "1"}, 400, api.CodeMalformed, ""},
		{"another object", "PUT", "/v1/identities/eve", identity, []string{"If-None-Match", "*"}, 422, api.CodeInvalid, ""},
		{"not JSON", "PUT", "/v1/identities/bob", `{"name"`, []string{"If-None-Match", "*"}, 400, api.CodeMalformed, "body"},
		{"no body", "PUT", "/v1/identities/bob", "", []string{"If-None-Match", "*"}, 400, api.CodeMalformed, ""},
		{"other media type", "PUT", "/v1/identities/bob", identity, []string{"If-None-Match", "*", "Content-Type", "text/plain"}, 415, api.CodeMalformed, "body"},
		{"unknown member", "PUT", "/v1/identities/bob", `{"name":"bob","type":"human","groups":[],"colour":"red"}`, []string{"If-None-Match", "*"}, 422, api.CodeInvalid, "colour"},
		{"server's member", "PUT", "/v1/identities/bob", `{"name":"bob","type":"human","groups":[],"version":7}`, []string{"If-None-Match", "*"}, 422, api.CodeInvalid, "version"},
		{"missing member", "PUT", "/v1/identities/bob", `{"name":"bob","groups":[]}`, []string{"If-None-Match", "*"}, 422, api.CodeInvalid, "type"},
		{"wrong type", "PUT", "/v1/identities/bob", `{"name":"bob","type":"human","groups":[7]}`, []string{"If-None-Match", "*"}, 422, api.CodeInvalid, "groups[0]"},
		{"no duration", "PUT", "/v1/grant-templates/t", template("90 minutes"), []string{"If-None-Match", "*"}, 422, api.CodeInvalid, "duration.default"},
		{"the engine's check", "PUT", "/v1/grant-templates/t", template("2h"), []string{"If-None-Match", "*"}, 422, api.CodeInvalid, "duration.default"},
		{"endless body", "PUT", "/v1/identities/bob", strings.Repeat(" ", 1<<20+1), []string{"If-None-Match", "*"}, 413, api.CodeTooLarge, ""},
		{"limit", "GET", "/v1/identities?limit=10001", "", nil, 422, api.CodeInvalid, "limit"},
		{"no number", "GET", "/v1/identities?limit=ten", "", nil, 422, api.CodeInvalid, "limit"},
		{"cursor", "GET", "/v1/identities?cursor=x", "", nil, 400, api.CodeMalformed, ""},
		{"unknown parameter", "GET", "/v1/grants?stat=active", "", nil, 422, api.CodeInvalid, "stat"},
		{"unknown application", "POST", "/v1/applications/x/sync", "", nil, 404, api.CodeNotFound, ""},
		{"unknown request", "POST", "/v1/requests/x/approve", "", nil, 404, api.CodeNotFound, ""},
		{"unknown grant", "POST", "/v1/grants/x/revoke", "", nil, 404, api.CodeNotFound, ""},
		{"unknown token", "DELETE", "/v1/tokens/x", "", nil, 404, api.CodeNotFound, ""},
	} {
		got := h.send(t, tc.method, tc.path, tc.body, tc.headers...)
		problem := problemIn(t, got)
		if got.status != tc.status || problem.Code != tc.code {
			t.Errorf("%s: %d %s, want %d %s", tc.name, got.status, got.body, tc.status, tc.code)
		}
		if tc.field == "" {
			continue
		}
		named := false
		for _, p := range problem.Errors {
			named = named || p.Field == tc.field
		}
		if !named {
			t.Errorf("%s: %s is not named in %s", tc.name, tc.field, got.body)
		}
	}
}

func TestRefusedMethodAndTokenSayWhatIsWanted(t *testing.T) {
	h := build(t, t.TempDir()+"/stint.db")
	if got := h.send(t, "POST", "/v1/whoami", ""); got.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow is %q", got.header.Get("Allow"))
	}
	if got := h.send(t, "GET", "/v1/whoami", "", "Authorization", ""); !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("WWW-Authenticate is %q", got.header.Get("WWW-Authenticate"))
	}
}

func TestHealthReadinessAndDocumentNeedNoToken(t *testing.T) {
	h := build(t, t.TempDir()+"/stint.db")
	for _, path := range []string{"/healthz", "/openapi.json"} {
		if got := h.send(t, "GET", path, "", "Authorization", ""); got.status != http.StatusOK || !json.Valid(got.body) {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := h.send(t, "GET", "/openapi.json", "").body; !bytes.Contains(got, []byte(`"openapi":"3.1.0"`)) {
		t.Errorf("the document is not OpenAPI 3.1: %.200s", got)
	}
	eventually(t, "readiness", func() bool { return h.root.Ready(t.Context()) == nil })
	if got := h.send(t, "GET", "/docs", ""); got.status != http.StatusNotFound {
		t.Errorf("a documentation page is served: %d", got.status)
	}
}

func TestServerIsNotReadyWhileTheEngineDoesNotRun(t *testing.T) {
	logger := hclog.NewNullLogger()
	folder := t.TempDir()
	e, err := engine.Open(t.Context(), engine.Config{
		Database: filepath.Join(folder, "stint.db"), EvidenceDir: filepath.Join(folder, "evidence"),
		Connectors: connector.NewRegistry(), Clock: clock.System{}, Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	recorder := httptest.NewRecorder()
	server.New(e, server.Config{}, logger).ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
	if problem := problemIn(t, answer{recorder.Code, recorder.Header(), recorder.Body.Bytes()}); problem.Code != api.CodeUnavailable {
		t.Errorf("%+v", problem)
	}
	var told api.NotReady
	if err := json.Unmarshal(recorder.Body.Bytes(), &told); err != nil {
		t.Fatal(err)
	}
	want := map[string]api.Check{
		"workers": {Detail: "the engine's workers are not running"}, "database": {OK: true}, "schema": {OK: true}, "clock": {OK: true}, "evidence": {OK: true}, "ledger": {OK: true}, "state": {OK: true},
	}
	if diff := cmp.Diff(want, told.Checks); diff != "" || recorder.Header().Get("Retry-After") == "" {
		t.Errorf("Retry-After %q, checks (-want +got):\n%s", recorder.Header().Get("Retry-After"), diff)
	}
}
