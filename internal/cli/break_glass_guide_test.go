package cli_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// The commands of the guide on break-glass are run by a script, and its condition
// is one.
func TestTheGuideOnBreakGlassShowsWhatRuns(t *testing.T) {
	guide, err := os.ReadFile("../../templates/guides/break-glass.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("testdata/script/road.txtar")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^\$ (stint .*)$`).FindAllStringSubmatch(string(guide), -1)
	if len(commands) != 4 {
		t.Errorf("the guide has %d commands, and this test knows 4", len(commands))
	}
	for _, command := range commands {
		if !strings.Contains(string(script), "\nexec "+command[1]) {
			t.Errorf("no script runs %s", command[1])
		}
	}
	conditions := regexp.MustCompile(`(?s)<<-EOT\n(.*?)EOT`).FindAllStringSubmatch(string(guide), -1)
	if len(conditions) != 1 {
		t.Errorf("the guide has %d conditions, and this test knows 1", len(conditions))
	}
	for _, condition := range conditions {
		if diags := policyenv.CheckEligibility(condition[1], nil); len(diags) > 0 {
			t.Errorf("%s: %s", condition[1], diags.Error())
		}
	}
}
