package condition

import (
	"strings"
	"testing"
)

func TestSchemasThatCannotBeAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		vars []Var
		want string
	}{
		"not an identifier":          {[]Var{{Name: "1st", Type: String}}, `"1st" is not an identifier`},
		"empty step":                 {[]Var{{Name: "a..b", Type: String}}, `"" is not an identifier`},
		"a keyword":                  {[]Var{{Name: "null", Type: String}}, `"null" is not an identifier`},
		"declared twice":             {[]Var{{Name: "a", Type: String}, {Name: "a", Type: Int}}, "declared already"},
		"value and object":           {[]Var{{Name: "a", Type: String}, {Name: "a.b", Type: Int}}, "a is a string and has no attributes"},
		"object and value":           {[]Var{{Name: "a.b", Type: Int}, {Name: "a", Type: String}}, "declared already"},
		"object that is there":       {[]Var{{Name: "a", Type: Object}}, "declared by its attributes"},
		"object without attribute":   {[]Var{{Name: "a", Type: Object, Optional: true}}, "without attributes"},
		"list of numbers":            {[]Var{{Name: "a", Type: List(Int)}}, "cannot be of type list of int"},
		"no type":                    {[]Var{{Name: "a"}}, "cannot be of type invalid"},
		"values of a number":         {[]Var{{Name: "a", Type: Int, Values: []string{"1"}}}, "known values"},
		"a value that people extend": {[]Var{{Name: "a", Type: String, Declare: "declare it"}}, "only an object"},
		"extensible twice":           {[]Var{{Name: "a", Type: Object, Declare: "x"}, {Name: "a", Type: Object, Declare: "x"}}, "declared already"},
		"known and optional":         {[]Var{{Name: "a", Type: String, Optional: true, Known: text("x")}}, "known values"},
	} {
		if _, err := NewEnv(c.vars...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v; want %q", name, err, c.want)
		}
	}
}

func TestSlotsAreFoundByPath(t *testing.T) {
	env := testEnv(t)
	for path, want := range map[string]bool{"now": true, "event": true, "event.kind": true, "identity": false, "identity.nobody": false, "": false, "now.x": false} {
		if _, ok := env.Slot(path); ok != want {
			t.Errorf("Slot(%q) is found: %v; want %v", path, ok, want)
		}
	}
}

func TestOptionalObjectsMayBeDeclaredBehindTheirAttributes(t *testing.T) {
	env, err := NewEnv(Var{Name: "event.kind", Type: String}, Var{Name: "event", Type: Object, Optional: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, diags := Compile(`event.kind == "a"`, env); len(diags) != 1 || diags[0].Code != CodeUnguardedOptional {
		t.Errorf("an unguarded attribute gives %v", diags)
	}
}

func TestNestedOptionalObjectsAreGuardedOneByOne(t *testing.T) {
	env, err := NewEnv(
		Var{Name: "event", Type: Object, Optional: true},
		Var{Name: "event.ticket", Type: Object, Optional: true},
		Var{Name: "event.ticket.id", Type: String},
	)
	if err != nil {
		t.Fatal(err)
	}
	if _, diags := Compile(`event != null && event.ticket != null && event.ticket.id == "1"`, env); len(diags) > 0 {
		t.Errorf("guarded twice: %v", diags)
	}
	if _, diags := Compile(`event != null && event.ticket.id == "1"`, env); len(diags) != 1 || diags[0].Code != CodeUnguardedOptional {
		t.Errorf("guarded once: %v", diags)
	}
}
