package cli

import (
	"fmt"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestRefusalNamesEachThingThatIsWrong(t *testing.T) {
	problem := &api.Problem{Detail: "the event is not valid", Code: api.CodeInvalid, Errors: []governance.Problem{
		{Field: "ends_at", Message: "it lies in the past; give a later time"},
		{Message: "and something about the whole"},
	}}
	want := "open the event: the event is not valid\n  ends_at: it lies in the past; give a later time\n  and something about the whole"
	if got := plain().explain(fmt.Errorf("open the event: %w", problem)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTextFromOutsideCannotSteerTheTerminal(t *testing.T) {
	for from, want := range map[string]string{
		"plain, ünïcödé and 日本": "plain, ünïcödé and 日本",
		"clear\x1b[2J":          `clear\x1b[2J`,
		"two\nlines":            `two\nlines`,
		"back\u202eward":        `back\u202eward`,
		"bad\xffbyte":           "bad\ufffdbyte",
	} {
		if got := printable(from); got != want {
			t.Errorf("%q becomes %q, want %q", from, got, want)
		}
	}
}
