package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/clock"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/server"
)

// enforced is a house whose answers enforcement points ask for. In its target
// alice holds billing_read, which may stand, bob holds billing_admin, which may
// not, and zoe, who is suspended, holds billing_read; the agent deploy-bot has a
// grant of billing_write, which includes billing_read and payments.
type enforced struct {
	*house
	tokens map[string]string
}

func enforce(t testing.TB, h *house) *enforced {
	t.Helper()
	e := &enforced{house: h, tokens: map[string]string{"stranger": "stint_nobodys"}}
	target := pgtest.Start(t, pgtest.WithoutFsync())
	target.Exec(t, "postgres", "CREATE ROLE stint LOGIN SUPERUSER PASSWORD 'stint'",
		"CREATE ROLE billing_read", "CREATE ROLE payments", "CREATE ROLE billing_write IN ROLE billing_read, payments", "CREATE ROLE billing_admin",
		"CREATE ROLE alice LOGIN IN ROLE billing_read", "CREATE ROLE bob LOGIN IN ROLE billing_admin", "CREATE ROLE zoe LOGIN IN ROLE billing_read", `CREATE ROLE "deploy-bot" LOGIN`)
	if err := os.MkdirAll(filepath.Join(h.secrets, "billing"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.secrets, "billing", "password"), []byte("stint"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, i := range []governance.Identity{
		{Name: "alice", Type: governance.Human, Groups: []string{"oncall"}}, {Name: "bob", Type: governance.Human, Groups: []string{}},
		{Name: "zoe", Type: governance.Human, Groups: []string{"oncall"}}, {Name: "deploy-bot", Type: governance.Agent, Owner: "alice", Groups: []string{"oncall"}},
		{Name: "udo", Type: governance.Human, Groups: []string{}}, {Name: "ada", Type: governance.Human, Groups: []string{}},
	} {
		h.declare(t, i)
	}
	e.tokens["alice"], e.tokens["auditor"] = e.token(t, "alice"), e.token(t, "udo", api.RoleAuditor)
	e.tokens["admin"], e.tokens["deploy-bot"] = e.token(t, "ada", api.RoleAdmin), e.token(t, "deploy-bot")
	e.declarePolicy(t, target)
	ada := h.as(t, e.tokens["admin"])
	if _, err := ada.OpenEvent(t.Context(), governance.BusinessEvent{Name: "INC-1", Kind: governance.Incident, EndsAt: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if _, err := ada.SetStatus(t.Context(), "zoe", governance.Suspended); err != nil {
		t.Fatal(err)
	}
	e.grant(t, "deploy-bot", "auto")
	return e
}

func (e *enforced) token(t testing.TB, who governance.IdentityID, roles ...api.Role) string {
	t.Helper()
	made, err := e.root.CreateToken(t.Context(), api.TokenInput{Name: "test", Identity: who, Roles: roles})
	if err != nil {
		t.Fatal(err)
	}
	return made.Secret
}

func (e *enforced) declarePolicy(t testing.TB, target *pgtest.Server) {
	t.Helper()
	connector, err := json.Marshal(map[string]any{"host": target.Host(), "port": target.Port(), "username": "stint", "password_ref": "file:password", "sslmode": "disable"})
	if err != nil {
		t.Fatal(err)
	}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, root := t.Context(), e.root
	must(client.Create(ctx, root, api.Applications, governance.Application{
		Name: "billing", Connector: map[string]json.RawMessage{"postgresql": connector},
		Correlation: "account.name == identity.name", Discovery: governance.DiscoverySchedule{Interval: governance.Duration(time.Hour)},
	}))
	for name, standing := range map[string]governance.Standing{
		"billing_read": governance.StandingAllowed, "billing_write": governance.StandingForbidden, "billing_admin": governance.StandingForbidden, "payments": governance.StandingForbidden,
	} {
		must(client.Create(ctx, root, api.Entitlements, governance.Entitlement{Application: "billing", Kind: "role", NativeID: name, Risk: governance.RiskHigh, Standing: standing}))
	}
	write, admin := governance.EntitlementID("billing/role/billing_write"), governance.EntitlementID("billing/role/billing_admin")
	must(client.Create(ctx, root, api.EligibilityPolicies, governance.EligibilityPolicy{
		Name: "oncall", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{write, admin}, Condition: `contains(identity.groups, "oncall")`,
	}))
	template := governance.GrantTemplate{
		Name: "auto", Entitlements: []governance.EntitlementID{write}, EligibilityPolicies: []governance.PolicyID{"oncall"},
		Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(time.Hour)},
		ActivateWithin: governance.Duration(time.Minute), Justification: governance.JustificationOptional,
		Approval: governance.ApprovalDefinition{Automatic: true},
	}
	must(client.Create(ctx, root, api.GrantTemplates, template))
	template.Name, template.Entitlements = "incident-admin", []governance.EntitlementID{admin}
	template.BusinessEvent = &governance.EventRequirement{Kinds: []governance.EventKind{governance.Incident}}
	must(client.Create(ctx, root, api.GrantTemplates, template))
}

// grant takes a request through an automatic template to its active grant.
func (e *enforced) grant(t testing.TB, who string, template governance.TemplateID) governance.GrantID {
	t.Helper()
	asker := e.as(t, e.tokens[who])
	request, err := asker.Request(t.Context(), api.RequestInput{Template: template})
	if err != nil || len(request.Grants) != 1 {
		t.Fatalf("request: %+v, %v", request, err)
	}
	eventually(t, "the grant's activation", func() bool {
		grant, err := asker.GetGrant(t.Context(), request.Grants[0])
		if err != nil {
			t.Fatal(err)
		}
		return grant.State == governance.GrantActive
	})
	return request.Grants[0]
}

// The wire-level cases of the specification and of its certification scenario,
// in Stint's words.
func TestAuthZENAnswersExactly(t *testing.T) {
	e := enforce(t, build(t, filepath.Join(t.TempDir(), "stint.db")))
	files, err := filepath.Glob("testdata/authzen/*.txtar")
	if err != nil || len(files) != 3 {
		t.Fatalf("cases: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			captured := map[string]string{}
			for i := 0; i+1 < len(archive.Files); i += 2 {
				request, answer := archive.Files[i], archive.Files[i+1]
				t.Run(request.Name, func(t *testing.T) {
					e.exchange(t, request, answer, captured)
				})
			}
		})
	}
}

// message is a request or an answer of a case.
type message struct {
	first   string
	headers [][2]string
	body    string
}

func parseMessage(data []byte, hasFirst bool) message {
	head, body, _ := strings.Cut("\n"+string(data), "\n\n")
	var m message
	lines := strings.Split(strings.TrimPrefix(head, "\n"), "\n")
	if hasFirst {
		m.first, lines = lines[0], lines[1:]
	}
	for _, line := range lines {
		if name, value, ok := strings.Cut(line, ": "); ok {
			m.headers = append(m.headers, [2]string{name, value})
		}
	}
	m.body = strings.TrimSuffix(body, "\n")
	return m
}

var (
	placeholder       = regexp.MustCompile(`\{\{token (\w+)\}\}`)
	quotedPlaceholder = regexp.MustCompile(`\\\{\\\{token (\w+)\\\}\\\}`)
)

func (e *enforced) exchange(t *testing.T, request, answer txtar.File, captured map[string]string) {
	t.Helper()
	status, is := strings.CutPrefix(answer.Name, request.Name+": ")
	want, err := strconv.Atoi(status)
	if !is || err != nil {
		t.Fatalf("%q is followed by %q, which is not its answer", request.Name, answer.Name)
	}
	asked := parseMessage(request.Data, true)
	fields := strings.Fields(asked.first)
	headers := []string{"Content-Type", "application/json", "Authorization", ""}
	if len(fields) == 4 {
		headers[3] = "Bearer " + e.tokens[fields[3]]
	}
	for _, h := range asked.headers {
		headers = append(headers, h[0], h[1])
	}
	body := placeholder.ReplaceAllStringFunc(asked.body, func(s string) string { return captured[placeholder.FindStringSubmatch(s)[1]] })
	got := e.send(t, fields[0], fields[1], body, headers...)
	expected := parseMessage(answer.Data, false)
	if got.status != want {
		t.Errorf("status %d, want %d: %s", got.status, want, got.body)
	}
	for _, h := range expected.headers {
		if got.header.Get(h[0]) != h[1] {
			t.Errorf("%s: %q, want %q", h[0], got.header.Get(h[0]), h[1])
		}
	}
	if want == http.StatusMethodNotAllowed {
		return
	}
	compareBodies(t, string(got.body), expected.body, want == http.StatusOK, captured)
}

// compareBodies compares whole bodies. A placeholder of the expected one takes
// what the other has in its place.
func compareBodies(t *testing.T, got, want string, isJSON bool, captured map[string]string) {
	t.Helper()
	got = strings.TrimSuffix(got, "\n")
	if isJSON {
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(want)); err != nil {
			t.Fatal(err)
		}
		want = compact.String()
	}
	re, err := regexp.Compile("^" + quotedPlaceholder.ReplaceAllString(regexp.QuoteMeta(want), `(?P<$1>[A-Za-z0-9_-]+)`) + "$")
	if err != nil {
		t.Fatal(err)
	}
	match := re.FindStringSubmatch(got)
	if match == nil {
		t.Errorf("answered\n%s\nwant\n%s", got, want)
		return
	}
	for i, name := range re.SubexpNames() {
		if name != "" {
			captured[name] = match[i]
		}
	}
}

// question is a body that asks about one of the house's roles.
func question(subject, action, role string) string {
	return fmt.Sprintf(`{"subject":{"type":"identity","id":%q},"action":{"name":%q},"resource":{"type":"entitlement","id":"billing/role/%s"}}`, subject, action, role)
}

func TestAuthZENKnowsAtOnceWhatThisServerTookAway(t *testing.T) {
	e := enforce(t, build(t, filepath.Join(t.TempDir(), "stint.db")))
	decision := func(token, subject, role string) string {
		t.Helper()
		return string(e.send(t, http.MethodPost, "/access/v1/evaluation", question(subject, "use", role), "Content-Type", "application/json", "Authorization", "Bearer "+token).body)
	}
	const yes, no = `{"decision":true}` + "\n", `{"decision":false}` + "\n"
	pep, admin := e.tokens["auditor"], e.as(t, e.tokens["admin"])
	if got := decision(pep, "deploy-bot", "billing_write"); got != yes {
		t.Fatalf("before the grant is returned: %s", got)
	}
	grants, err := admin.Grants(t.Context(), client.GrantFilter{Live: true})
	if err != nil || len(grants.Items) != 1 {
		t.Fatalf("grants: %+v, %v", grants.Items, err)
	}
	if _, err := admin.Revoke(t.Context(), grants.Items[0].ID, "enough"); err != nil {
		t.Fatal(err)
	}
	if got := decision(pep, "deploy-bot", "billing_write"); got != no {
		t.Errorf("after the grant was revoked: %s", got)
	}
	if got := decision(pep, "alice", "billing_read"); got != yes {
		t.Errorf("before alice is suspended: %s", got)
	}
	if _, err := admin.SetStatus(t.Context(), "alice", governance.Suspended); err != nil {
		t.Fatal(err)
	}
	if got := decision(pep, "alice", "billing_read"); got != no {
		t.Errorf("after alice was suspended: %s", got)
	}
	if got := decision(e.tokens["alice"], "alice", "billing_read"); got != "the token is not valid (any more)\n" {
		t.Errorf("with the token of an identity that was suspended: %s", got)
	}
}

func TestAuthZENBatchIsBounded(t *testing.T) {
	h := build(t, filepath.Join(t.TempDir(), "stint.db"))
	batch := func(n int) answer {
		t.Helper()
		body := strings.TrimSuffix(question("bootstrap", "use", "billing_read"), "}") + `,"evaluations":[{}` + strings.Repeat(",{}", n-1) + "]}"
		return h.send(t, http.MethodPost, "/access/v1/evaluations", body, "Content-Type", "application/json")
	}
	if got := batch(api.AuthZENMaxEvaluations); got.status != http.StatusOK || strings.Count(string(got.body), "false") != api.AuthZENMaxEvaluations {
		t.Errorf("%d, %d bytes", got.status, len(got.body))
	}
	if got := batch(api.AuthZENMaxEvaluations + 1); got.status != http.StatusBadRequest || !strings.Contains(string(got.body), "more than the 1000") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// A page never mixes two states: what is found moved, so the search begins anew.
func TestAuthZENPageIsRefusedOnceTheResultsHaveChanged(t *testing.T) {
	e := enforce(t, build(t, filepath.Join(t.TempDir(), "stint.db")))
	search := func(page string) answer {
		t.Helper()
		body := `{"subject":{"type":"identity"},"action":{"name":"use"},"resource":{"type":"entitlement","id":"billing/role/billing_read"},"page":` + page + `}`
		return e.send(t, http.MethodPost, "/access/v1/search/subject", body, "Content-Type", "application/json")
	}
	var first api.AuthZENResults[api.AuthZENFoundEntity]
	if err := json.Unmarshal(search(`{"limit":1}`).body, &first); err != nil || first.Page == nil || first.Page.NextToken == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	next := fmt.Sprintf(`{"token":%q}`, first.Page.NextToken)
	if got := search(next); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if _, err := e.root.SetStatus(t.Context(), "zoe", governance.Active); err != nil {
		t.Fatal(err)
	}
	if got := search(next); got.status != http.StatusBadRequest || !strings.Contains(string(got.body), "has changed since its first page") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestAuthZENConfigurationTellsWhereItWasReached(t *testing.T) {
	h := build(t, filepath.Join(t.TempDir(), "stint.db"))
	got := h.send(t, http.MethodGet, "/.well-known/authzen-configuration", "", "Authorization", "", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https", "X-Request-ID", "r 1")
	want := strings.ReplaceAll(`{"policy_decision_point":"@","access_evaluation_endpoint":"@/access/v1/evaluation","access_evaluations_endpoint":"@/access/v1/evaluations",`+
		`"search_subject_endpoint":"@/access/v1/search/subject","search_resource_endpoint":"@/access/v1/search/resource","search_action_endpoint":"@/access/v1/search/action"}`, "@", h.endpoint) + "\n"
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" || string(got.body) != want {
		t.Errorf("%d %v\n%s", got.status, got.header, got.body)
	}
	if got.header.Get("Cache-Control") != "no-store" || got.header.Get("X-Request-ID") != "r 1" {
		t.Errorf("headers: %v", got.header)
	}
}

func TestAuthZENConfigurationTellsTheExternalURL(t *testing.T) {
	e, err := engine.Open(t.Context(), engine.Config{
		Database: filepath.Join(t.TempDir(), "stint.db"), EvidenceDir: filepath.Join(t.TempDir(), "evidence"),
		Connectors: connector.NewRegistry(), Clock: clock.System{}, Logger: hclog.NewNullLogger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	for external, path := range map[string]string{
		"https://pdp.example.com": "", "https://pdp.example.com/": "", "https://pdp.example.com/stint": "/stint", "https://pdp.example.com/a/b/": "/a/b",
	} {
		s := server.New(e, server.Config{ExternalURL: external}, hclog.NewNullLogger())
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/.well-known/authzen-configuration"+path, nil))
		var told api.AuthZENConfiguration
		if err := json.Unmarshal(answer.Body.Bytes(), &told); err != nil {
			t.Fatal(err)
		}
		base := "https://pdp.example.com" + path
		if told.PolicyDecisionPoint != base || told.AccessEvaluationEndpoint != base+"/access/v1/evaluation" || answer.Header().Get("Cache-Control") != "public, max-age=3600" {
			t.Errorf("%s: %+v %v", external, told, answer.Header())
		}
	}
	for _, external := range []string{"http://pdp.example.com", "pdp.example.com", "https://", "https://u:p@h", "https://h?x=1", "https://h#x", "https://h/{id}", "https://h/a//b", "https://h/.."} {
		s := server.New(e, server.Config{Listen: "127.0.0.1:0", ExternalURL: external}, hclog.NewNullLogger())
		if _, err := s.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), "external URL") {
			t.Errorf("%s: %v", external, err)
		}
	}
}

// BenchmarkAuthZENEvaluation measures one evaluation inside the server, and one
// over a connection that is kept.
func BenchmarkAuthZENEvaluation(b *testing.B) {
	e := enforce(b, build(b, filepath.Join(b.TempDir(), "stint.db")))
	body, authorization := []byte(question("deploy-bot", "use", "billing_write")), "Bearer "+e.tokens["auditor"]
	b.Run("handler", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/access/v1/evaluation", bytes.NewReader(body))
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", authorization)
			answer := httptest.NewRecorder()
			e.server.ServeHTTP(answer, request)
			if answer.Body.Len() != len(`{"decision":true}`)+1 {
				b.Fatalf("%d %s", answer.Code, answer.Body)
			}
		}
	})
	b.Run("loopback", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if got := e.send(b, http.MethodPost, "/access/v1/evaluation", string(body), "Content-Type", "application/json", "Authorization", authorization); got.status != http.StatusOK {
					b.Errorf("%d %s", got.status, got.body)
				}
			}
		})
	})
}
