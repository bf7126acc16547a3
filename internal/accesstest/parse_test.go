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

// FuzzParse demands that whatever is read ends in cases or in findings inside of
// the text.
func FuzzParse(f *testing.F) {
	f.Add(read(f, "testdata/bad.stinttest.hcl"))
	f.Add(read(f, "testdata/rows.stinttest.hcl"))
	f.Add("never \"x\" {\n  identity = <<-EOT\n    identity.tpe == \"\\u00e9\"\n  EOT\n  entitlement = \"entitlement.risk == \\\"\\u0068igh\\\" && $${x}\"\n}")
	f.Fuzz(func(t *testing.T, text string) {
		file, diags := accesstest.Parse("f", []byte(text))
		if (file == nil) != (len(diags) > 0) {
			t.Fatalf("file %v with findings %v", file, diags)
		}
		lines := strings.Count(text, "\n") + 1
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
