package allows

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// unknown stands in a test's inputs for a text that is not known yet.
const unknown = "(not known yet)"

// call runs the function on inputs that are written as JSON.
func call(t *testing.T, condition, inputs string) (attr.Value, *function.FuncError) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(inputs))
	decoder.UseNumber()
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		t.Fatalf("%s: %v", inputs, err)
	}
	req := function.RunRequest{Arguments: function.NewArgumentsData([]attr.Value{types.StringValue(condition), types.DynamicValue(valueOf(t, plain))})}
	resp := function.RunResponse{Result: function.NewResultData(types.BoolNull())}
	NewFunction().Run(t.Context(), req, &resp)
	return resp.Result.Value(), resp.Error
}

// valueOf is the value that HCL makes of a literal.
func valueOf(t *testing.T, plain any) attr.Value {
	t.Helper()
	switch plain := plain.(type) {
	case string:
		if plain == unknown {
			return types.StringUnknown()
		}
		return types.StringValue(plain)
	case bool:
		return types.BoolValue(plain)
	case json.Number:
		number, _, err := big.ParseFloat(plain.String(), 10, 512, big.ToNearestEven)
		if err != nil {
			t.Fatal(err)
		}
		return types.NumberValue(number)
	case []any:
		kinds, values := make([]attr.Type, len(plain)), make([]attr.Value, len(plain))
		for i, one := range plain {
			values[i] = valueOf(t, one)
			kinds[i] = values[i].Type(t.Context())
		}
		return types.TupleValueMust(kinds, values)
	case map[string]any:
		kinds, values := map[string]attr.Type{}, map[string]attr.Value{}
		for name, one := range plain {
			values[name] = valueOf(t, one)
			kinds[name] = values[name].Type(t.Context())
		}
		return types.ObjectValueMust(kinds, values)
	}
	return types.DynamicNull()
}

func TestAConditionIsJudgedOnItsInputs(t *testing.T) {
	const oncall = `contains(identity.groups, param.team) && event != null && event.kind == "incident" && request.duration <= duration("4h")`
	for name, c := range map[string]struct {
		condition, inputs string
		want              bool
	}{
		"it holds":                          {oncall, `{"identity": {"groups": ["sre"]}, "param": {"team": "sre"}, "event": {"kind": "incident"}, "request": {"duration": "4h"}}`, true},
		"it does not":                       {oncall, `{"identity": {"groups": ["sre"]}, "param": {"team": "sre"}, "event": {"kind": "incident"}, "request": {"duration": "4h1s"}}`, false},
		"no event":                          {oncall, `{"identity": {"groups": ["sre"]}, "param": {"team": "sre"}, "event": null, "request": {"duration": "1h"}}`, false},
		"an event that is left out":         {oncall, `{"identity": {"groups": ["sre"]}, "param": {"team": "sre"}, "request": {"duration": "1h"}}`, false},
		"an empty list":                     {oncall, `{"identity": {"groups": []}, "param": {"team": "sre"}, "request": {"duration": "1h"}}`, false},
		"what is optional is null":          {`identity.manager == null && request.justification == null`, `{"identity": {"manager": null}}`, true},
		"an empty justification is none":    {`request.justification == null`, `{"request": {"justification": ""}}`, true},
		"now":                               {`weekday(now, "Europe/Berlin") == "tuesday" && hour(now, "Europe/Berlin") == 0`, `{"now": "2026-03-09T23:30:00Z"}`, true},
		"a whole number":                    {`event != null && event.severity != null && event.severity <= 2`, `{"event": {"severity": 2}}`, true},
		"an event's end":                    {`event != null && event.ends_at > now`, `{"event": {"ends_at": "2026-03-10T12:00:00+01:00"}, "now": "2026-03-10T11:00:00Z"}`, false},
		"a list parameter":                  {`anyof(identity.groups, param.teams)`, `{"identity": {"groups": ["a", "b"]}, "param": {"teams": ["b", "c"]}}`, true},
		"a parameter that is a duration":    {`request.duration <= duration(param.longest)`, `{"request": {"duration": "1h"}, "param": {"longest": "60m"}}`, true},
		"a custom text":                     {`identity.attributes.cost_center != null && identity.attributes.cost_center == "4711"`, `{"identity": {"attributes": {"cost_center": "4711"}}}`, true},
		"a custom whole number":             {`identity.attributes.level != null && identity.attributes.level >= 3`, `{"identity": {"attributes": {"level": 3}}}`, true},
		"a custom bool":                     {`identity.attributes.trained != null && identity.attributes.trained`, `{"identity": {"attributes": {"trained": false}}}`, false},
		"a custom list":                     {`identity.attributes.sites != null && contains(identity.attributes.sites, "b")`, `{"identity": {"attributes": {"sites": ["a", "b"]}}}`, true},
		"a custom duration":                 {`event != null && event.attributes.limit != null && request.duration <= event.attributes.limit`, `{"event": {"attributes": {"limit": "1h30m"}}, "request": {"duration": "90m"}}`, true},
		"a custom time":                     {`identity.attributes.until != null && identity.attributes.until > now`, `{"identity": {"attributes": {"until": "2026-03-10T11:00:00Z"}}, "now": "2026-03-10T10:59:59Z"}`, true},
		"a text that looks like a duration": {`identity.attributes.shift != null && identity.attributes.shift == "8h"`, `{"identity": {"attributes": {"shift": "8h"}}}`, true},
		"both":                              {`identity.attributes.a != null && identity.attributes.b != null && identity.attributes.a == "8h" && request.duration < identity.attributes.b`, `{"identity": {"attributes": {"a": "8h", "b": "8h"}}, "request": {"duration": "1h"}}`, true},
		"a custom attribute that is null":   {`identity.attributes.level != null && identity.attributes.level >= 3`, `{"identity": {"attributes": {"level": null}}}`, false},
		"of an event that is not there":     {`event != null && event.attributes.tier != null && event.attributes.tier > 1`, `{"event": null}`, false},
		"what it does not read":             {`identity.type == "human"`, `{"identity": {"type": "human", "groups": ["x"], "attributes": {"spare": 1}}, "entitlement": {"risk": "high"}, "param": {"spare": true}}`, true},
		"what it does not read is unknown":  {`identity.type == "human"`, `{"identity": {"type": "human", "name": "` + unknown + `"}}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := call(t, c.condition, c.inputs)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Equal(types.BoolValue(c.want)) {
				t.Errorf("comes to %s, want %v", got, c.want)
			}
		})
	}
}

func TestNothingIsSaidBeforeWhatIsReadIsKnown(t *testing.T) {
	for name, inputs := range map[string]string{
		"a value":            `{"identity": {"type": "` + unknown + `", "groups": []}, "param": {"team": "sre"}}`,
		"an element":         `{"identity": {"type": "human", "groups": ["a", "` + unknown + `"]}, "param": {"team": "sre"}}`,
		"a parameter":        `{"identity": {"type": "human", "groups": []}, "param": {"team": "` + unknown + `"}}`,
		"an object":          `{"identity": "` + unknown + `", "param": {"team": "sre"}}`,
		"all of them":        `"` + unknown + `"`,
		"a custom attribute": `{"identity": {"type": "human", "groups": [], "attributes": {"level": "` + unknown + `"}}, "param": {"team": "sre"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := call(t, `identity.type == "human" && contains(identity.groups, param.team) && identity.attributes.level == null`, inputs)
			if err != nil || !got.IsUnknown() {
				t.Errorf("comes to %s, %v", got, err)
			}
		})
	}
}

func TestAMistakeInACallSaysWhereItIs(t *testing.T) {
	const inTheCondition, inTheInputs, inNeither = 0, 1, -1
	for name, c := range map[string]struct {
		condition, inputs string
		argument          int64
		says              string
	}{
		"a mistyped name":            {"identity.type == \"human\"\n&& contains(identity.gruops, \"a\")", `{"identity": {"type": "human"}}`, inTheCondition, "2:13: there is no identity.gruops; did you mean identity.groups?"},
		"every mistake at once":      {`identity.nme == 1 && identity.typ == "x"`, `{}`, inTheCondition, "identity.typ"},
		"not a condition":            {`identity.type == `, `{}`, inTheCondition, "1:18"},
		"not boolean":                {`identity.name`, `{"identity": {"name": "x"}}`, inTheCondition, "1:1"},
		"a parameter that is not":    {`contains(identity.groups, param.team)`, `{"identity": {"groups": []}}`, inTheCondition, "param"},
		"an unguarded attribute":     {`identity.attributes.level > 3`, `{"identity": {"attributes": {"level": 4}}}`, inTheCondition, "identity.attributes.level may be null here"},
		"a custom attribute's type":  {`identity.attributes.level != null && identity.attributes.level > 3`, `{"identity": {"attributes": {"level": "4"}}}`, inTheCondition, "1:"},
		"no object":                  {`identity.type == "human"`, `"human"`, inTheInputs, "not an object"},
		"no object inside":           {`identity.type == "human"`, `{"identity": "human"}`, inTheInputs, "inputs.identity is not an object"},
		"no object of parameters":    {`identity.type == "human"`, `{"identity": {"type": "human"}, "param": "x"}`, inTheInputs, "inputs.param is not an object"},
		"no object of attributes":    {`identity.type == "human"`, `{"identity": {"type": "human", "attributes": "x"}}`, inTheInputs, "inputs.identity.attributes is not an object"},
		"an unknown object":          {`identity.type == "human"`, `{"idenity": {"type": "human"}}`, inTheInputs, "did you mean inputs.identity?"},
		"an unknown attribute":       {`identity.type == "human"`, `{"identity": {"type": "human", "gruops": []}}`, inTheInputs, "did you mean inputs.identity.groups?"},
		"something far from all":     {`identity.type == "human"`, `{"weather": "fine"}`, inTheInputs, "there are entitlement, event, identity, now, param, request"},
		"now is missing":             {`now > time("2026-01-01T00:00:00Z")`, `{}`, inTheInputs, "the condition reads now; give it in inputs.now (time)"},
		"a variable is missing":      {`identity.type == "human"`, `{}`, inTheInputs, "the condition reads identity.type; give it in inputs.identity.type (string)"},
		"of an event":                {`event != null && event.kind == "incident"`, `{"event": {}}`, inTheInputs, "give it in inputs.event.kind"},
		"a custom attribute missing": {`identity.attributes.level == null`, `{"identity": {}}`, inTheInputs, "the condition reads identity.attributes.level; give it in inputs.identity.attributes, null when there is none"},
		"of an event's":              {`event == null || event.attributes.tier == null`, `{"event": {}}`, inTheInputs, "give it in inputs.event.attributes"},
		"a text for a list":          {`contains(identity.groups, "a")`, `{"identity": {"groups": "a"}}`, inTheInputs, "inputs.identity.groups: it is declared as list of string; this is a string"},
		"a number for a text":        {`identity.type == "human"`, `{"identity": {"type": "human", "name": 4}}`, inTheInputs, "inputs.identity.name"},
		"no duration":                {`request.duration < duration("1h")`, `{"request": {"duration": "1 hour"}}`, inTheInputs, "inputs.request.duration"},
		"no time":                    {`now > time("2026-01-01T00:00:00Z")`, `{"now": "tomorrow"}`, inTheInputs, "inputs.now"},
		"a fraction":                 {`event != null && event.severity != null`, `{"event": {"severity": 1.5}}`, inTheInputs, "inputs.event.severity: 1.5 is not a whole number"},
		"a value that never is":      {`identity.type == "human"`, `{"identity": {"type": "person"}}`, inTheInputs, `inputs.identity.type: "person" is not one of human, service_account, workload, agent`},
		"a nested parameter":         {`identity.type == "human"`, `{"identity": {"type": "human"}, "param": {"a": {"b": 1}}}`, inTheInputs, `inputs.param: parameter "a"`},
		"a nested attribute":         {`identity.type == "human"`, `{"identity": {"type": "human", "attributes": {"a": {"b": 1}}}}`, inTheInputs, "inputs.identity.attributes.a: a custom attribute is a text"},
		"it errs":                    {`request.justification != null && cidrcontains("10.0.0.0/8", request.justification)`, `{"request": {"justification": "office"}}`, inNeither, "takes for a denial: 1:61: its value is not an IP address"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := call(t, c.condition, c.inputs)
			if err == nil {
				t.Fatalf("comes to %s", got)
			}
			argument := int64(inNeither)
			if err.FunctionArgument != nil {
				argument = *err.FunctionArgument
			}
			if argument != c.argument || !strings.Contains(err.Text, c.says) {
				t.Errorf("in argument %d: %s", argument, err.Text)
			}
		})
	}
}
