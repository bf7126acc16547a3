package condition

import (
	"os"
	"strings"
	"testing"
)

func TestEveryFunctionIsDocumentedAndInTheTables(t *testing.T) {
	good, err := os.ReadFile("testdata/good.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := Functions()
	if len(all) != len(functions) {
		t.Fatalf("%d of %d functions are listed", len(all), len(functions))
	}
	for i, f := range all {
		if i > 0 && all[i-1].Name >= f.Name {
			t.Errorf("%s stands behind %s", f.Name, all[i-1].Name)
		}
		if !strings.HasPrefix(f.Signature, f.Name+"(") || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s is documented as %q: %q", f.Name, f.Signature, f.Doc)
		}
		if !strings.Contains(string(good), f.Name+"(") {
			t.Errorf("no good condition uses %s", f.Name)
		}
	}
}

func TestEveryCodeIsInTheTableOfBadConditions(t *testing.T) {
	bad, err := os.ReadFile("testdata/bad.txt")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("diagnostic.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(source), "\n") {
		_, rest, ok := strings.Cut(line, " Code = \"")
		if !ok {
			continue
		}
		code, comment, _ := strings.Cut(rest, "\"")
		if !strings.Contains(comment, "// ") {
			t.Errorf("%s is not documented", code)
		}
		if Code(code) != CodeTooLong && !strings.Contains(string(bad), "\n"+code+" at ") {
			t.Errorf("no bad condition has the finding %s", code)
		}
	}
}

func TestTheNearestNameIsSuggested(t *testing.T) {
	names := []string{"groups", "manager", "name", "owner", "type"}
	for written, want := range map[string]string{"tpye": "type", "group": "groups", "Name": "name", "mangaer": "manager", "xyzzy": "", "t": ""} {
		if got := Closest(written, names); got != want {
			t.Errorf("for %q %q is suggested; want %q", written, got, want)
		}
	}
}
