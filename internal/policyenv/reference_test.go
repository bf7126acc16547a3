package policyenv

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

var update = flag.Bool("update", false, "write the reference page of the condition language")

const (
	referencePage   = "../../templates/guides/condition-language.md"
	referenceSource = "testdata/condition-language.md.tmpl"
)

// TestReferencePage keeps the page as the code is: variables, functions and codes
// come from the tables, every example is judged, every refusal is met.
func TestReferencePage(t *testing.T) {
	r := reference{t}
	page, err := template.New("condition-language.md.tmpl").Funcs(template.FuncMap{
		"example":              r.example,
		"variables":            r.variables,
		"attributes":           r.attributes,
		"correlationVariables": r.correlationVariables,
		"approverVariables":    r.approverVariables,
		"operators":            r.operators,
		"functions":            r.functions,
		"differences":          r.differences,
		"agreement":            r.agreement,
		"evaluationErrors":     r.evaluationErrors,
		"refused":              r.refused,
	}).ParseFiles(referenceSource)
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	if err := page.Execute(&want, nil); err != nil {
		t.Fatal(err)
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(referencePage, []byte(want.String()), 0o644); err != nil { //nolint:gosec // a page for everybody
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want.String()); diff != "" {
		t.Errorf("the page is not what the code says; run make docs:\n%s", diff)
	}
}

// reference renders the parts of the page.
type reference struct{ t *testing.T }

// judge is what a condition comes to with the page's values.
func (r reference) judge(src string) (string, condition.Explanation) {
	r.t.Helper()
	policy, diags := CompileEligibility(src, oncallParams, declared)
	if err := diags.Err(); err != nil {
		r.t.Fatalf("%s: %v", src, err)
	}
	in := withAttributes()
	explained := policy.Explain(&in)
	if explained.Err != nil {
		return "error " + string(explained.Err.Code), explained
	}
	return fmt.Sprint(explained.Result), explained
}

// comes is what an example comes to, which must be what its author says.
func (r reference) comes(src, want string) string {
	r.t.Helper()
	got, _ := r.judge(src)
	if got != want {
		r.t.Errorf("the page says that %s comes to %s; it comes to %s", src, want, got)
	}
	return got
}

func (r reference) example(src, want string) string {
	return fmt.Sprintf("```hcl\n%s # %s\n```", src, r.comes(src, want))
}

// valueOf shows a variable's value in the page's world.
func (r reference) valueOf(name string) string {
	r.t.Helper()
	src, ok := readsVariable[name]
	if !ok {
		r.t.Fatalf("no condition reads %s", name)
	}
	_, explained := r.judge(src)
	for _, part := range explained.Parts {
		for _, value := range part.Values {
			if value.Name == name {
				return code(value.Text)
			}
		}
	}
	r.t.Fatalf("%s does not show %s", src, name)
	return ""
}

func (r reference) variables() string {
	t := newTable("variable", "type", "here", "meaning")
	for _, v := range Variables() {
		t.row(code(v.Name), kind(v), r.valueOf(v.Name), meaning(v))
	}
	return t.String()
}

func (r reference) correlationVariables() string {
	t := newTable("variable", "type", "meaning")
	for _, v := range CorrelationVariables() {
		t.row(code(v.Name), kind(v), meaning(v))
	}
	return t.String()
}

func (r reference) approverVariables() string {
	t := newTable("variable", "type", "meaning")
	for _, v := range ApproverVariables() {
		t.row(code(v.Name), kind(v), meaning(v))
	}
	return t.String()
}

func (r reference) attributes() string {
	t := newTable("variable", "type", "here")
	for _, a := range declared {
		guard, presence := a.Variable()+" != null", ""
		if a.Of == OfEvent {
			presence = "event != null && "
		}
		_, explained := r.judge(presence + guard)
		last := explained.Parts[len(explained.Parts)-1]
		t.row(code(a.Variable()), "optional "+a.Type.String(), code(last.Values[len(last.Values)-1].Text))
	}
	return t.String()
}

func kind(v Variable) string {
	if v.Optional {
		return "optional " + v.Type.String()
	}
	return v.Type.String()
}

func meaning(v Variable) string {
	if len(v.Values) == 0 {
		return v.Doc
	}
	return v.Doc + " One of " + code(strings.Join(v.Values, "`, `")) + "."
}

func (r reference) operators() string {
	t := newTable("operator", "takes", "example", "comes to")
	for _, row := range operatorExamples {
		t.row(row.operator, row.takes, code(row.example), code(r.comes(row.example, row.result)))
	}
	return t.String()
}

func (r reference) functions() string {
	var out strings.Builder
	left := map[string][]judged{}
	for name, examples := range functionExamples {
		left[name] = examples
	}
	for _, f := range condition.Functions() {
		if len(left[f.Name]) == 0 {
			r.t.Errorf("the page has no example of %s", f.Name)
		}
		fmt.Fprintf(&out, "### `%s`\n\n%s\n\nTakes %s; gives a value of type %s.\n\n", f.Signature, f.Doc, strings.Join(f.Params, ", then "), f.Result)
		t := newTable("example", "comes to")
		for _, example := range left[f.Name] {
			t.row(code(example.source), code(r.comes(example.source, example.result)))
		}
		out.WriteString(t.String() + "\n\n")
		delete(left, f.Name)
	}
	for name := range left {
		r.t.Errorf("the page has examples of %s, which is no function", name)
	}
	return strings.TrimSpace(out.String())
}

func (r reference) evaluationErrors() string {
	t := newTable("code", "when", "example")
	documented := documentedCodes(r.t, "../condition/program.go", "EvalCode")
	for _, row := range evaluationErrors {
		when, ok := documented[string(row.code)]
		if !ok {
			r.t.Errorf("there is no evaluation error %s", row.code)
		}
		delete(documented, string(row.code))
		example := row.instead
		if row.example != "" {
			example = code(row.example)
			r.comes(row.example, "error "+string(row.code))
		}
		t.row(code(string(row.code)), when, example)
	}
	for left := range documented {
		r.t.Errorf("the page does not tell of the evaluation error %s", left)
	}
	return t.String()
}

// agreement is the result of the last long comparison with HCL, as it was noted.
func (r reference) agreement() string {
	text, err := os.ReadFile("../condition/testdata/agreement.txt")
	if err != nil {
		r.t.Fatalf("%v; run make agreement", err)
	}
	return "The last long comparison: " + strings.TrimSpace(string(text))
}

func (r reference) refused() string {
	documented := documentedCodes(r.t, "../condition/diagnostic.go", "Code")
	documented[string(CodeBadParameter)] = "a parameter that conditions cannot hold"
	documented[string(CodeOneSided)] = "a correlation that does not look at both sides"
	var out strings.Builder
	for _, row := range refusals {
		what, ok := documented[string(row.code)]
		if !ok {
			r.t.Errorf("%s is no code, or stands twice", row.code)
		}
		delete(documented, string(row.code))
		found := row.findings()
		if len(found) == 0 {
			r.t.Fatalf("%s is not refused", row.source)
		}
		fmt.Fprintf(&out, "### `%s`\n\n%s. %s\n\n", row.code, capitalised(what), row.why)
		fmt.Fprintf(&out, "```text\n%s\n\n", row.text())
		for _, d := range found {
			if d.Code != row.code {
				r.t.Errorf("%s: found %s, not %s alone", row.source, d.Code, row.code)
			}
			fmt.Fprintf(&out, "%s\n", d.Error())
		}
		out.WriteString("```\n\n")
	}
	for left := range documented {
		r.t.Errorf("the page does not say why %s is refused", left)
	}
	return strings.TrimSpace(out.String())
}

func (r reference) differences() string {
	t := newTable("condition", "HCL", "Stint")
	for _, d := range differences {
		if hcl := hclSays(r.t, d.source); hcl != d.hcl {
			r.t.Errorf("the page says that HCL takes %s for %s; it takes it for %s", d.source, d.hcl, hcl)
		}
		stint := ""
		_, diags := CompileEligibility(d.source, oncallParams, declared)
		switch err := diags.Err(); {
		case err == nil:
			stint = "`" + r.comes(d.source, d.stint) + "`"
		case string(diags[0].Code) == d.stint:
			stint = "refused: `" + d.stint + "`"
		default:
			r.t.Errorf("%s is refused with %v, not %s", d.source, err, d.stint)
		}
		t.row(code(d.source), code(d.hcl), stint+"; "+d.why)
	}
	return t.String()
}

func capitalised(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// code is inline code in a table.
func code(text string) string { return "`" + strings.ReplaceAll(text, "|", `\|`) + "`" }

// table is a table in Markdown.
type table struct{ lines []string }

func newTable(columns ...string) *table {
	t := &table{}
	t.row(columns...)
	t.lines = append(t.lines, strings.Repeat("|---", len(columns))+"|")
	return t
}

func (t *table) row(cells ...string) {
	t.lines = append(t.lines, "| "+strings.Join(cells, " | ")+" |")
}

func (t *table) String() string { return strings.Join(t.lines, "\n") }
