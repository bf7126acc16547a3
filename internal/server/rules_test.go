package server

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine"
)

// operationsOf are the operations that are really registered.
func operationsOf(t *testing.T) map[string]*huma.Operation {
	t.Helper()
	operations, _ := documentOf(t)
	return operations
}

func documentOf(t *testing.T) (map[string]*huma.Operation, *huma.OpenAPI) {
	t.Helper()
	s := &Server{engine: &engine.Engine{}, logger: hclog.NewNullLogger()}
	registered := s.newAPI(http.NewServeMux())
	s.register(&router{server: s, api: registered})
	all := map[string]*huma.Operation{}
	for _, path := range registered.OpenAPI().Paths {
		for _, op := range []*huma.Operation{path.Get, path.Put, path.Post, path.Delete, path.Patch} {
			if op != nil {
				all[op.OperationID] = op
			}
		}
	}
	return all, registered.OpenAPI()
}

func TestEveryOperationHasARuleAndEveryRuleAnOperation(t *testing.T) {
	registered := slices.Sorted(maps.Keys(operationsOf(t)))
	if diff := cmp.Diff(slices.Sorted(maps.Keys(rules())), registered); diff != "" {
		t.Errorf("rules and operations differ (-rules +operations):\n%s", diff)
	}
}

// The whole table as a reader would want to see it: who may use what.
func TestRolesOpenWhatTheyAreFor(t *testing.T) {
	may := func(roles ...api.Role) string {
		var open []string
		for name, rule := range rules() {
			if rule.admits(roles) {
				open = append(open, name)
			}
		}
		slices.Sort(open)
		return strings.Join(open, " ")
	}
	nobody := may()
	want := "approve-request attest-identity authzen-configuration authzen-evaluation authzen-evaluations " +
		"authzen-search-action authzen-search-resource authzen-search-subject decide eligible extend-grant " +
		"get-business-event get-entitlement get-grant get-grant-template get-request " +
		"list-business-events list-entitlements list-grant-templates list-grants list-owned-identities list-requests " +
		"reject-request request return-grant review-request whoami withdraw-request"
	if nobody != want {
		t.Errorf("without a role:\ngot  %s\nwant %s", nobody, want)
	}
	if monitor := may(api.RoleMonitor); monitor != nobody {
		t.Errorf("who monitors may use %s", monitor)
	}
	for role, only := range map[api.Role][]string{
		api.RoleAdmin:   {"create-token", "list-tokens", "revoke-token", "revoke-grant", "reset-clock", "resume", "retry-operation", "confirm-abandon", "confirm-retire", "withdraw-abandon", "withdraw-retire", "accept-mass-change"},
		api.RoleAuditor: {"evidence-checkpoint", "list-evidence-records"},
	} {
		for _, name := range only {
			for _, other := range []api.Role{api.RoleAdmin, api.RoleAuthor, api.RoleAuditor} {
				if got := rules()[name].admits([]api.Role{other}); got != (other == role) {
					t.Errorf("%s with role %s: %t", name, other, got)
				}
			}
		}
	}
	for name, rule := range rules() {
		writes := strings.HasPrefix(name, "put-") || strings.HasPrefix(name, "delete-")
		if writes && (!rule.admits([]api.Role{api.RoleAuthor}) || rule.admits([]api.Role{api.RoleAdmin, api.RoleAuditor})) {
			t.Errorf("%s is for authors and nobody else", name)
		}
		if strings.HasPrefix(name, "list-discovered-") && !rule.admits([]api.Role{api.RoleAuditor}) {
			t.Errorf("an auditor reads everything, %s too", name)
		}
	}
}

func TestOperationsDocumentWhatTheyDoAndAnswer(t *testing.T) {
	operations, document := documentOf(t)
	for name, op := range operations {
		if op.Summary == "" || len(op.Tags) != 1 {
			t.Errorf("%s: summary %q, tags %v", name, op.Summary, op.Tags)
		}
		refused := op.Responses["default"]
		if strings.HasPrefix(name, "authzen-") {
			if refused == nil || refused.Content["text/plain"] == nil || op.Responses["200"].Content["application/json"] == nil {
				t.Errorf("%s does not document its answers", name)
			}
			if op.RequestBody == nil {
				continue
			}
			schema := document.Components.Schemas.SchemaFromRef(op.RequestBody.Content["application/json"].Schema.Ref)
			if schema == nil || schema.AdditionalProperties != true {
				t.Errorf("%s does not document that it ignores members that it does not know", name)
			}
			continue
		}
		if refused == nil || refused.Content["application/problem+json"].Schema.Ref != "#/components/schemas/Problem" {
			t.Errorf("%s does not document its problems", name)
		}
		if put := strings.HasPrefix(name, "put-"); put && (op.Responses["200"] == nil || op.Responses["201"] == nil) {
			t.Errorf("%s does not document both of its answers", name)
		}
	}
}
