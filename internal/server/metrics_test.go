package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestMetricsAreForWhoeverMonitors(t *testing.T) {
	h := build(t, t.TempDir()+"/stint.db")
	h.declare(t, governance.Identity{Name: "ida", Type: governance.Human, Groups: []string{}})
	h.declare(t, governance.Identity{Name: "prometheus", Type: governance.ServiceAccount, Owner: "ida", Groups: []string{}})
	with := func(roles ...api.Role) (string, answer) {
		made, err := h.root.CreateToken(t.Context(), api.TokenInput{Name: "test", Identity: "prometheus", Roles: roles})
		if err != nil {
			t.Fatal(err)
		}
		return made.Secret, h.send(t, http.MethodGet, "/metrics", "", "Authorization", "Bearer "+made.Secret)
	}
	if got := h.send(t, http.MethodGet, "/metrics", "", "Authorization", ""); got.status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", got.status)
	}
	for _, role := range []api.Role{"", api.RoleAuthor} {
		var roles []api.Role
		if role != "" {
			roles = append(roles, role)
		}
		if _, got := with(roles...); got.status != http.StatusForbidden || !strings.Contains(string(got.body), "monitor") {
			t.Errorf("with the role %q: %d %s", role, got.status, got.body)
		}
	}
	secret, got := with(api.RoleMonitor)
	if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") || !strings.Contains(string(got.body), "\nstint_build_info{") || !strings.Contains(string(got.body), "\ngo_goroutines ") {
		t.Errorf("with the role monitor: %d %.500s", got.status, got.body)
	}
	monitor := h.as(t, secret)
	if _, err := monitor.Operations(t.Context(), client.OperationFilter{}); !client.HasCode(err, api.CodeForbidden) {
		t.Errorf("who monitors lists operations: %v", err)
	}
	if _, err := monitor.Decide(t.Context(), api.DecisionInput{Identity: "bob", RequestInput: api.RequestInput{Template: "any"}}); !client.HasCode(err, api.CodeForbidden) {
		t.Errorf("who monitors asks what somebody else would get: %v", err)
	}
}
