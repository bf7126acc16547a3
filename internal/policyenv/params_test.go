package policyenv

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParametersAreReadFromJSON(t *testing.T) {
	got, err := ParseParams([]byte(`{"team": "sre", "strict": true, "level": 9007199254740993, "teams": ["a", "b"], "none": []}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Params{"team": "sre", "strict": true, "level": int64(9007199254740993), "teams": []string{"a", "b"}, "none": []string{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, empty := range []string{"", "null", "{}"} {
		if got, err := ParseParams([]byte(empty)); len(got) != 0 || err != nil {
			t.Errorf("%q gives %v, %v", empty, got, err)
		}
	}
}

func TestParametersThatConditionsCannotHoldAreRefusedByName(t *testing.T) {
	for text, want := range map[string]string{
		`{"level": 1.5}`:                 `parameter "level": 1.5 is not a whole number`,
		`{"level": 1e3}`:                 `parameter "level": 1e3 is not a whole number`,
		`{"level": 9223372036854775808}`: `parameter "level": 9223372036854775808 is not a whole number of 64 bits`,
		`{"teams": ["a", 1]}`:            `parameter "teams": element 2 is not a string`,
		`{"teams": [["a"]]}`:             `parameter "teams": element 1 is not a string`,
		`{"team": null}`:                 `parameter "team": it is null`,
		`{"team": {"a": "b"}}`:           `parameter "team": a map[string]interface {} cannot be`,
		`{"my team": "a"}`:               `parameter "my team": the name is not an identifier`,
		`["a"]`:                          `not a JSON object`,
		`{"a": "b"} {}`:                  `text behind it`,
	} {
		if _, err := ParseParams([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v; want %s", text, err, want)
		}
	}
}

func TestDecodedValuesBecomeParameters(t *testing.T) {
	got, err := ParamsFrom(map[string]any{"n": 3, "d": time.Hour, "j": json.Number("4"), "l": []any{"x"}, "s": []string{"y"}})
	want := Params{"n": int64(3), "d": time.Hour, "j": int64(4), "l": []string{"x"}, "s": []string{"y"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, err := ParamsFrom(map[string]any{"f": 2.0}); err == nil || !strings.Contains(err.Error(), `parameter "f"`) {
		t.Errorf("a float gives %v", err)
	}
}

func TestEachTypeOfParameterReachesTheCondition(t *testing.T) {
	params := Params{"team": "staff", "strict": true, "level": int64(2), "longest": 3 * time.Hour, "teams": []string{"sre-oncall"}}
	policy := compile(t, `contains(identity.groups, param.team) && param.strict && event != null && event.severity != null
		&& event.severity <= param.level && request.duration <= param.longest && anyof(identity.groups, param.teams)`, params)
	in := usual()
	if ok, err := policy.Eval(&in); !ok || err != nil {
		t.Errorf("comes to %v, %v", ok, err)
	}
	in.Request.Duration = 4 * time.Hour
	if ok, err := policy.Eval(&in); ok || err != nil {
		t.Errorf("beyond its duration it comes to %v, %v", ok, err)
	}
}

func TestAPolicyKeepsItsParameters(t *testing.T) {
	teams := []string{"staff"}
	policy := compile(t, `anyof(identity.groups, param.teams)`, Params{"teams": teams})
	teams[0] = "nobody"
	in := usual()
	if ok, err := policy.Eval(&in); !ok || err != nil {
		t.Errorf("after the caller changed its slice it comes to %v, %v", ok, err)
	}
}

func TestABadParameterIsAFinding(t *testing.T) {
	_, diags := CompileEligibility(`identity.status == "active"`, Params{"x": 1.5}, nil)
	if len(diags) != 1 || diags[0].Code != CodeBadParameter || !strings.Contains(diags[0].Message, `parameter "x"`) {
		t.Errorf("found %v", diags)
	}
	if _, err := Eligibility(Params{"x": 1.5}, nil); err == nil {
		t.Error("the schema is built")
	}
}
