package oncall

import (
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// cases are the question, and what becomes of it when it differs in one thing.
var cases = []struct {
	name   string
	differ func(*policyenv.Input)
	want   bool
}{
	{"as it is", func(*policyenv.Input) {}, true},
	{"an agent", func(in *policyenv.Input) { in.Identity.Type = "agent" }, false},
	{"not on call", func(in *policyenv.Input) { in.Identity.Groups = []string{"staff"} }, false},
	{"in no group", func(in *policyenv.Input) { in.Identity.Groups = nil }, false},
	{"only on call", func(in *policyenv.Input) { in.Identity.Groups = []string{"sre-oncall"} }, true},
	{"no event", func(in *policyenv.Input) { in.Event = nil }, false},
	{"a change", func(in *policyenv.Input) { in.Event.Kind = "change" }, false},
	{"no severity", func(in *policyenv.Input) { in.Event.Severity = nil }, false},
	{"less severe", func(in *policyenv.Input) { *in.Event.Severity = 3 }, false},
	{"more severe", func(in *policyenv.Input) { *in.Event.Severity = 1 }, true},
	{"as long as can be", func(in *policyenv.Input) { in.Request.Duration = 4 * time.Hour }, true},
	{"a bit longer", func(in *policyenv.Input) { in.Request.Duration = 4*time.Hour + time.Millisecond }, false},
}

func TestAllEnginesGiveTheSameAnswers(t *testing.T) {
	engines, err := Engines()
	if err != nil {
		t.Fatal(err)
	}
	for _, engine := range engines {
		for _, c := range cases {
			t.Run(engine.Name+"/"+c.name, func(t *testing.T) {
				in := Question()
				c.differ(in)
				if got, err := engine.Ready(in)(); err != nil || got != c.want {
					t.Errorf("ready: got %v, %v", got, err)
				}
				if engine.Filled == nil {
					return
				}
				if got, err := engine.Filled(in); err != nil || got != c.want {
					t.Errorf("filled: got %v, %v", got, err)
				}
			})
		}
	}
}
