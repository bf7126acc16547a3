package condition

import (
	"strings"
	"testing"
)

// earlyEnv knows none of the attributes that people declare.
func earlyEnv(t *testing.T) *Env {
	t.Helper()
	env, err := NewEnv(
		Var{Name: "identity.name", Type: String},
		Var{Name: "identity.attributes", Type: Object, Declare: "declare it with stint_attribute"},
		Var{Name: "event", Type: Object, Optional: true},
		Var{Name: "event.attributes", Type: Object, Declare: "declare it with stint_attribute"},
	)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func TestAnAttributeThatMayStillBeDeclaredIsOfAnyType(t *testing.T) {
	for _, src := range []string{
		`identity.attributes.level != null && identity.attributes.level < 3`,
		`identity.attributes.teams != null && anyof(identity.attributes.teams, ["a", "b"])`,
		`identity.attributes.vetted == null || identity.attributes.vetted`,
		`event != null && event.attributes.region != null && lower(event.attributes.region) == identity.name`,
		`identity.attributes.limit != null && contains([identity.attributes.limit], 3)`,
	} {
		if diags := CheckEarly(src, earlyEnv(t)); len(diags) > 0 {
			t.Errorf("%s: found %v", src, diags)
		}
	}
}

func TestEverythingElseIsCheckedEarly(t *testing.T) {
	for src, want := range map[string]string{
		`identity.attributes.level < 3`:                                                        "unguarded_optional",
		`event.attributes.region != null`:                                                      "unguarded_optional",
		`identity.attributes.level != null && identity.nmae == "a"`:                            "unknown_name",
		`identity.attributes.level == 3 && identity.name == 3`:                                 "unguarded_optional type_mismatch",
		`identity.attributes.level != null && identity.attributes.level < 3 || startswith(3)`:  "argument_count",
		`identity.atributes.level != null`:                                                     "unknown_name",
		`identity.attributes["level"] != null`:                                                 "not_indexable",
		`length(identity.attributes) > 3`:                                                      "type_mismatch",
		`identity.attributes.level != null && "a" == "a"`:                                      "constant_condition",
		`identity.attributes.level != null ? matches(identity.name, "(") : identity.name == 1`: "bad_regex type_mismatch",
	} {
		var codes []string
		for _, d := range CheckEarly(src, earlyEnv(t)) {
			codes = append(codes, string(d.Code))
		}
		if got := strings.Join(codes, " "); got != want {
			t.Errorf("%s: found %s; want %s", src, got, want)
		}
	}
}

func TestWithoutAnyDeclaredAttributeTheMendIsToDeclareIt(t *testing.T) {
	_, diags := Compile(`identity.attributes.level != null`, earlyEnv(t))
	if len(diags) != 1 || diags[0].Code != CodeUndeclared || diags[0].Suggestion != "declare it with stint_attribute" {
		t.Errorf("found %v", diags)
	}
}
