package accesstest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stint-dev/terraform-provider-stint/internal/accesstest"
)

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path) //nolint:gosec // the tests name it
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestEveryMistakeIsToldWithItsPlaceAndMend reads a file of mistakes;
// STINT_UPDATE_GOLDEN=1 writes what is expected of it.
func TestEveryMistakeIsToldWithItsPlaceAndMend(t *testing.T) {
	const golden = "testdata/bad.txt"
	file, diags := accesstest.Parse("bad.stinttest.hcl", []byte(read(t, "testdata/bad.stinttest.hcl")))
	if file != nil {
		t.Error("a file with mistakes is not to be run")
	}
	got := diags.Error() + "\n"
	if os.Getenv("STINT_UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(read(t, golden), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", golden, diff)
	}
}

func TestTextThatIsNotHCLIsToldByItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"scenario \"a\" {\n  identity = \n}\n": "f.stinttest.hcl:2:14: ",
		"scenario \"a\" {\n":                   "f.stinttest.hcl:1:14: ",
		"\x00":                                 "f.stinttest.hcl:1:1: ",
	} {
		_, diags := accesstest.Parse("f.stinttest.hcl", []byte(text))
		if len(diags) != 1 || !strings.HasPrefix(diags.Error(), want) {
			t.Errorf("%q: %v, want one finding at %s", text, diags, want)
		}
	}
}

func TestAMistakeInAConditionIsToldByItsPlaceInTheFile(t *testing.T) {
	b := bench(t, accesstest.Source{Objects: declared()})
	file := parse(t, `
never "quoted" {
  identity = "identity.\u0074ype == \"humn\" && idntity.name == \"x\""
}
never "heredoc" {
  entitlement = <<-EOT
    entitlement.risk == "critical"
    && entitlement.rsk == "low"
  EOT
}
never "of something else" {
  identity = "entitlement.risk == \"low\""
}`)[0]
	want := "t.stinttest.hcl:3:37: identity: identity.type is never \"humn\"; did you mean \"human\"? (at \"humn\")\n" +
		"t.stinttest.hcl:3:49: identity: there is no idntity; did you mean identity? (at idntity)\n" +
		"t.stinttest.hcl:8:8: entitlement: there is no entitlement.rsk; did you mean entitlement.risk? (at entitlement.rsk)\n" +
		"t.stinttest.hcl:12:15: identity: there is no entitlement; the variables are identity; a text is written in double quotes (at entitlement)"
	if diff := cmp.Diff(want, b.Check(file).Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if report := b.Run([]*accesstest.File{file}, nil); report.Passed != 0 || report.Failed != 3 {
		t.Errorf("what cannot be checked does not hold: %+v", report)
	}
}

// FuzzParse demands that whatever is read ends in cases or in findings inside of
// the text.
func FuzzParse(f *testing.F) {
	f.Add(read(f, "testdata/bad.stinttest.hcl"))
	f.Add(read(f, "testdata/rows.stinttest.hcl"))
	f.Add("never \"x\" {\n  identity = <<-EOT\n    identity.tpe == \"\\u00e9\"\n  EOT\n  entitlement = \"entitlement.risk == \\\"\\u0068igh\\\" && $${x}\"\n}")
	b, err := accesstest.NewBench(accesstest.Source{Objects: declared()})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, diags := accesstest.Parse("f", []byte(text))
		if (file == nil) != (len(diags) > 0) {
			t.Fatalf("file %v with findings %v", file, diags)
		}
		lines := strings.Count(text, "\n") + 1
		if file != nil {
			diags = b.Check(file)
		}
		for _, d := range diags {
			if d.At.Line < 1 || d.At.Line > lines || d.At.Column < 1 || d.Message == "" {
				t.Errorf("a finding outside of the %d lines of the text, or without words: %v", lines, d)
			}
		}
		if file == nil {
			return
		}
		for _, c := range file.Cases {
			if c.Template == "" || c.Identity == "" || c.Expect.Decision == "" || c.Now.IsZero() {
				t.Errorf("a case that asks nothing, or expects nothing: %+v", c)
			}
		}
	})
}
