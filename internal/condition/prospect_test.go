package condition

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsUnknownDecidesOnlyWhereItMatters(t *testing.T) {
	for source, want := range map[string]Prospect{
		`identity.type == "human" && event != null`:                                        CanHold | CanFail,
		`identity.type == "agent" && event != null`:                                        CanFail,
		`event != null && identity.type == "agent"`:                                        CanFail,
		`identity.type == "human" || event != null`:                                        CanHold,
		`event != null || identity.type == "human"`:                                        CanHold,
		`!(event != null && identity.type == "agent")`:                                     CanHold,
		`event != null && event.kind == "incident"`:                                        CanHold | CanFail,
		`event == null || event.kind == "incident"`:                                        CanHold | CanFail,
		`event != null ? identity.trained : identity.type == "human"`:                      CanHold,
		`event != null ? identity.trained : identity.type == "agent"`:                      CanHold | CanFail,
		`(event != null) == identity.trained`:                                              CanHold | CanFail,
		`contains(identity.groups, event != null ? "staff" : "sre-oncall")`:                CanHold | CanFail,
		`identity.trained && contains(identity.groups, "staff")`:                           CanHold,
		`request.duration <= duration("4h")`:                                               CanHold | CanFail,
		`request.duration <= duration("8h")`:                                               CanHold,
		`request.duration > duration("8h")`:                                                CanFail,
		`duration("8h") >= request.duration`:                                               CanHold,
		`request.duration != duration("9h")`:                                               CanHold,
		`request.duration == duration("9h")`:                                               CanFail,
		`request.duration == duration("8h")`:                                               CanHold | CanFail,
		`cidrcontains("10.0.0.0/8", identity.address) && identity.trained`:                 CanHold | CanFail | CanErr,
		`identity.type == "human" || cidrcontains("10.0.0.0/8", identity.address)`:         CanHold,
		`identity.type == "agent" || cidrcontains("10.0.0.0/8", identity.address)`:         CanHold | CanFail | CanErr,
		`!cidrcontains("10.0.0.0/8", identity.address)`:                                    CanHold | CanFail | CanErr,
		`cidrcontains("10.0.0.0/8", identity.address) && identity.type == "agent"`:         CanFail | CanErr,
		`(cidrcontains("10.0.0.0/8", identity.address) ? event == null : event != null)`:   CanHold | CanFail | CanErr,
		`identity.attributes["team"] != null && identity.attributes["team"] == "payments"`: CanHold,
	} {
		env := testEnv(t)
		program, diags := Compile(source, env)
		if err := diags.Err(); err != nil {
			t.Fatal(err)
		}
		frame := usualFrame(t, env)
		for _, path := range []string{"event", "identity.address"} {
			slot, _ := env.Slot(path)
			frame.SetUnknown(slot)
		}
		duration, _ := env.Slot("request.duration")
		frame.SetDurationWithin(duration, time.Second, 8*time.Hour)
		if got := program.Foresee(frame).Prospect; got != want {
			t.Errorf("%s: %03b, want %03b", source, got, want)
		}
	}
}

func TestForesightSaysWhatItDependsOn(t *testing.T) {
	env := testEnv(t)
	program, diags := Compile("identity.trained\n&& event != null && event.kind == \"incident\"\n&& identity.type == \"agent\" && identity.trained", env)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	frame := usualFrame(t, env)
	event, _ := env.Slot("event")
	frame.SetUnknown(event)
	var outcomes []Outcome
	foresight := program.Foresee(frame)
	for _, part := range foresight.Parts {
		outcomes = append(outcomes, part.Outcome)
	}
	want := []Outcome{OutcomeTrue, OutcomeUnknown, OutcomeUnknown, OutcomeFalse, OutcomeNotEvaluated}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Value{{"event.kind", "(not known yet)"}}, foresight.Parts[2].Values); diff != "" {
		t.Error(diff)
	}
}

func TestNothingUnknownIsForeseenAsItIsDecided(t *testing.T) {
	env, worlds := testEnv(t), fuzzWorlds(t)
	_, rows := readTable(t, "testdata/good.txt")
	for _, row := range rows {
		program, diags := Compile(row.source, env)
		if err := diags.Err(); err != nil {
			t.Fatal(err)
		}
		for i, w := range worlds {
			result, err := program.Eval(w.frame(t, env))
			if got := program.Foresee(w.frame(t, env)).Prospect; got != prospectOf(result, err) {
				t.Errorf("line %d in world %d: %s, foreseen as %03b", row.line, i, outcome(result, err), got)
			}
		}
	}
}

func TestAnUnknownVariableDeniesWhenItIsDecidedOn(t *testing.T) {
	env := testEnv(t)
	program, _ := Compile(`event == null`, env)
	frame := usualFrame(t, env)
	event, _ := env.Slot("event")
	frame.SetUnknown(event)
	var evalErr *EvalError
	if result, err := program.Eval(frame); result || !errors.As(err, &evalErr) || evalErr.Code != EvalUnset {
		t.Errorf("comes to %v, %v", result, err)
	}
}

// TestNoOutcomeIsUnforeseen forgets some variables of one world and looks whether
// every way to fill them again comes to something that was foreseen.
func TestNoOutcomeIsUnforeseen(t *testing.T) {
	env, worlds := testEnv(t), fuzzWorlds(t)
	random := rand.New(rand.NewPCG(5, 7))
	compared := 0
	for range 5000 {
		g := &generator{data: randomBytes(random)}
		source := g.condition(3).plain()
		program, _ := Compile(source, env)
		if program == nil {
			continue
		}
		compared++
		known := worlds[random.IntN(len(worlds))]
		var hidden []string
		frame := known.frame(t, env)
		for _, name := range slices.Sorted(maps.Keys(known)) {
			if slot, ok := env.Slot(name); ok && random.IntN(3) == 0 {
				hidden = append(hidden, name)
				frame.SetUnknown(slot)
			}
		}
		foreseen := program.Foresee(frame).Prospect
		for range 8 {
			filled := known.with(t)
			for _, name := range hidden {
				filled.takeFrom(worlds[random.IntN(len(worlds))], name)
			}
			result, err := program.Eval(filled.frame(t, env))
			if came := prospectOf(result, err); foreseen&came == 0 {
				t.Fatalf("%s: foreseen as %03b, comes to %s in %v", source, foreseen, outcome(result, err), filled)
			}
		}
	}
	if compared < 500 {
		t.Errorf("only %d of 5000 generated conditions compile; the comparison says little", compared)
	}
}

// takeFrom takes a variable's value from another world, and with an object those
// of its attributes.
func (w world) takeFrom(other world, name string) {
	for path, value := range other {
		if path == name || len(path) > len(name) && path[:len(name)+1] == name+"." {
			w[path] = value
		}
	}
}

func prospectOf(result bool, err error) Prospect {
	switch {
	case err != nil:
		return CanErr
	case result:
		return CanHold
	}
	return CanFail
}
