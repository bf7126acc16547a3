package provider_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/stint-dev/terraform-provider-stint/internal/provider"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// unknown stands in a test's configuration for a value that is not known yet.
const unknown = "(not known yet)"

func newServer(t *testing.T) (tfprotov6.ProviderServer, *tfprotov6.GetProviderSchemaResponse) {
	t.Helper()
	server := providerserver.NewProtocol6(provider.New("test")())()
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range schemas.Diagnostics {
		t.Fatalf("the schema is refused: %s: %s", d.Summary, d.Detail)
	}
	return server, schemas
}

// configuration reads JSON as a value of a schema; what is absent is null.
func configuration(t *testing.T, s *tfprotov6.Schema, text string) *tfprotov6.DynamicValue {
	t.Helper()
	var plain any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&plain); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	dynamic := map[string]any{}
	for _, name := range []string{"attributes", "parameters"} {
		if members, ok := plain.(map[string]any)[name]; ok {
			dynamic[name] = members
			delete(plain.(map[string]any), name)
		}
	}
	value, err := fwconv.Value(s.ValueType(), plain)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	value, err = tftypes.Transform(value, func(at *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
		var given string
		if v.Type().Is(tftypes.String) && v.As(&given) == nil && given == unknown {
			return tftypes.NewValue(v.Type(), tftypes.UnknownValue), nil
		}
		for name, members := range dynamic {
			if at.Equal(tftypes.NewAttributePath().WithAttributeName(name)) {
				return object(members.(map[string]any)), nil
			}
		}
		return v, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := tfprotov6.NewDynamicValue(s.ValueType(), value)
	if err != nil {
		t.Fatal(err)
	}
	return &out
}

func object(members map[string]any) tftypes.Value {
	types, values := map[string]tftypes.Type{}, map[string]tftypes.Value{}
	for name, one := range members {
		v := one
		if one == unknown {
			v = tftypes.UnknownValue
		}
		types[name] = tftypes.String
		values[name] = tftypes.NewValue(tftypes.String, v)
	}
	return tftypes.NewValue(tftypes.Object{AttributeTypes: types}, values)
}

func validate(t *testing.T, resource, text string) []*tfprotov6.Diagnostic {
	t.Helper()
	server, schemas := newServer(t)
	resp, err := server.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: resource, Config: configuration(t, schemas.ResourceSchemas[resource], text),
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Diagnostics
}

func TestMistakesAreFoundAtValidateAndPointAtTheAttribute(t *testing.T) {
	const target = `"connector": {"postgresql": {"host": "db", "username": "stint"%s}}`
	postgresql := func(more string) string { return strings.Replace(target, "%s", more, 1) }
	const template = `"name": "admin", "entitlements": ["a/role/r"], "eligibility_policies": ["p"]`
	const hour = `"duration": {"default": "1h", "max": "4h"}`
	const automatic = `"approval": {"automatic": true}`
	const bearer = `"signature": {"bearer": {"secret_ref": "file:x"}}, "fields": {"id": {"path": "/id", "type": "string"}}`
	for name, c := range map[string]struct {
		resource, config string
		at, says         string
	}{
		"application name":              {"stint_application", `{"name": "Billing_1", ` + postgresql("") + `, "correlation": "account.name == identity.name"}`, `name`, "lower-case"},
		"correlation":                   {"stint_application", `{"name": "billing", ` + postgresql("") + `, "correlation": "account.nmae == identity.name"}`, `correlation`, "did you mean account.name"},
		"interval is no duration":       {"stint_application", `{"name": "billing", ` + postgresql("") + `, "correlation": "account.name == identity.name", "discovery": {"interval": "15 minutes"}}`, `discovery.interval`, "1h30m"},
		"interval is too short":         {"stint_application", `{"name": "billing", ` + postgresql("") + `, "correlation": "account.name == identity.name", "discovery": {"interval": "1s"}}`, `discovery.interval`, "at least 10s"},
		"more than everything is gone":  {"stint_application", `{"name": "billing", ` + postgresql("") + `, "correlation": "account.name == identity.name", "discovery": {"interval": "15m", "max_gone_percent": 101}}`, `discovery.max_gone_percent`, "use 1 to 100"},
		"no limit is given":             {"stint_application", `{"name": "billing", ` + postgresql("") + `, "correlation": "account.name == identity.name", "limits": {}}`, `limits`, "leave limits out"},
		"limit that stops everything":   {"stint_application", `{"name": "billing", ` + postgresql("") + `, "correlation": "account.name == identity.name", "limits": {"operations_per_minute": 0}}`, `limits.operations_per_minute`, "no access would ever end"},
		"limit beyond reason":           {"stint_application", `{"name": "billing", ` + postgresql("") + `, "correlation": "account.name == identity.name", "limits": {"concurrent_calls": 65}}`, `limits.concurrent_calls`, "more than 64"},
		"password":                      {"stint_application", `{"name": "billing", ` + postgresql(`, "password_ref": "hunter2"`) + `, "correlation": "account.name == identity.name"}`, `connector.postgresql.password_ref`, "env:STINT_SECRET_BILLING_PASSWORD"},
		"secret of another":             {"stint_application", `{"name": "billing", ` + postgresql(`, "password_ref": "env:STINT_SECRET_PAYROLL_PASSWORD"`) + `, "correlation": "account.name == identity.name"}`, `connector.postgresql.password_ref`, "STINT_SECRET_BILLING_PASSWORD"},
		"human with owner":              {"stint_identity", `{"name": "alice", "type": "human", "owner": "bob"}`, `owner`, "no owner"},
		"agent without owner":           {"stint_identity", `{"name": "bot", "type": "agent"}`, `owner`, "needs an owner"},
		"identity type":                 {"stint_identity", `{"name": "alice", "type": "person"}`, `type`, "service_account"},
		"empty owner":                   {"stint_identity", `{"name": "alice", "type": "human", "owner": ""}`, `owner`, "at least 1"},
		"risk":                          {"stint_entitlement", `{"application": "a", "kind": "role", "native_id": "r", "risk": "severe", "standing": "allowed"}`, `risk`, "critical"},
		"max_duration":                  {"stint_entitlement", `{"application": "a", "kind": "role", "native_id": "r", "risk": "low", "standing": "allowed", "max_duration": "8 hours"}`, `max_duration`, "1h30m"},
		"condition":                     {"stint_eligibility_policy", `{"name": "p", "effect": "allow", "entitlements": ["a/role/r"], "condition": "contains(identity.gruops, \"sre\")"}`, `condition`, "identity.groups"},
		"condition beside a ref":        {"stint_eligibility_policy", `{"name": "p", "effect": "allow", "entitlements": ["` + unknown + `"], "condition": "identity.type = \"human\""}`, `condition`, "1:15"},
		"undeclared parameter":          {"stint_eligibility_policy", `{"name": "p", "effect": "allow", "entitlements": ["a/role/r"], "parameters": {"group": "sre"}, "condition": "contains(identity.groups, param.team)"}`, `condition`, "param"},
		"condition beside an attribute": {"stint_eligibility_policy", `{"name": "p", "effect": "allow", "entitlements": ["a/role/r"], "condition": "identity.attributes.level == null || contains(identity.gruops, \"sre\")"}`, `condition`, "identity.groups"},
		"attribute without a guard":     {"stint_eligibility_policy", `{"name": "p", "effect": "allow", "entitlements": ["a/role/r"], "condition": "identity.attributes.level == 3"}`, `condition`, "write identity.attributes.level != null && before it"},
		"correlation by an attribute":   {"stint_application", `{"name": "billing", ` + postgresql("") + `, "correlation": "identity.attributes.login != null && account.nmae == identity.attributes.login"}`, `correlation`, "did you mean account.name"},
		"value that is null":            {"stint_identity", `{"name": "alice", "type": "human", "attributes": {"level": null}}`, `attributes["level"]`, "leave it away"},
		"attribute of nothing":          {"stint_attribute", `{"object": "application", "name": "level", "type": "int", "description": "Level."}`, `object`, "identity, business_event"},
		"attribute name":                {"stint_attribute", `{"object": "identity", "name": "cost center", "type": "int", "description": "Level."}`, `name`, "cost_center"},
		"attribute type":                {"stint_attribute", `{"object": "identity", "name": "level", "type": "number", "description": "Level."}`, `type`, "list(string)"},
		"attribute description":         {"stint_attribute", `{"object": "identity", "name": "level", "type": "int", "description": ""}`, `description`, "one sentence"},
		"approver condition":            {"stint_grant_template", `{` + template + `, ` + hour + `, "approval": {"stages": [{"name": "lead", "approvers": {"condition": "contains(approver.gruops, \"leads\")"}}]}}`, `approval.stages[0].approvers.condition`, "did you mean approver.groups"},
		"approver condition of nobody":  {"stint_grant_template", `{` + template + `, ` + hour + `, "approval": {"stages": [{"name": "lead", "approvers": {"condition": "identity.type == \"human\""}}]}}`, `approval.stages[0].approvers.condition`, "looks at the approver"},
		"delegation to oneself":         {"stint_delegation", `{"name": "d", "from": "bob", "to": "bob", "ends_at": "2050-01-01T00:00:00Z"}`, `to`, "another person"},
		"delegation that never begins":  {"stint_delegation", `{"name": "d", "from": "bob", "to": "dora", "starts_at": "2050-01-02T00:00:00Z", "ends_at": "2050-01-01T00:00:00Z"}`, `ends_at`, "never be in force"},
		"mapping without a guard":       {"stint_event_source", `{"name": "pager", ` + bearer + `, "mapping": {"action": "\"open\"", "key": "field.id", "name": "\"x\"", "kind": "\"incident\"", "ends_in": "duration(\"1h\")"}}`, `mapping.key`, "field.id != null"},
		"mapping of another type":       {"stint_event_source", `{"name": "pager", ` + bearer + `, "mapping": {"action": "\"open\"", "key": "\"k\"", "name": "\"x\"", "kind": "\"incident\"", "ends_in": "now"}}`, `mapping.ends_in`, "a duration is wanted"},
		"mapping to no action":          {"stint_event_source", `{"name": "pager", ` + bearer + `, "mapping": {"action": "\"start\"", "key": "\"k\"", "name": "\"x\"", "kind": "\"incident\"", "ends_in": "duration(\"1h\")"}}`, `mapping.action`, "open, update, close, ignore"},
		"two signatures":                {"stint_event_source", `{"name": "pager", "signature": {"bearer": {"secret_ref": "file:x"}, "hmac_sha256": {"header": "X", "secret_ref": "file:x"}}, "fields": {"id": {"path": "/id", "type": "string"}}, "mapping": {"action": "\"open\"", "key": "\"k\"", "name": "\"x\"", "kind": "\"incident\"", "ends_in": "duration(\"1h\")"}}`, `signature`, "one of hmac_sha256 and bearer"},
		"one duty":                      {"stint_sod_rule", `{"name": "r", "mode": "deny", "duties": {"a": {"entitlements": ["` + unknown + `"]}}}`, `duties`, "at least two"},
		"entitlement in two duties":     {"stint_sod_rule", `{"name": "r", "mode": "deny", "duties": {"a": {"entitlements": ["x/role/r"]}, "b": {"entitlements": ["x/role/r"]}}}`, `duties["b"].entitlements`, `duty "a" already`},
		"limit":                         {"stint_sod_rule", `{"name": "r", "mode": "deny", "limit": 2, "duties": {"a": {"entitlements": ["x/role/r"]}, "b": {"entitlements": ["x/role/s"]}}}`, `limit`, "never speaks"},
		"approval is empty":             {"stint_grant_template", `{` + template + `, ` + hour + `, "approval": {}}`, `approval`, "automatic = true"},
		"approval says both":            {"stint_grant_template", `{` + template + `, ` + hour + `, "approval": {"automatic": true, "stages": [{"name": "lead", "approvers": {"groups": ["leads"]}}]}}`, `approval`, "exclude each other"},
		"stage without approvers":       {"stint_grant_template", `{` + template + `, ` + hour + `, "approval": {"stages": [{"name": "lead", "approvers": {}}]}}`, `approval.stages[0].approvers`, "at least one"},
		"stage timeout":                 {"stint_grant_template", `{` + template + `, ` + hour + `, "approval": {"stages": [{"name": "lead", "approvers": {"groups": ["leads"]}, "timeout": "soon"}]}}`, `approval.stages[0].timeout`, "1h30m"},
		"quorum out of reach":           {"stint_grant_template", `{` + template + `, ` + hour + `, "approval": {"stages": [{"name": "lead", "quorum": 2, "approvers": {"identities": ["alice"]}}]}}`, `approval.stages[0].quorum`, "never be reached"},
		"default above max":             {"stint_grant_template", `{` + template + `, "duration": {"default": "8h", "max": "4h"}, ` + automatic + `}`, `duration.default`, "longer than duration.max"},
		"break-glass without a limit":   {"stint_grant_template", `{` + template + `, ` + hour + `, ` + automatic + `, "break_glass": {"limit": 0, "per": "30d", "reviewers": {"groups": ["security"]}}}`, `break_glass.limit`, "leave break_glass out"},
		"break-glass without reviewers": {"stint_grant_template", `{` + template + `, ` + hour + `, ` + automatic + `, "break_glass": {"limit": 1, "per": "30d", "reviewers": {}}}`, `break_glass.reviewers`, "at least one"},
		"break-glass and its owner":     {"stint_grant_template", `{` + template + `, ` + hour + `, ` + automatic + `, "break_glass": {"limit": 1, "per": "30d", "reviewers": {"relations": ["owner"]}}}`, `break_glass.reviewers.relations`, "one actor"},
		"break-glass for a month":       {"stint_grant_template", `{` + template + `, ` + hour + `, ` + automatic + `, "break_glass": {"limit": 1, "per": "a month", "reviewers": {"groups": ["security"]}}}`, `break_glass.per`, "1h30m"},
		"reviewer condition":            {"stint_grant_template", `{` + template + `, ` + hour + `, ` + automatic + `, "break_glass": {"limit": 1, "per": "30d", "reviewers": {"condition": "contains(approver.gruops, \"security\")"}}}`, `break_glass.reviewers.condition`, "did you mean approver.groups"},
		"no kinds of business event":    {"stint_grant_template", `{` + template + `, ` + hour + `, "business_event": {"kinds": []}, ` + automatic + `}`, `business_event.kinds`, "at least one"},
		"kind of business event":        {"stint_grant_template", `{` + template + `, ` + hour + `, "business_event": {"kinds": ["outage"]}, ` + automatic + `}`, `business_event.kinds`, "incident"},
		"event end":                     {"stint_business_event", `{"name": "e", "kind": "task", "ends_at": "tomorrow"}`, `ends_at`, "2026-12-31T17:00:00Z"},
		"event severity":                {"stint_business_event", `{"name": "e", "kind": "incident", "severity": 0, "ends_at": "2036-12-31T17:00:00Z"}`, `severity`, "worst"},
	} {
		t.Run(name, func(t *testing.T) {
			found := validate(t, c.resource, c.config)
			if len(found) != 1 {
				t.Fatalf("%d diagnostics, one was expected: %s", len(found), listed(found))
			}
			d := found[0]
			if at := pathOf(d.Attribute); at != c.at {
				t.Errorf("it points at %s, not at %s", at, c.at)
			}
			if d.Severity != tfprotov6.DiagnosticSeverityError || !strings.Contains(d.Detail, c.says) {
				t.Errorf("it says %q: %q, without %q", d.Summary, d.Detail, c.says)
			}
			if strings.Contains(d.Detail, "hunter2") {
				t.Errorf("it shows the password: %s", d.Detail)
			}
		})
	}
}

func TestWhatIsNotKnownYetIsNotJudged(t *testing.T) {
	for name, c := range map[string]struct{ resource, config string }{
		"everything of an application": {"stint_application", `{"name": "` + unknown + `", "connector": {"postgresql": {"host": "` + unknown + `", "username": "` + unknown + `", "password_ref": "` + unknown + `"}}, "correlation": "` + unknown + `", "discovery": {"interval": "` + unknown + `"}}`},
		"an owner":                     {"stint_identity", `{"name": "bot", "type": "agent", "owner": "` + unknown + `"}`},
		"the type that needs an owner": {"stint_identity", `{"name": "bot", "type": "` + unknown + `"}`},
		"an attribute":                 {"stint_attribute", `{"object": "` + unknown + `", "name": "` + unknown + `", "type": "` + unknown + `", "description": "` + unknown + `"}`},
		"a value of an attribute":      {"stint_identity", `{"name": "a", "type": "human", "attributes": {"level": "` + unknown + `"}}`},
		"an attribute in a condition":  {"stint_eligibility_policy", `{"name": "p", "effect": "allow", "entitlements": ["a/role/r"], "condition": "identity.attributes.level != null && identity.attributes.level > 2"}`},
		"a parameter":                  {"stint_eligibility_policy", `{"name": "p", "effect": "allow", "entitlements": ["` + unknown + `"], "parameters": {"team": "` + unknown + `"}, "condition": "contains(identity.groups, param.team)"}`},
		"the entitlements of duties":   {"stint_sod_rule", `{"name": "r", "mode": "deny", "duties": {"a": {"entitlements": ["` + unknown + `"]}, "b": {"entitlements": ["` + unknown + `"]}}}`},
		"a rule's limit":               {"stint_sod_rule", `{"name": "r", "mode": "` + unknown + `", "duties": {"a": {"entitlements": ["x/role/r"]}, "b": {"entitlements": ["x/role/s"]}}}`},
		"the approvers of a stage":     {"stint_grant_template", `{"name": "t", "entitlements": ["` + unknown + `"], "eligibility_policies": ["` + unknown + `"], "duration": {"default": "2h", "max": "` + unknown + `"}, "approval": {"stages": [{"name": "lead", "quorum": 2, "approvers": {"identities": ["` + unknown + `"]}}]}}`},
		"the reviewers of break-glass": {"stint_grant_template", `{"name": "t", "entitlements": ["` + unknown + `"], "eligibility_policies": ["` + unknown + `"], "duration": {"default": "1h", "max": "2h"}, "approval": {"automatic": true}, "break_glass": {"limit": 1, "per": "` + unknown + `", "reviewers": {"identities": ["` + unknown + `"]}}}`},
		"the end of an event":          {"stint_business_event", `{"name": "e", "kind": "task", "ends_at": "` + unknown + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			if found := validate(t, c.resource, c.config); len(found) > 0 {
				t.Errorf("it is judged: %s", listed(found))
			}
		})
	}
}

func listed(all []*tfprotov6.Diagnostic) string {
	lines := make([]string, len(all))
	for i, d := range all {
		lines[i] = pathOf(d.Attribute) + ": " + d.Summary + ": " + d.Detail
	}
	return strings.Join(lines, "\n")
}

// pathOf writes a path as it stands in a document.
func pathOf(at *tftypes.AttributePath) string {
	var out strings.Builder
	for _, step := range at.Steps() {
		switch step := step.(type) {
		case tftypes.AttributeName:
			if out.Len() > 0 {
				out.WriteByte('.')
			}
			out.WriteString(string(step))
		case tftypes.ElementKeyString:
			key, _ := json.Marshal(string(step))
			out.WriteString("[" + string(key) + "]")
		case tftypes.ElementKeyInt:
			index, _ := json.Marshal(int64(step))
			out.WriteString("[" + string(index) + "]")
		}
	}
	return out.String()
}
