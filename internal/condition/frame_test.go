package condition

import (
	"testing"
	"time"
)

const realistic = `identity.type == "human"
  && contains(identity.groups, "sre-oncall")
  && event != null && event.kind == "incident" && event.severity != null && event.severity <= 2
  && request.duration <= duration("4h")
  && matches(identity.name, "^[a-z]+$") && lower(identity.name) == "alice"
  && hour(now, "Europe/Berlin") >= 8 && weekday(now, "Europe/Berlin") != "sunday"
  && identity.attributes["team"] != null && identity.attributes["team"] == "payments"
  && cidrcontains("10.0.0.0/8", identity.address)
  && anyof(param.teams, identity.groups) && now < time("2030-01-01T00:00:00Z")`

func usualFrame(t testing.TB, env *Env, differing ...string) *Frame {
	t.Helper()
	preamble, _ := readTable(t, "testdata/good.txt")
	return usualWorld(t, preamble).with(t, differing...).frame(t, env)
}

func TestEvaluationAllocatesNothing(t *testing.T) {
	env := testEnv(t)
	for name, c := range map[string]struct {
		source  string
		differs string
		want    string
	}{
		"a realistic condition": {realistic, "param.level = 2", "true"},
		"texts made on the way": {`lower(identity.name) == "alice" && lower(lower(identity.name)) != "bob"`, `identity.name = "ALICE"`, "true"},
		"an error":              {realistic, `identity.address = "office"`, "error bad_address"},
	} {
		program, diags := Compile(c.source, env)
		if err := diags.Err(); err != nil {
			t.Fatal(err)
		}
		frame := usualFrame(t, env, c.differs)
		if got := outcome(program.Eval(frame)); got != c.want {
			t.Errorf("%s: comes to %s; want %s", name, got, c.want)
		}
		if got := testing.AllocsPerRun(200, func() { _, _ = program.Eval(frame) }); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

func TestFramesOfAnotherSchemaAreRefused(t *testing.T) {
	program, diags := Compile(`identity.trained`, testEnv(t))
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	other := testEnv(t).NewFrame()
	if got := outcome(program.Eval(other)); got != "error wrong_frame" {
		t.Errorf("Eval comes to %s", got)
	}
	if explained := program.Explain(other); explained.Err == nil || explained.Parts[0].Outcome != OutcomeNotEvaluated {
		t.Errorf("Explain says %+v", explained)
	}
}

func TestTimesAreInstantsWhateverTheirZone(t *testing.T) {
	env := testEnv(t)
	program, diags := Compile(`contains([time("2026-03-10T17:30:00Z")], now) && hour(now, "UTC") == 17`, env)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	frame := env.NewFrame()
	slot, _ := env.Slot("now")
	frame.SetTime(slot, time.Date(2026, 3, 10, 23, 30, 0, 0, time.FixedZone("east", 6*3600)))
	if got := outcome(program.Eval(frame)); got != "true" {
		t.Errorf("comes to %s", got)
	}
}

func TestUnsetForgetsTheValue(t *testing.T) {
	env := testEnv(t)
	program, _ := Compile(`identity.trained`, env)
	frame := usualFrame(t, env)
	slot, _ := env.Slot("identity.trained")
	frame.Unset(slot)
	if got := outcome(program.Eval(frame)); got != "error unset" {
		t.Errorf("after Unset it comes to %s", got)
	}
}

func TestSettersThatDoNotFitPanic(t *testing.T) {
	env := testEnv(t)
	name, _ := env.Slot("identity.name")
	for what, set := range map[string]func(*Frame){
		"an int in a string":   func(f *Frame) { f.SetInt(name, 1) },
		"null in a sure thing": func(f *Frame) { f.SetNull(name) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is accepted", what)
				}
			}()
			set(env.NewFrame())
		}()
	}
}

func TestListsAndMapsAreNormalisedWithoutTouchingTheCallers(t *testing.T) {
	env := testEnv(t)
	program, diags := Compile(`contains(identity.groups, "Zoë") && identity.attributes["Zoë"] != null && identity.attributes["Zoë"] == "ë"`, env)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	groups, attributes := []string{"Zoe\u0308"}, map[string]string{"Zoe\u0308": "e\u0308"}
	frame := env.NewFrame()
	slot, _ := env.Slot("identity.groups")
	frame.SetStrings(slot, groups)
	slot, _ = env.Slot("identity.attributes")
	frame.SetMap(slot, attributes)
	if result, err := program.Eval(frame); !result || err != nil {
		t.Errorf("comes to %v, %v", result, err)
	}
	if groups[0] != "Zoe\u0308" || attributes["Zoe\u0308"] != "e\u0308" {
		t.Error("the caller's values changed")
	}
}

func BenchmarkEval(b *testing.B) {
	env := testEnv(b)
	program, _ := Compile(realistic, env)
	frame := usualFrame(b, env)
	for b.Loop() {
		_, _ = program.Eval(frame)
	}
}
