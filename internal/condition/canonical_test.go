package condition

import (
	"errors"
	"testing"
)

func TestLayoutIsNotMeaning(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"  identity.name==\"alice\"\n", `identity.name == "alice"`},
		{"# who\nidentity.name /* is */ == \"alice\" // her", `identity.name == "alice"`},
		{"((a)) && (b && (c))", "a && b && c"},
		{"(a && b) || c", "(a && b) || c"},
		{"a && b || c", "(a && b) || c"},
		{"a && (b || c)", "a && (b || c)"},
		{"!(a)", "!a"},
		{"!(a == b)", "!(a == b)"},
		{"!a == b", "!a == b"},
		{"a == b == c", "(a == b) == c"},
		{"a == (b == c)", "a == (b == c)"},
		{"a < b == (c > d)", "(a < b) == (c > d)"},
		{"a ? b : c ? d : e", "a ? b : (c ? d : e)"},
		{"(a ? b : c) ? d : e", "(a ? b : c) ? d : e"},
		{"f( a ,b )", "f(a, b)"},
		{"f([ \"x\",1 , ])", `f(["x", 1])`},
		{"- 5 < 007", "-5 < 7"},
		{`m["k"] == m[ "k" ]`, `m["k"] == m["k"]`},
		{`m[a == b ? "x" : "y"]`, `m[(a == b) ? "x" : "y"]`},
		{`a == "\u00e9\t$${x} $5 %%{y} \" \\ \u0007"`, "a == \"é\\t$${x} $5 %%{y} \\\" \\\\ \\u0007\""},
		{`a == "e` + "\u0308" + `"`, `a == "ë"`},
		{"a == <<EOT\nx\ny\nEOT\n", `a == "x\ny\n"`},
		{"a == null", "a == null"},
		{"a . b == c", "a.b == c"},
	} {
		got, err := Canonical(c.source)
		if err != nil || got != c.want {
			t.Errorf("Canonical(%q) = %q, %v; want %q", c.source, got, err, c.want)
		}
	}
}

func TestDifferentMeaningsHaveDifferentCanonicalForms(t *testing.T) {
	sources := []string{
		"a && b || c", "a && (b || c)", "b && a || c", "!a && b || c",
		"a ? b : c", "(a ? b : c) == d", "a ? b : c == d",
		`a == "b"`, `a == b`, `a == "b "`, `a != "b"`, "a == 1", `a == "1"`,
		`m["k"]`, "m.k", "m[k]", "f(a, b)", "f([a, b])", "f(a)",
	}
	seen := map[string]string{}
	for _, source := range sources {
		form, err := Canonical(source)
		if err != nil {
			t.Fatalf("Canonical(%q): %v", source, err)
		}
		if other, ok := seen[form]; ok {
			t.Errorf("%q and %q have the same form %q", source, other, form)
		}
		seen[form] = source
	}
}

func TestATextThatCannotBeParsedHasNoCanonicalForm(t *testing.T) {
	_, err := Canonical("a = b")
	var diags Diagnostics
	if !errors.As(err, &diags) || diags[0].Code != CodeSyntax {
		t.Errorf("got %v", err)
	}
}
