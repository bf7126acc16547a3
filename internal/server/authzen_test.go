package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// enforced is a house whose answers enforcement points ask for. In its target
// alice holds billing_read, which may stand, bob holds billing_admin, which may
// not, and zoe, who is suspended, holds billing_read; the agent deploy-bot has a
// grant of billing_write, which includes billing_read and payments.
type enforced struct {
	*house
	tokens map[string]string
}

func enforce(t *testing.T, h *house) *enforced {
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

func (e *enforced) token(t *testing.T, who governance.IdentityID, roles ...api.Role) string {
	t.Helper()
	made, err := e.root.CreateToken(t.Context(), api.TokenInput{Name: "test", Identity: who, Roles: roles})
	if err != nil {
		t.Fatal(err)
	}
	return made.Secret
}

func (e *enforced) declarePolicy(t *testing.T, target *pgtest.Server) {
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
func (e *enforced) grant(t *testing.T, who string, template governance.TemplateID) governance.GrantID {
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

func ask(subject, action, entitlement string) string {
	return fmt.Sprintf(`{"subject":{"type":"identity","id":%q},"action":{"name":%q},"resource":{"type":"entitlement","id":"billing/role/%s"}}`, subject, action, entitlement)
}
