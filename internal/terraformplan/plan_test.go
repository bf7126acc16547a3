package terraformplan_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/terraformplan"
)

// plan is what `terraform show -json` prints, as far as it is read.
type plan map[string]any

func resource(address, typ string, values map[string]any) map[string]any {
	return map[string]any{"address": address, "mode": "managed", "type": typ, "values": values}
}

func change(address, typ string, actions []string, before, unknown any) map[string]any {
	return map[string]any{"address": address, "mode": "managed", "type": typ, "change": map[string]any{
		"actions": actions, "before": before, "after_unknown": unknown,
	}}
}

func read(t *testing.T, p plan) (terraformplan.Plan, error) {
	t.Helper()
	p["format_version"] = "1.2"
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return terraformplan.Read(text)
}

func root(resources ...map[string]any) map[string]any {
	return map[string]any{"root_module": map[string]any{"resources": resources}}
}

func TestResourcesOfAllModulesAreRead(t *testing.T) {
	values := root(resource("stint_identity.alice", "stint_identity", map[string]any{"id": "alice", "name": "alice", "type": "human", "manager": nil, "groups": []string{"sre"}}),
		resource("aws_instance.x", "aws_instance", map[string]any{"name": "x"}),
		map[string]any{"address": "data.stint_drift.x", "mode": "data", "type": "stint_drift", "values": map[string]any{}})
	values["root_module"].(map[string]any)["child_modules"] = []any{map[string]any{
		"address": "module.a", "child_modules": []any{map[string]any{"address": "module.a.module.b", "resources": []any{
			resource(`module.a.module.b.stint_eligibility_policy.p["x"]`, "stint_eligibility_policy", map[string]any{
				"id": "p", "name": "p", "effect": "allow", "entitlements": []string{"billing/role/a"}, "condition": "c", "parameters": map[string]any{"n": json.Number("9007199254740993")},
			}),
		}}},
	}}
	got, err := read(t, plan{"planned_values": values})
	if err != nil {
		t.Fatal(err)
	}
	want := []governance.Object{
		governance.Identity{Name: "alice", Type: governance.Human, Groups: []string{"sre"}},
		governance.EligibilityPolicy{
			Name: "p", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{"billing/role/a"}, Condition: "c",
			Parameters: map[string]json.RawMessage{"n": json.RawMessage("9007199254740993")},
		},
	}
	if diff := cmp.Diff(want, got.Objects); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsDestroyedIsNamed(t *testing.T) {
	got, err := read(t, plan{"planned_values": root(resource("stint_identity.a", "stint_identity", map[string]any{"id": "new", "name": "new", "type": "human"})), "resource_changes": []any{
		change("stint_sod_rule.r", "stint_sod_rule", []string{"delete"}, map[string]any{"id": "r"}, map[string]any{}),
		change("stint_identity.a", "stint_identity", []string{"delete", "create"}, map[string]any{"id": "old"}, map[string]any{}),
		change("stint_identity.b", "stint_identity", []string{"update"}, map[string]any{"id": "b"}, map[string]any{}),
	}})
	want := []terraformplan.Ref{{Kind: governance.KindRule, ID: "r"}, {Kind: governance.KindIdentity, ID: "old"}}
	if diff := cmp.Diff(want, got.Destroyed); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestWhatIsNotKnownIsNamedWithItsResource(t *testing.T) {
	application := map[string]any{"id": "billing", "name": "billing", "correlation": "account.name == identity.name", "connector": map[string]any{"postgresql": map[string]any{"port": 1}}, "discovery": map[string]any{"interval": "15m"}}
	values := root(
		resource("stint_application.billing", "stint_application", application),
		resource("stint_identity.alice", "stint_identity", map[string]any{"name": "alice", "type": "human"}),
		resource("stint_sod_rule.r", "stint_sod_rule", map[string]any{"name": "r", "duties": map[string]any{"a": map[string]any{}}}),
	)
	_, err := read(t, plan{"planned_values": values, "resource_changes": []any{
		change("stint_application.billing", "stint_application", []string{"create"}, nil, map[string]any{"connector": map[string]any{"postgresql": map[string]any{"host": true}}}),
		change("stint_identity.alice", "stint_identity", []string{"create"}, nil, map[string]any{"groups": true}),
		change("stint_sod_rule.r", "stint_sod_rule", []string{"create"}, nil, map[string]any{"duties": map[string]any{"a": map[string]any{"entitlements": []any{false, true}}}}),
	}})
	var want []string
	for _, attribute := range []string{"stint_identity.alice: groups", "stint_sod_rule.r: duties.a.entitlements[1]"} {
		want = append(want, attribute+" is not known before apply, so nobody can tell what the policy decides; make it of values that are known at plan")
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), fmt.Sprint(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsNoPlanIsToldApart(t *testing.T) {
	for text, want := range map[string]string{
		"PK\x03\x04":               "it is a plan as Terraform saves it; make JSON of it with `terraform show -json FILE`",
		"{":                        "it is not what `terraform show -json FILE` prints",
		`{"a":1}`:                  "format version is missing",
		`{"format_version":"9.0"}`: "unsupported plan format version",
		`{"format_version":"1.0"}`: "it holds no planned values",
		`{"format_version":"1.2","complete":false,"planned_values":{"root_module":{}}}`:                                                                                         "it is of a part of the configuration only",
		`{"format_version":"1.2","planned_values":{"root_module":{}}}`:                                                                                                          "it has no resources of Stint",
		`{"format_version":"1.2","planned_values":{"root_module":{"resources":[{"address":"stint_identity.a","mode":"managed","type":"stint_identity","values":{"name":1}}]}}}`: "stint_identity.a: json: cannot unmarshal",
	} {
		if _, err := terraformplan.Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
