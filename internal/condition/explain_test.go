package condition

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func explain(t *testing.T, source string, differing ...string) Explanation {
	t.Helper()
	env := testEnv(t)
	program, diags := Compile(source, env)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	return program.Explain(usualFrame(t, env, differing...))
}

func TestAnExplanationSaysWhichPartFailedAndWhatItSaw(t *testing.T) {
	got := explain(t, "identity.type == \"human\"\n&& (event == null || event.kind == \"change\")\n&& identity.trained")
	if got.Result || got.Err != nil || len(got.Parts) != 3 {
		t.Fatalf("explained as %+v", got)
	}
	failed := got.Parts[1]
	if failed.Text != `event == null || event.kind == "change"` || failed.Range.Start != (Pos{Line: 2, Column: 5, Byte: 29}) {
		t.Errorf("the failed part is %q at %+v", failed.Text, failed.Range.Start)
	}
	outcomes := []Outcome{got.Parts[0].Outcome, failed.Outcome, got.Parts[2].Outcome}
	if diff := cmp.Diff([]Outcome{OutcomeTrue, OutcomeFalse, OutcomeNotEvaluated}, outcomes); diff != "" {
		t.Errorf("outcomes: %s", diff)
	}
	if diff := cmp.Diff([]Value{{"event", "present"}, {"event.kind", `"incident"`}}, failed.Values); diff != "" {
		t.Errorf("values of the failed part: %s", diff)
	}
	if got.Parts[2].Values != nil {
		t.Errorf("a part that was not evaluated saw %v", got.Parts[2].Values)
	}
}

func TestAnExplanationCarriesTheError(t *testing.T) {
	got := explain(t, `cidrcontains("10.0.0.0/8", identity.address) && identity.trained`, `identity.address = "office"`)
	if got.Result || got.Err == nil || got.Parts[0].Err != got.Err || got.Parts[0].Outcome != OutcomeError {
		t.Fatalf("explained as %+v", got)
	}
	if want := "1:28: its value is not an IP address (at identity.address)"; got.Err.Error() != want {
		t.Errorf("the error says %q; want %q", got.Err.Error(), want)
	}
	if diff := cmp.Diff([]Value{{"identity.address", `"office"`}}, got.Parts[0].Values); diff != "" {
		t.Errorf("values: %s", diff)
	}
}

func TestValuesAreShownAsConditionsWriteThem(t *testing.T) {
	got := explain(t, `!(identity.trained && request.duration < duration("90m") && contains(identity.groups, identity.name)
		&& event != null && event.severity != null && event.severity == length(identity.attributes) && now > event.ends_at
		&& identity.attributes[identity.name] != null && identity.owner == null)`, "event = null")
	want := []Value{
		{"identity.trained", "true"},
		{"request.duration", "2h"},
		{"identity.groups", `["sre-oncall", "staff"]`},
		{"identity.name", `"alice"`},
		{"event", "null"},
		{"event.severity", "null"},
		{"identity.attributes", "a map of 2"},
		{"now", "2026-03-10T17:30:00Z"},
		{"event.ends_at", "null"},
		{"identity.attributes[identity.name]", "null"},
		{"identity.owner", "null"},
	}
	if diff := cmp.Diff(want, got.Parts[0].Values); diff != "" {
		t.Error(diff)
	}
}

func TestAConditionWithoutAndIsOnePart(t *testing.T) {
	got := explain(t, `identity.trained || identity.name == "bob"`)
	if len(got.Parts) != 1 || got.Parts[0].Outcome != OutcomeTrue || !got.Result {
		t.Errorf("explained as %+v", got)
	}
}

func TestNestedAndsAreTopLevelParts(t *testing.T) {
	got := explain(t, `identity.trained && (identity.name == "alice" && (identity.type == "human"))`)
	if len(got.Parts) != 3 {
		t.Errorf("explained in %d parts", len(got.Parts))
	}
}
