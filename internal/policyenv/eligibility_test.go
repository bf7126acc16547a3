package policyenv

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

func severity(n int64) *int64 { return &n }

func usual() Input {
	return Input{
		Identity:    Identity{ID: "alice", Name: "alice", Type: "human", Manager: "carol", Groups: []string{"sre-oncall", "staff"}, Status: "active"},
		Entitlement: Entitlement{ID: "billing/role/billing_admin", Application: "billing", Kind: "role", NativeID: "billing_admin", Owner: "dave", Risk: "critical"},
		Request:     Request{Duration: 2 * time.Hour, Justification: "INC-42", Template: "incident-admin", NotBefore: time.Date(2026, 3, 10, 17, 45, 0, 0, time.UTC)},
		Event:       &Event{ID: "e-1", Name: "inc-42", Kind: "incident", Severity: severity(2), Reference: "INC-42", EndsAt: time.Date(2026, 3, 10, 18, 0, 0, 0, time.UTC)},
		Now:         time.Date(2026, 3, 10, 17, 30, 0, 0, time.UTC),
	}
}

func compile(t testing.TB, src string, params Params) *Policy {
	t.Helper()
	p, diags := CompileEligibility(src, params, nil)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	return p
}

const oncall = `identity.type == "human"
&& contains(identity.groups, param.team)
&& event != null && event.kind == "incident" && event.severity != null && event.severity <= 2
&& request.duration <= duration(param.longest)`

var oncallParams = Params{"team": "sre-oncall", "longest": "4h"}

// readsVariable has a condition that reads it for each variable, and that holds.
var readsVariable = map[string]string{
	"identity.id":             `identity.id == "alice"`,
	"identity.name":           `identity.name == "alice"`,
	"identity.type":           `identity.type == "human"`,
	"identity.owner":          `identity.owner == null`,
	"identity.manager":        `identity.manager != null && identity.manager == "carol"`,
	"identity.groups":         `contains(identity.groups, "staff")`,
	"identity.status":         `identity.status == "active"`,
	"entitlement.id":          `entitlement.id == "billing/role/billing_admin"`,
	"entitlement.application": `entitlement.application == "billing"`,
	"entitlement.kind":        `entitlement.kind == "role"`,
	"entitlement.native_id":   `entitlement.native_id == "billing_admin"`,
	"entitlement.owner":       `entitlement.owner != null && entitlement.owner == "dave"`,
	"entitlement.risk":        `entitlement.risk == "critical"`,
	"request.duration":        `request.duration == duration("2h")`,
	"request.justification":   `request.justification != null && request.justification == "INC-42"`,
	"request.template":        `request.template == "incident-admin"`,
	"request.not_before":      `request.not_before == time("2026-03-10T17:45:00Z")`,
	"request.break_glass":     `!request.break_glass`,
	"event":                   `event != null`,
	"event.id":                `event != null && event.id == "e-1"`,
	"event.name":              `event != null && event.name == "inc-42"`,
	"event.kind":              `event != null && event.kind == "incident"`,
	"event.severity":          `event != null && event.severity != null && event.severity == 2`,
	"event.reference":         `event != null && event.reference != null && event.reference == "INC-42"`,
	"event.ends_at":           `event != null && event.ends_at == time("2026-03-10T18:00:00Z")`,
	"now":                     `now == time("2026-03-10T17:30:00Z")`,
}

func TestEveryVariableReachesTheCondition(t *testing.T) {
	for name, condition := range readsVariable {
		in := usual()
		if ok, err := compile(t, condition, nil).Eval(&in); !ok || err != nil {
			t.Errorf("%s: %s comes to %v, %v", name, condition, ok, err)
		}
	}
}

func TestEveryVariableIsDocumentedAndCovered(t *testing.T) {
	env, err := Eligibility(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range append(Variables(), CorrelationVariables()...) {
		if v.Doc == "" || v.Doc[len(v.Doc)-1] != '.' {
			t.Errorf("%s is documented as %q", v.Name, v.Doc)
		}
	}
	for _, v := range Variables() {
		if _, ok := env.Slot(v.Name); !ok {
			t.Errorf("the schema lacks %s", v.Name)
		}
	}
	if got := len(Variables()); got != 26 {
		t.Errorf("there are %d variables; extend the test that reads each of them", got)
	}
}

func TestAbsentValuesAreNull(t *testing.T) {
	in := usual()
	in.Identity.Manager, in.Entitlement.Owner, in.Request.Justification = "", "", ""
	in.Event.Severity, in.Event.Reference = nil, ""
	condition := `identity.owner == null && identity.manager == null && entitlement.owner == null && request.justification == null
		&& event != null && event.severity == null && event.reference == null`
	if ok, err := compile(t, condition, nil).Eval(&in); !ok || err != nil {
		t.Errorf("comes to %v, %v", ok, err)
	}
}

func TestThePolicyOfTheDesignDecides(t *testing.T) {
	policy := compile(t, oncall, oncallParams)
	for name, c := range map[string]struct {
		change func(*Input)
		want   bool
	}{
		"on call in an incident": {func(*Input) {}, true},
		"no event":               {func(in *Input) { in.Event = nil }, false},
		"another event":          {func(in *Input) { in.Event.Kind = "change" }, false},
		"a mild incident":        {func(in *Input) { in.Event.Severity = severity(3) }, false},
		"severity not known":     {func(in *Input) { in.Event.Severity = nil }, false},
		"not on call":            {func(in *Input) { in.Identity.Groups = nil }, false},
		"for too long":           {func(in *Input) { in.Request.Duration = 5 * time.Hour }, false},
		"an agent":               {func(in *Input) { in.Identity.Type = "agent" }, false},
	} {
		in := usual()
		c.change(&in)
		if got, err := policy.Eval(&in); got != c.want || err != nil {
			t.Errorf("%s: comes to %v, %v; want %v", name, got, err, c.want)
		}
	}
}

func TestOneDecisionLeavesNothingForTheNext(t *testing.T) {
	policy := compile(t, `event != null && event.kind == "incident"`, nil)
	with, without := usual(), usual()
	without.Event = nil
	for range 3 {
		if ok, err := policy.Eval(&with); !ok || err != nil {
			t.Fatalf("with an event: %v, %v", ok, err)
		}
		if ok, err := policy.Eval(&without); ok || err != nil {
			t.Fatalf("without an event: %v, %v", ok, err)
		}
	}
}

func TestAPolicyServesManyGoroutines(t *testing.T) {
	policy := compile(t, oncall, oncallParams)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			in := usual()
			if i%2 == 0 {
				in.Event = nil
			}
			for range 500 {
				if ok, err := policy.Eval(&in); ok != (in.Event != nil) || err != nil {
					t.Errorf("comes to %v, %v", ok, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestAnExplanationNamesTheFailedPartAndItsValues(t *testing.T) {
	in := usual()
	in.Identity.Groups = []string{"staff"}
	got := compile(t, oncall, oncallParams).Explain(&in)
	failed := got.Parts[1]
	if got.Result || failed.Outcome != condition.OutcomeFalse || failed.Text != "contains(identity.groups, param.team)" {
		t.Fatalf("explained as %+v", got)
	}
	want := []condition.Value{{Name: "identity.groups", Text: `["staff"]`}, {Name: "param.team", Text: `"sre-oncall"`}}
	if len(failed.Values) != 2 || failed.Values[0] != want[0] || failed.Values[1] != want[1] {
		t.Errorf("values: %v; want %v", failed.Values, want)
	}
}

func TestADecisionAllocatesNothing(t *testing.T) {
	policy, in := compile(t, oncall, oncallParams), usual()
	got := testing.AllocsPerRun(500, func() {
		if ok, err := policy.Eval(&in); !ok || err != nil {
			t.Errorf("comes to %v, %v", ok, err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestFindingsNamePlaceAndMend(t *testing.T) {
	for src, want := range map[string]condition.Code{
		`identity.type == "humna"`:                     condition.CodeUnknownValue,
		`event.kind == "incident"`:                     condition.CodeUnguardedOptional,
		`contains(identity.groups, param.taem)`:        condition.CodeUnknownName,
		`request.duration <= "4h"`:                     condition.CodeTypeMismatch,
		`entitlement.risk == "severe"`:                 condition.CodeUnknownValue,
		`account.name == identity.name`:                condition.CodeUnknownName,
		`identity.name != null`:                        condition.CodeNeverNull,
		`request.duration <= duration(param.team)`:     condition.CodeBadDuration,
		`identity.status == "active" || 1 == 1`:        condition.CodeConstantCondition,
		`matches(identity.name, "${param.team}-.*")`:   condition.CodeInterpolation,
		`contains(identity.groups, param.team) == now`: condition.CodeTypeMismatch,
	} {
		_, diags := CompileEligibility(src, oncallParams, nil)
		if len(diags) != 1 || diags[0].Code != want || diags[0].Suggestion == "" && want != condition.CodeBadDuration {
			t.Errorf("%s: found %v; want %s and a mend", src, diags, want)
		}
	}
}

func TestAnErrorIsTyped(t *testing.T) {
	policy := compile(t, `cidrcontains("10.0.0.0/8", identity.name)`, nil)
	in := usual()
	ok, err := policy.Eval(&in)
	var evalErr *condition.EvalError
	if ok || !errors.As(err, &evalErr) || evalErr.Code != condition.EvalBadAddress {
		t.Errorf("comes to %v, %v", ok, err)
	}
}

func BenchmarkEval(b *testing.B) {
	policy, in := compile(b, oncall, oncallParams), usual()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = policy.Eval(&in)
	}
}
