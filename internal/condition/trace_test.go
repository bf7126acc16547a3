package condition

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
)

func trace(t *testing.T, source string, differing ...string) Explanation {
	t.Helper()
	env := testEnv(t)
	program, diags := Compile(source, env)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	return program.Trace(usualFrame(t, env, differing...))
}

func TestTheSmallestSubExpressionThatDecidedIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		frame  []string
		want   string
	}{
		"the first term of || that held":                 {`identity.name == "bob" || identity.trained || identity.type == "human"`, nil, `true: identity.trained is true [identity.trained=true]`},
		"no single term of ||":                           {`identity.name == "bob" || !identity.trained`, nil, `false: the whole`},
		"the operand of !":                               {`!identity.trained`, nil, `false: identity.trained is true [identity.trained=true]`},
		"what failed in && below ||":                     {`identity.name == "bob" || (identity.trained && identity.name == "eve")`, nil, `false: the whole`},
		"what failed in && below !":                      {`!(identity.trained && identity.name == "eve")`, nil, `true: identity.name == "eve" is false [identity.name="alice"]`},
		"no single term of &&":                           {`!(identity.trained && identity.name == "alice")`, nil, `false: identity.trained && identity.name == "alice" is true [identity.trained=true identity.name="alice"]`},
		"the branch that was taken":                      {`identity.trained ? identity.name == "eve" : identity.name == "alice"`, nil, `false: identity.name == "eve" is false [identity.name="alice"]`},
		"the other branch":                               {`!identity.trained ? identity.name == "eve" : identity.name == "alice"`, nil, `true: identity.name == "alice" is true [identity.name="alice"]`},
		"the test, when the branch is the same for all":  {`identity.trained ? false : identity.name == "alice"`, nil, `false: identity.trained is true [identity.trained=true]`},
		"what erred":                                     {`identity.name == "bob" || !(identity.trained && cidrcontains("10.0.0.0/8", identity.address))`, []string{`identity.address = "office"`}, `error: cidrcontains("10.0.0.0/8", identity.address) is error [identity.address="office"]`},
		"the test that erred":                            {`cidrcontains("10.0.0.0/8", identity.address) ? identity.trained : identity.name == "bob"`, []string{`identity.address = "office"`}, `error: cidrcontains("10.0.0.0/8", identity.address) is error [identity.address="office"]`},
		"a comparison is as small as it gets":            {`identity.name == "eve"`, nil, `false: the whole`},
		"down to the bottom":                             {`!(identity.name == "bob" || (identity.trained ? !(identity.type == "human") : identity.trained) || identity.trained)`, nil, `false: identity.trained is true [identity.trained=true]`},
		"parentheses do not count":                       {`(((identity.name == "eve")))`, nil, `false: the whole`},
		"a guard that decides hides what it stands for":  {`event == null || event.kind == "change"`, []string{"event = null"}, `true: event == null is true [event=null]`},
		"what stands behind a guard that let it through": {`!(event != null && event.kind == "incident")`, nil, `false: event != null && event.kind == "incident" is true [event=present event.kind="incident"]`},
	} {
		t.Run(name, func(t *testing.T) {
			got := trace(t, c.source, c.frame...)
			if len(got.Parts) != 1 {
				t.Fatalf("%d parts", len(got.Parts))
			}
			if diff := cmp.Diff(c.want, told(got.Parts[0])); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// told is an outcome with what decided it, as one line.
func told(p Part) string {
	if p.Decided == nil {
		return fmt.Sprintf("%s: the whole", p.Outcome)
	}
	var values []string
	for _, v := range p.Decided.Values {
		values = append(values, v.Name+"="+v.Text)
	}
	return fmt.Sprintf("%s: %s is %s [%s]", p.Outcome, p.Decided.Text, p.Decided.Outcome, strings.Join(values, " "))
}

func TestATraceGoesOnBehindThePartThatFailed(t *testing.T) {
	got := trace(t, `identity.trained && identity.name == "eve" && identity.type == "human" && identity.address == "x" && cidrcontains("10.0.0.0/8", identity.address)`, `identity.address = "office"`)
	var outcomes []string
	for _, part := range got.Parts {
		outcomes = append(outcomes, fmt.Sprintf("%s %v", part.Outcome, part.Behind))
	}
	want := []string{"true false", "false false", "true true", "false true", "error true"}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Error(diff)
	}
	if got.Result || got.Err != nil {
		t.Errorf("the result is %v, %v; an error behind the end is not one", got.Result, got.Err)
	}
	if diff := cmp.Diff([]Value{{"identity.type", `"human"`}}, got.Parts[2].Values); diff != "" {
		t.Errorf("values behind the end: %s", diff)
	}
}

func TestAPartWhoseGuardFailedIsNotJudged(t *testing.T) {
	env, noEvent := testEnv(t), fuzzWorlds(t)[1].with(t, "identity.trained = true")
	maps.DeleteFunc(noEvent, func(name string, _ cty.Value) bool { return strings.HasPrefix(name, "event.") })
	program, diags := Compile(`event != null && event.kind == "incident" && event.severity != null && event.severity <= 2 && identity.trained`, env)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	got := program.Trace(noEvent.frame(t, env))
	var outcomes []Outcome
	for _, part := range got.Parts {
		outcomes = append(outcomes, part.Outcome)
		if part.Outcome == OutcomeNotEvaluated && (part.Values != nil || part.Err != nil || part.Decided != nil) {
			t.Errorf("%s was not judged, and yet tells %+v", part.Text, part)
		}
	}
	want := []Outcome{OutcomeFalse, OutcomeNotEvaluated, OutcomeNotEvaluated, OutcomeNotEvaluated, OutcomeTrue}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Error(diff)
	}
}

func TestATraceOfAnotherSchemasFrameIsItsError(t *testing.T) {
	env := testEnv(t)
	program, _ := Compile("identity.trained", env)
	got := program.Trace(testEnv(t).NewFrame())
	if got.Err == nil || got.Err.Code != EvalWrongFrame || got.Parts[0].Outcome != OutcomeNotEvaluated {
		t.Errorf("traced as %+v", got)
	}
}

// What a trace says up to where the evaluation stopped is what Explain says, and
// what it tells of any piece of the text is what that piece comes to when it
// stands alone.
func TestATraceAgreesWithEvaluation(t *testing.T) {
	env, worlds := testEnv(t), fuzzWorlds(t)
	random := rand.New(rand.NewPCG(3, 11))
	traced, alone := 0, 0
	for range 3000 {
		source := (&generator{data: randomBytes(random)}).condition(3).plain()
		program, _ := Compile(source, env)
		if program == nil {
			continue
		}
		traced++
		frame := worlds[random.IntN(len(worlds))].frame(t, env)
		explained, got := program.Explain(frame), program.Trace(frame)
		if got.Result != explained.Result || got.Err != explained.Err {
			t.Fatalf("%s comes to %v, %v; traced as %v, %v", source, explained.Result, explained.Err, got.Result, got.Err)
		}
		for i, part := range got.Parts {
			if part.Behind != (explained.Parts[i].Outcome == OutcomeNotEvaluated) {
				t.Fatalf("%s: part %d behind the end: %v, explained as %s", source, i+1, part.Behind, explained.Parts[i].Outcome)
			}
			if !part.Behind && (part.Outcome != explained.Parts[i].Outcome || part.Err != explained.Parts[i].Err) {
				t.Fatalf("%s: part %d is %s, explained as %s", source, i+1, part.Outcome, explained.Parts[i].Outcome)
			}
			alone += comesTo(t, env, frame, part.Text, part.Outcome)
			if part.Decided != nil {
				alone += comesTo(t, env, frame, part.Decided.Text, part.Decided.Outcome)
			}
		}
	}
	if traced < 300 || alone < traced {
		t.Errorf("only %d conditions were traced, and %d pieces stood alone; the comparison says little", traced, alone)
	}
}

// comesTo checks a piece of a condition by itself and counts it; one that needs
// a guard of its own, or is constant, does not compile and does not count.
func comesTo(t *testing.T, env *Env, frame *Frame, text string, told Outcome) int {
	t.Helper()
	program, _ := Compile(text, env)
	if program == nil {
		return 0
	}
	result, err := program.Eval(frame)
	want := Outcome(strconv.FormatBool(result))
	if err != nil {
		want = OutcomeError
	}
	if told != want {
		t.Fatalf("%s comes to %s by itself, traced as %s", text, want, told)
	}
	return 1
}
