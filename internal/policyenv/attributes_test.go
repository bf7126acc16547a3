package policyenv

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// declared has one attribute of each type for identities, and one for events.
var declared = Attributes{
	{Of: OfIdentity, Name: "cost_center", Type: condition.String},
	{Of: OfIdentity, Name: "vetted", Type: condition.Bool},
	{Of: OfIdentity, Name: "level", Type: condition.Int},
	{Of: OfIdentity, Name: "notice", Type: condition.Duration},
	{Of: OfIdentity, Name: "joined", Type: condition.Time},
	{Of: OfIdentity, Name: "sites", Type: condition.List(condition.String)},
	{Of: OfIdentity, Name: "address", Type: condition.String},
	{Of: OfEvent, Name: "region", Type: condition.String},
}

func withAttributes() Input {
	in := usual()
	in.Identity.Attributes = Values{
		"cost_center": "4711", "vetted": true, "level": int64(3), "notice": 90 * 24 * time.Hour,
		"joined": time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), "sites": []string{"berlin"}, "address": "10.1.2.3",
	}
	in.Event.Attributes = Values{"region": "eu"}
	return in
}

const everyAttribute = `identity.attributes.cost_center != null && identity.attributes.cost_center == "4711"
	&& identity.attributes.vetted != null && identity.attributes.vetted
	&& identity.attributes.level != null && identity.attributes.level >= 3
	&& identity.attributes.notice != null && identity.attributes.notice >= duration("30d")
	&& identity.attributes.joined != null && identity.attributes.joined < now
	&& identity.attributes.sites != null && contains(identity.attributes.sites, "berlin")
	&& identity.attributes.address != null && cidrcontains("10.0.0.0/8", identity.attributes.address)
	&& event != null && event.attributes.region != null && event.attributes.region == "eu"`

func TestEachTypeOfAttributeReachesTheCondition(t *testing.T) {
	policy, diags := CompileEligibility(everyAttribute, nil, declared)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	in := withAttributes()
	if ok, err := policy.Eval(&in); !ok || err != nil {
		t.Errorf("comes to %v, %v", ok, err)
	}
	for name := range in.Identity.Attributes {
		without := withAttributes()
		delete(without.Identity.Attributes, name)
		if ok, err := policy.Eval(&without); ok || err != nil {
			t.Errorf("without %s it comes to %v, %v", name, ok, err)
		}
	}
	in.Event = nil
	if ok, err := policy.Eval(&in); ok || err != nil {
		t.Errorf("without an event it comes to %v, %v", ok, err)
	}
}

// A value of the wrong type cannot come to be through the engine. Were it null
// for conditions, a guardrail would let it pass.
func TestAValueOfAnotherTypeIsAnErrorAndNotNull(t *testing.T) {
	policy, diags := CompileEligibility(`identity.attributes.level != null && identity.attributes.level > 2`, nil, declared)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	for _, value := range []any{"3", true, time.Hour, time.Now(), []string{"3"}, 3.0, errors.New("x")} {
		in := usual()
		in.Identity.Attributes = Values{"level": value}
		var evalErr *condition.EvalError
		if ok, err := policy.Eval(&in); ok || !errors.As(err, &evalErr) || evalErr.Code != condition.EvalUnset {
			t.Errorf("%T comes to %v, %v", value, ok, err)
		}
	}
}

func TestACorrelationSeesTheAttributesOfIdentities(t *testing.T) {
	correlation, diags := CompileCorrelation(`identity.attributes.cost_center != null && account.name == identity.attributes.cost_center`, declared)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	got, err := correlation.Match(Account{Name: "4711"}, Identity{Attributes: Values{"cost_center": "4711"}})
	if !got || err != nil {
		t.Errorf("comes to %v, %v", got, err)
	}
	if _, diags := CompileCorrelation(`event.attributes.region == account.name && identity.name == "a"`, declared); len(diags) != 1 || diags[0].Code != condition.CodeUnknownName {
		t.Errorf("a correlation sees an event: %v", diags)
	}
}

func TestAnUndeclaredAttributeIsFoundWithItsMend(t *testing.T) {
	const src = `identity.attributes.cost_centre != null && event != null && event.attributes.xyzzy != null`
	_, diags := CompileEligibility(src, nil, declared)
	if len(diags) != 2 || diags[0].Code != condition.CodeUndeclared || diags[1].Code != condition.CodeUndeclared {
		t.Fatalf("found %v", diags)
	}
	if want := "did you mean identity.attributes.cost_center? If not, declare it with stint_attribute"; diags[0].Suggestion != want {
		t.Errorf("the mend is %q; want %q", diags[0].Suggestion, want)
	}
	if diags := CheckEligibility(src, nil); len(diags) > 0 {
		t.Errorf("before the declarations are known: %v", diags)
	}
	if diags := CheckEligibility(src+` && identity.nmae == "a"`, nil); len(diags) != 1 || diags[0].Code != condition.CodeUnknownName {
		t.Errorf("another mistake before the declarations are known: %v", diags)
	}
	if diags := CheckCorrelation(`account.name == identity.attributes.xyzzy`); len(diags) != 1 || diags[0].Code != condition.CodeUnguardedOptional {
		t.Errorf("a correlation before the declarations are known: %v", diags)
	}
	if diags := CheckCorrelation(`identity.attributes.xyzzy != null`); len(diags) != 1 || diags[0].Code != CodeOneSided {
		t.Errorf("a one-sided correlation before the declarations are known: %v", diags)
	}
}

func TestAttributesAreReadWhereverAConditionNamesThem(t *testing.T) {
	const src = `event != null && lower(identity.attributes.a) == "x" || event.attributes.b != null || identity.attributes.a.c == null || identity.name == "attributes.d"`
	if diff := cmp.Diff([]string{"a", "a"}, AttributesRead(src, OfIdentity)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"b"}, AttributesRead(src, OfEvent)); diff != "" {
		t.Error(diff)
	}
}

func TestValuesAreReadFromJSONByTheirType(t *testing.T) {
	strings := condition.List(condition.String)
	for _, c := range []struct {
		typ  condition.Type
		text string
		want any
	}{
		{condition.String, `"4711"`, "4711"},
		{condition.Bool, `true`, true},
		{condition.Int, `9007199254740993`, int64(9007199254740993)},
		{condition.Duration, `"1h30m"`, 90 * time.Minute},
		{condition.Time, `"2026-01-05T10:00:00+01:00"`, time.Date(2026, 1, 5, 10, 0, 0, 0, time.FixedZone("", 3600))},
		{strings, `["a", "b"]`, []string{"a", "b"}},
		{strings, `[]`, []string{}},
	} {
		got, err := ReadValue(c.typ, []byte(c.text))
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s as %s: %v\n%s", c.text, c.typ, err, diff)
		}
	}
}

func TestValuesOfAnotherTypeAreRefusedWithTheMend(t *testing.T) {
	for _, c := range []struct {
		typ        condition.Type
		text, want string
	}{
		{condition.String, `4711`, `it is declared as string; this is a number; write "4711" in quotes`},
		{condition.String, `["a"]`, `it is declared as string; this is a list`},
		{condition.Int, `"3"`, `it is declared as int; this is a string; write 3 without quotes`},
		{condition.Int, `"x"`, `it is declared as int; this is a string`},
		{condition.Int, `1.5`, `1.5 is not a whole number of 64 bits`},
		{condition.Bool, `"true"`, `it is declared as bool; this is a string; write true without quotes`},
		{condition.Bool, `{}`, `it is declared as bool; this is an object`},
		{condition.Duration, `3600`, `it is declared as duration; this is a number; write it like "1h30m"`},
		{condition.Duration, `"1 hour"`, `1h30m`},
		{condition.Time, `true`, `it is declared as time; this is a bool; write it like "2026-12-31T17:00:00Z"`},
		{condition.Time, `"today"`, `"today" is not a time; write it like 2026-12-31T17:00:00Z`},
		{condition.List(condition.String), `"a"`, `it is declared as list of string; this is a string; write a list of texts, like ["a", "b"]`},
		{condition.List(condition.String), `[1]`, `element 1 is not a string`},
		{condition.String, `null`, `it is null; leave it away`},
		{condition.String, `"a" "b"`, `text behind it`},
		{condition.String, `x`, `not JSON`},
	} {
		if _, err := ReadValue(c.typ, []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s as %s gives %v; want %s", c.text, c.typ, err, c.want)
		}
	}
}
