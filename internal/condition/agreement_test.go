package condition

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// envAgreement asks for a long comparison: the number of evaluations. Its result
// is noted in testdata/agreement.txt, which the reference page quotes.
const envAgreement = "STINT_AGREEMENT"

// agreementNote is where the last long comparison left its result.
const agreementNote = "testdata/agreement.txt"

// agreement counts what was compared.
type agreement struct {
	conditions, evaluations int
	erred                   int // evaluations that erred here, where HCL may absorb the error
}

// TestGeneratedConditionsAgreeWithHCL compares with HCL's own evaluator, for each
// of many generated conditions in each of many generated worlds.
func TestGeneratedConditionsAgreeWithHCL(t *testing.T) {
	wanted, noted := 40_000, false
	if given := os.Getenv(envAgreement); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil {
			t.Fatalf("%s: %v", envAgreement, err)
		}
		wanted, noted = n, true
	}
	random := rand.New(rand.NewPCG(5, 6))
	env := testEnv(t)
	compared := newSurroundings(t, env, random, 200)
	var sum agreement
	for sum.evaluations < wanted {
		src := (&generator{data: randomBytes(random)}).condition(3).plain()
		program, diags := Compile(src, env)
		if len(diags) > 0 {
			continue
		}
		sum.conditions++
		compared.agree(t, src, program, &sum)
	}
	line := fmt.Sprintf("%d evaluations of %d generated conditions in %d generated worlds came to what the evaluator of %s says; there was no mismatch. %d more ended in an evaluation error and were not compared.",
		sum.evaluations, sum.conditions, len(compared), hclVersion(t), sum.erred)
	t.Log(line)
	if noted {
		if err := os.WriteFile(agreementNote, []byte(line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// surroundings is one world, ready for both evaluators.
type surroundings struct {
	world world
	frame *Frame
	hcl   *hcl.EvalContext
}

type worlds []surroundings

func newSurroundings(t *testing.T, env *Env, random *rand.Rand, n int) worlds {
	t.Helper()
	all := make(worlds, n)
	functions := oracleFunctions()
	for i := range all {
		w := randomWorld(t, env, random)
		all[i] = surroundings{w, w.frame(t, env), &hcl.EvalContext{Variables: w.variables(t), Functions: functions}}
	}
	return all
}

func (ws worlds) agree(t *testing.T, src string, program *Program, sum *agreement) {
	t.Helper()
	theirs := oracleParse(t, src)
	for _, w := range ws {
		got, err := program.Eval(w.frame)
		if err != nil {
			sum.erred++
			continue
		}
		sum.evaluations++
		if want, ok := theirs.in(w.hcl); !ok || got != want {
			t.Fatalf("%s is %v in the world %v; HCL says %v, %v", src, got, w.world, want, ok)
		}
	}
}

// randomWorld gives every variable of the schema a value, or null where it may.
func randomWorld(t *testing.T, env *Env, random *rand.Rand) world {
	t.Helper()
	preamble, _ := readTable(t, "testdata/good.txt")
	w := usualWorld(t, preamble)
	for _, v := range env.slots {
		switch {
		case v.known != nil: // fixed when a condition is compiled
		case v.optional && random.IntN(3) == 0:
			w[v.path] = cty.NullVal(cty.DynamicPseudoType)
		default:
			w[v.path] = randomValue(v, random)
		}
	}
	return w
}

func randomValue(v *variable, random *rand.Rand) cty.Value {
	switch {
	case v.typ == Object:
		return presentWord
	case v.path == "identity.address":
		return cty.StringVal(pick(random, "10.1.2.3", "10.255.0.0", "192.0.2.1", "::1", "::ffff:10.1.1.1", "office"))
	case v.values != nil:
		return cty.StringVal(pick(random, v.values...))
	}
	switch v.typ {
	case Bool:
		return cty.BoolVal(random.IntN(2) == 0)
	case Int:
		return cty.NumberIntVal(pick(random, int64(random.IntN(20)-5), 0, 1, 2, math.MaxInt64, math.MinInt64, 1<<53+1))
	case Duration:
		return cty.StringVal(FormatDuration(time.Duration(random.IntN(3*24*3600)) * time.Second))
	case Time:
		return cty.StringVal(time.Unix(1_700_000_000+random.Int64N(400_000_000), 0).UTC().Format(time.RFC3339))
	case String:
		return cty.StringVal(randomText(random))
	case Map(String):
		return cty.EmptyObjectVal // HCL has no map whose missing keys are null
	}
	texts := make([]cty.Value, random.IntN(4))
	for i := range texts {
		texts[i] = cty.StringVal(randomText(random))
	}
	return cty.TupleVal(texts)
}

func randomText(random *rand.Rand) string {
	return pick(random, "", "alice", "Alice", "ALICE", "human", "sre-oncall", "staff", "incident", "change", "monday",
		"Zo\u00eb", "Zoe\u0308", "\u1e9e", "\u0130stanbul", "a\"\n\\", "${x}", "4711", "\u65e5\u672c", string(rune('a'+random.IntN(26))))
}

func pick[T any](random *rand.Rand, choices ...T) T { return choices[random.IntN(len(choices))] }

// hclVersion is the version that this module is built with.
func hclVersion(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`github.com/hashicorp/hcl/v2 v\S+`).Find(text)
	if found == nil {
		t.Fatal("go.mod does not name hcl")
	}
	return string(found)
}
