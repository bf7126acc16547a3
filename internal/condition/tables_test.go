package condition

import (
	"bufio"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// row is one entry of a table in testdata.
type row struct {
	title  string
	line   int
	source string
	below  []string // the lines below the source
}

// readTable reads "# title" entries; what stands before the first is the preamble.
func readTable(t testing.TB, path string) (preamble row, rows []row) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	current := &preamble
	scanner := bufio.NewScanner(file)
	for n := 1; scanner.Scan(); n++ {
		line := scanner.Text()
		switch {
		case strings.HasPrefix(line, "# "):
			rows = append(rows, row{title: line[2:], line: n})
			current = &rows[len(rows)-1]
		case strings.HasPrefix(line, "    "):
			current.source += line[4:] + "\n"
		case line != "":
			current.below = append(current.below, line)
		}
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return preamble, rows
}

func text(s string) *string { return &s }

// testEnv is the schema of the tables.
func testEnv(t testing.TB) *Env {
	t.Helper()
	env, err := NewEnv(
		Var{Name: "identity.name", Type: String},
		Var{Name: "identity.type", Type: String, Values: []string{"human", "agent"}},
		Var{Name: "identity.owner", Type: String, Optional: true},
		Var{Name: "identity.groups", Type: List(String)},
		Var{Name: "identity.trained", Type: Bool},
		Var{Name: "identity.attributes", Type: Map(String)},
		Var{Name: "identity.address", Type: String},
		Var{Name: "request.duration", Type: Duration},
		Var{Name: "request.justification", Type: String, Optional: true},
		Var{Name: "event", Type: Object, Optional: true},
		Var{Name: "event.kind", Type: String},
		Var{Name: "event.severity", Type: Int, Optional: true},
		Var{Name: "event.ends_at", Type: Time},
		Var{Name: "now", Type: Time},
		Var{Name: "custom", Type: Object, Declare: "declare it first"},
		Var{Name: "custom.cost_center", Type: String, Optional: true},
		Var{Name: "custom.level", Type: Int, Optional: true},
		Var{Name: "custom.vetted", Type: Bool, Optional: true},
		Var{Name: "custom.sites", Type: List(String), Optional: true},
		Var{Name: "custom.notice_duration", Type: Duration, Optional: true},
		Var{Name: "custom.vetted_at", Type: Time, Optional: true},
		Var{Name: "param.team", Type: String, Known: text("sre-oncall")},
		Var{Name: "param.longest", Type: String, Known: text("4h")},
		Var{Name: "param.name", Type: String, Known: text("^[a-z]+$")},
		Var{Name: "param.teams", Type: List(String)},
		Var{Name: "param.level", Type: Int},
	)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// world is the values of a table row by variable; a missing one was never set.
type world map[string]cty.Value

var presentWord, unsetWord = cty.StringVal("present"), cty.StringVal("unset")

// with reads "name = value; name = value" over a copy of the world.
func (w world) with(t testing.TB, assignments ...string) world {
	t.Helper()
	out := world{}
	for name, value := range w {
		out[name] = value
	}
	for _, assignment := range assignments {
		name, written, ok := strings.Cut(assignment, " = ")
		if !ok {
			t.Fatalf("%q is not an assignment", assignment)
		}
		out[strings.TrimSpace(name)] = readValue(t, written)
	}
	return out
}

func readValue(t testing.TB, written string) cty.Value {
	t.Helper()
	switch strings.TrimSpace(written) {
	case "present":
		return presentWord
	case "unset":
		return unsetWord
	}
	tree, diags := hclsyntax.ParseExpression([]byte(written), "", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("read the value %s: %v", written, diags)
	}
	value, diags := tree.Value(nil)
	if diags.HasErrors() {
		t.Fatalf("read the value %s: %v", written, diags)
	}
	return value
}

// frame fills a frame with a world.
func (w world) frame(t testing.TB, env *Env) *Frame {
	t.Helper()
	f := env.NewFrame()
	for name, value := range w {
		slot, ok := env.Slot(name)
		if !ok {
			t.Fatalf("there is no variable %s", name)
		}
		if value.RawEquals(unsetWord) {
			continue
		}
		if value.IsNull() {
			f.SetNull(slot)
			continue
		}
		w.set(t, f, slot, value)
	}
	return f
}

func (w world) set(t testing.TB, f *Frame, slot Slot, value cty.Value) {
	switch f.env.slots[slot].typ {
	case Object:
		f.SetPresent(slot)
	case Bool:
		f.SetBool(slot, value.True())
	case String:
		f.SetString(slot, value.AsString())
	case Int:
		n, _ := value.AsBigFloat().Int64()
		f.SetInt(slot, n)
	case Duration:
		d, err := ParseDuration(value.AsString())
		if err != nil {
			t.Fatal(err)
		}
		f.SetDuration(slot, d)
	case Time:
		at, err := time.Parse(time.RFC3339, value.AsString())
		if err != nil {
			t.Fatal(err)
		}
		f.SetTime(slot, at)
	case List(String):
		texts := []string{}
		for _, item := range value.AsValueSlice() {
			texts = append(texts, item.AsString())
		}
		f.SetStrings(slot, texts)
	case Map(String):
		texts := map[string]string{}
		for key, item := range value.AsValueMap() {
			texts[key] = item.AsString()
		}
		f.SetMap(slot, texts)
	}
}

func usualWorld(t testing.TB, preamble row) world {
	t.Helper()
	return world{}.with(t, strings.Split(strings.TrimSpace(preamble.source), "\n")...)
}

func TestGoodConditionsComeToWhatTheTableSays(t *testing.T) {
	env := testEnv(t)
	preamble, rows := readTable(t, "testdata/good.txt")
	usual := usualWorld(t, preamble)
	if len(rows) < 60 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	for _, row := range rows {
		t.Run(row.title, func(t *testing.T) {
			program, diags := Compile(row.source, env)
			if err := diags.Err(); err != nil {
				t.Fatalf("good.txt:%d: refused: %v", row.line, err)
			}
			if len(row.below) == 0 {
				t.Fatalf("good.txt:%d: no result", row.line)
			}
			for _, expectation := range row.below {
				want, differing, _ := strings.Cut(expectation, " when ")
				here := usual
				if differing != "" {
					here = usual.with(t, strings.Split(differing, "; ")...)
				}
				frame := here.frame(t, env)
				if got := outcome(program.Eval(frame)); got != want {
					t.Errorf("good.txt:%d: %s: got %s", row.line, expectation, got)
				}
				explained := program.Explain(frame)
				if got := explainedOutcome(explained); got != want {
					t.Errorf("good.txt:%d: %s: explained as %s", row.line, expectation, got)
				}
			}
		})
	}
}

func outcome(result bool, err error) string {
	var evalErr *EvalError
	if errors.As(err, &evalErr) {
		return "error " + string(evalErr.Code)
	}
	return strconv.FormatBool(result)
}

// explainedOutcome is what the parts of an explanation say, after each other.
func explainedOutcome(e Explanation) string {
	for _, part := range e.Parts {
		switch part.Outcome {
		case OutcomeError:
			return "error " + string(part.Err.Code)
		case OutcomeFalse:
			return "false"
		}
	}
	return "true"
}

var finding = regexp.MustCompile("^([a-z_]+) at ([0-9]+):([0-9]+) `(.*?)`(?:: (.*))?$")

func TestBadConditionsAreRefusedWhereTheTableSays(t *testing.T) {
	env := testEnv(t)
	_, rows := readTable(t, "testdata/bad.txt")
	if len(rows) < 120 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	for _, row := range rows {
		t.Run(row.title, func(t *testing.T) {
			program, diags := Compile(row.source, env)
			if program != nil || len(diags) != len(row.below) {
				t.Fatalf("bad.txt:%d: want %d findings, got %d:\n%v", row.line, len(row.below), len(diags), diags)
			}
			for i, expectation := range row.below {
				want := finding.FindStringSubmatch(expectation)
				if want == nil {
					t.Fatalf("bad.txt:%d: cannot read %q", row.line, expectation)
				}
				d := diags[i]
				place := strconv.Itoa(d.Range.Start.Line) + ":" + strconv.Itoa(d.Range.Start.Column)
				if string(d.Code) != want[1] || place != want[2]+":"+want[3] || d.Text != want[4] {
					t.Errorf("bad.txt:%d: want %s\ngot %s at %s `%s`: %s", row.line, expectation, d.Code, place, d.Text, d.Suggestion)
				}
				if !strings.Contains(d.Message+"; "+d.Suggestion, want[5]) {
					t.Errorf("bad.txt:%d: want the mend %q, got %q", row.line, want[5], d.Suggestion)
				}
				if d.Range.in(row.source) != d.Text {
					t.Errorf("bad.txt:%d: the range holds %q, the text is %q", row.line, d.Range.in(row.source), d.Text)
				}
			}
		})
	}
}
