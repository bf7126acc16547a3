package condition

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNamesAreWhatATextReadsAnywhere(t *testing.T) {
	for src, want := range map[string][]string{
		`a.b == null || contains([c . d, "e"], m[a.b]) ? !f : g(a.b, h.i.j)`: {"a.b", "c.d", "m", "f", "h.i.j"},
		`"a.b" == "c" # a.b`: nil,
		`a.b ==`:             nil,
		`[for x in y : x]`:   nil,
	} {
		if diff := cmp.Diff(want, Names(src)); diff != "" {
			t.Errorf("%s:\n%s", src, diff)
		}
	}
}
