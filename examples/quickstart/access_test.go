package quickstart_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stint-dev/terraform-provider-stint/internal/accesstest"
	"github.com/stint-dev/terraform-provider-stint/internal/accesstest/mutation"
	"github.com/stint-dev/terraform-provider-stint/internal/acctest"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/terraformplan"
)

func TestMain(m *testing.M) { acctest.Main(m) }

const (
	accessTests = "access.stinttest.hcl"
	// equivalentMutants holds the mutants that no test can kill, each with its
	// reason.
	equivalentMutants = "testdata/equivalent_mutants.json"
)

// planned is what this folder declares, as the real Terraform plans it.
func planned(t *testing.T) []governance.Object {
	t.Helper()
	acctest.Start(t)
	plan, err := terraformplan.Read(acctest.PlanJSON(t, "."))
	if err != nil {
		t.Fatal(err)
	}
	return plan.Objects
}

func parseAccessTests(t *testing.T, name string) *accesstest.File {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	file, diags := accesstest.Parse(name, text)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return file
}

func TestAccessTestsHoldAndExerciseEverything(t *testing.T) {
	bench, err := accesstest.NewBench(accesstest.Source{Objects: planned(t)})
	if err != nil {
		t.Fatal(err)
	}
	report := bench.Run([]*accesstest.File{parseAccessTests(t, accessTests)}, nil)
	for _, result := range report.Results {
		if result.Outcome != accesstest.Passed {
			t.Errorf("%s: %s%v%v", result.Name(), result.Error, result.Misses, result.Breaches)
		}
	}
	for _, gap := range report.Coverage.Gaps() {
		t.Errorf("%s %s", gap.Object, gap.What)
	}
}

// TestAccessTestsKillEveryMutant changes the declared policy in one place at a
// time. A mutant that the checks refuse could not be declared; every other one must
// fail a test, or stand in the list of those that change no decision.
func TestAccessTestsKillEveryMutant(t *testing.T) {
	objects, file := planned(t), parseAccessTests(t, accessTests)
	equivalent := map[string]string{}
	text, err := os.ReadFile(equivalentMutants)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &equivalent); err != nil {
		t.Fatal(err)
	}
	killed, refused := 0, 0
	for i, object := range objects {
		for _, mutant := range mutation.Of(object) {
			changed := slices.Clone(objects)
			changed[i] = mutant.Object
			reason, listed := equivalent[mutant.Name]
			delete(equivalent, mutant.Name)
			bench, err := accesstest.NewBench(accesstest.Source{Objects: changed})
			survived := err == nil && bench.Run([]*accesstest.File{file}, nil).Failed == 0
			switch {
			case err != nil:
				refused++
			case !survived:
				killed++
			}
			switch {
			case survived && !listed:
				t.Errorf("it survives: %s", mutant.Name)
			case survived && strings.TrimSpace(reason) == "":
				t.Errorf("%s lists without a reason: %s", equivalentMutants, mutant.Name)
			case !survived && listed:
				t.Errorf("%s lists what is killed or refused: %s", equivalentMutants, mutant.Name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(equivalent)) {
		t.Errorf("%s lists what is no mutant: %s", equivalentMutants, name)
	}
	t.Logf("%d mutants killed by tests, %d refused by the checks", killed, refused)
	if killed < 50 {
		t.Errorf("only %d mutants were killed; the mutator makes too few", killed)
	}
}

// TestGuideShowsWhatRuns runs the guide on access tests against what this folder
// declares: its shell commands as they stand, each of its files, and what the
// console shows behind a file.
func TestGuideShowsWhatRuns(t *testing.T) {
	acctest.Start(t)
	work := acctest.Workplace(t, ".")
	guide, err := os.ReadFile("../../docs/guides/access-tests.md")
	if err != nil {
		t.Fatal(err)
	}
	// A file that the console speaks of comes right before it.
	blocks := regexp.MustCompile("(?s)```(hcl|shell|console)\n(.*?)```(?:\\s*```console\n\\$ (.*?)\n(.*?)```)?").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) != 5 {
		t.Fatalf("the guide has %d pieces of code, and this test knows 5", len(blocks))
	}
	slices.SortStableFunc(blocks, func(a, b []string) int { return strings.Compare(b[1], a[1]) }) // shell before hcl: it makes the plan
	for _, block := range blocks {
		language, text, command, shown := block[1], block[2], block[3], block[4]
		if language == "hcl" {
			if err := os.WriteFile(filepath.Join(work, accessTests), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			text = "stint test --plan plan.json"
		}
		if command == "" {
			if said, ok := acctest.Shell(t, work, text); !ok {
				t.Errorf("%s\n%s", text, said)
			}
			continue
		}
		said, _ := acctest.Shell(t, work, command)
		if diff := cmp.Diff(shown, said); diff != "" {
			t.Errorf("%s (-guide +said):\n%s", command, diff)
		}
	}
}
