package condition

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// fuzzWorlds are complete: every variable of the schema is set or null.
func fuzzWorlds(t testing.TB) []world {
	t.Helper()
	preamble, _ := readTable(t, "testdata/good.txt")
	usual := usualWorld(t, preamble)
	return []world{
		usual,
		usual.with(t, "event = null", "identity.trained = false", "identity.groups = []", "custom.level = null", "custom.sites = null", "custom.vetted = null"),
		usual.with(t, "event.severity = null", "identity.owner = \"alice\"", "identity.name = \"Zoë\"", "request.duration = \"1h\""),
		usual.with(t, "identity.type = \"agent\"", "identity.name = \"Alice\"", "request.justification = \"INC-42 disk full\"", "identity.address = \"192.0.2.1\""),
	}
}

// holdPromises checks on one source text what the package promises for all. It
// says whether the text compiles.
func holdPromises(t *testing.T, env *Env, worlds []world, src string) bool {
	t.Helper()
	canonicalText, err := Canonical(src)
	if len(canonicalText) > MaxSource {
		return false
	}
	if err == nil {
		again, err := Canonical(canonicalText)
		if err != nil || again != canonicalText {
			t.Fatalf("canonical form %.500q of %.500q becomes %.500q, %v", canonicalText, src, again, err)
		}
	}
	program, diags := Compile(src, env)
	if (program == nil) == (len(diags) == 0) {
		t.Fatalf("%q: program %v, findings %v", src, program, diags)
	}
	for _, d := range diags {
		if d.Code == "" || d.Message == "" || d.Range.Start.Line < 1 || d.Range.Start.Column < 1 || d.Range.Start.Byte > len(src) {
			t.Fatalf("%q: incomplete finding %+v", src, d)
		}
	}
	if program == nil {
		return false
	}
	same, diags := Compile(canonicalText, env)
	if err := diags.Err(); err != nil {
		t.Fatalf("%q compiles, its canonical form %q does not: %v", src, canonicalText, err)
	}
	for i, w := range worlds {
		frame := w.frame(t, env)
		result, err := program.Eval(frame)
		var evalErr *EvalError
		if errors.As(err, &evalErr) && evalErr.Code != EvalBadAddress {
			t.Fatalf("%q errs in world %d: %v", src, i, err)
		}
		if other, otherErr := same.Eval(frame); other != result || (otherErr == nil) != (err == nil) {
			t.Fatalf("%q is %v, %v; its canonical form %q is %v, %v", src, result, err, canonicalText, other, otherErr)
		}
		if explained := explainedOutcome(program.Explain(frame)); explained != outcome(result, err) {
			t.Fatalf("%q is %s, explained as %s", src, outcome(result, err), explained)
		}
	}
	return true
}

func FuzzCompile(f *testing.F) {
	for _, table := range []string{"testdata/good.txt", "testdata/bad.txt"} {
		_, rows := readTable(f, table)
		for _, row := range rows {
			f.Add(row.source)
		}
	}
	f.Add(strings.Repeat("(", 5000))
	f.Add(strings.Repeat("!", 5000) + "identity.trained")
	env, worlds := testEnv(f), fuzzWorlds(f)
	f.Fuzz(func(t *testing.T, src string) {
		holdPromises(t, env, worlds, src)
	})
}

// holdGenerated adds what can be said of a text whose layout is under control
// and that HCL's own evaluator understands.
func holdGenerated(t *testing.T, env *Env, worlds []world, data []byte) bool {
	t.Helper()
	g := &generator{data: data}
	laidOut := g.condition(3)
	plain, noisy := laidOut.plain(), laidOut.noisy()
	compiles := holdPromises(t, env, worlds, plain)
	one, err := Canonical(plain)
	if err != nil {
		return compiles
	}
	if other, err := Canonical(noisy); err != nil || other != one {
		t.Fatalf("laid out as %q the canonical form of %q is %q, %v, not %q", noisy, plain, other, err, one)
	}
	if !compiles {
		return false
	}
	program, _ := Compile(noisy, env)
	for i, w := range worlds {
		result, err := program.Eval(w.frame(t, env))
		want, ok := oracle(t, plain, w)
		if err == nil && (!ok || result != want) {
			t.Fatalf("%s is %v in world %d; HCL says %v, %v", plain, result, i, want, ok)
		}
	}
	return true
}

func FuzzGenerated(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		f.Add(randomBytes(random))
	}
	env, worlds := testEnv(f), fuzzWorlds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		holdGenerated(t, env, worlds, data)
	})
}

func TestGeneratedConditionsKeepThePromises(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	env, worlds := testEnv(t), fuzzWorlds(t)
	compiled := 0
	for range 500 {
		if holdGenerated(t, env, worlds, randomBytes(random)) {
			compiled++
		}
	}
	if compiled < 50 {
		t.Errorf("only %d of 500 generated conditions compile; that says little", compiled)
	}
}

func randomBytes(random *rand.Rand) []byte {
	data := make([]byte, 20+random.IntN(100))
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}
