package provider_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

const examples = "../../examples"

// TestEveryExampleIsAppliedAndLeavesAnEmptyPlan plans after a grant was given and
// ended, and takes the command in import.sh at its word.
func TestEveryExampleIsAppliedAndLeavesAnEmptyPlan(t *testing.T) {
	head := readExample(t, "provider/provider.tf")
	stack := acctest.Start(t)
	target := stack.Target(t)
	target.Exec(t, "postgres", `CREATE DATABASE billing`, `CREATE ROLE billing_admin`, `CREATE ROLE payment_create`, `CREATE ROLE payment_approve`,
		`CREATE ROLE ledger_read`, `CREATE ROLE zoe LOGIN`,
		fmt.Sprintf(`CREATE ROLE stint SUPERUSER LOGIN PASSWORD '%s'`, target.Password()))
	t.Setenv("STINT_SECRET_BILLING_PASSWORD", target.Password())
	t.Setenv("TF_VAR_server", asJSON(t, map[string]any{"host": target.Host(), "port": target.Port(), "sslmode": "disable"}))
	for _, file := range exampleFiles(t) {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			config := head + readExample(t, file)
			if !strings.Contains(config, `resource "stint_application"`) {
				config += readExample(t, "resources/stint_application/resource.tf")
				config = strings.ReplaceAll(config, "= var.application", "= stint_application.billing.id")
			}
			if strings.HasPrefix(file, "ephemeral-resources/") {
				// A plan asks for nothing; examples/migration is applied by its test.
				run(t, resource.TestStep{Config: config, PlanOnly: true, ExpectNonEmptyPlan: true})
				return
			}
			steps := []resource.TestStep{
				{Config: config},
				{Config: config, PlanOnly: true, PreConfig: func() { giveAndTakeBack(t, stack) }},
			}
			if command, err := os.ReadFile(filepath.Join(examples, filepath.Dir(file), "import.sh")); err == nil {
				address, id := importCommand(t, string(command))
				steps = append(steps, resource.TestStep{ResourceName: address, ImportState: true, ImportStateId: id, ImportStateVerify: true})
			} else if strings.HasPrefix(file, "resources/") {
				t.Error(err)
			}
			run(t, steps...)
		})
	}
}

// TestEveryTypeHasItsExample keeps the reference pages complete.
func TestEveryTypeHasItsExample(t *testing.T) {
	_, schemas := newServer(t)
	for name := range schemas.ResourceSchemas {
		readExample(t, filepath.Join("resources", name, "resource.tf"))
	}
	for name := range schemas.DataSourceSchemas {
		readExample(t, filepath.Join("data-sources", name, "data-source.tf"))
	}
	for name := range schemas.Functions {
		readExample(t, filepath.Join("functions", name, "function.tf"))
	}
	for name := range schemas.EphemeralResourceSchemas {
		readExample(t, filepath.Join("ephemeral-resources", name, "ephemeral-resource.tf"))
	}
	if n := len(schemas.ResourceSchemas) + len(schemas.DataSourceSchemas) + len(schemas.Functions) + len(schemas.EphemeralResourceSchemas); n != len(exampleFiles(t)) {
		t.Errorf("%d types, %d examples", n, len(exampleFiles(t)))
	}
}

// giveAndTakeBack lets zoe read the ledger for a moment, and leaves nothing
// declared behind.
func giveAndTakeBack(t *testing.T, stack *acctest.Stack) {
	t.Helper()
	c := stack.Client(t)
	hour := governance.Duration(time.Hour)
	declare(t, c, api.Identities, governance.Identity{Name: "zoe", Type: governance.Human, Groups: []string{}})
	ledger := governance.Entitlement{Application: "billing", Kind: "role", NativeID: "ledger_read", Risk: governance.RiskLow, Standing: governance.StandingAllowed}
	declare(t, c, api.Entitlements, ledger)
	declare(t, c, api.EligibilityPolicies, governance.EligibilityPolicy{
		Name: "people", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{ledger.ID()}, Condition: `identity.type == "human"`,
	})
	declare(t, c, api.GrantTemplates, governance.GrantTemplate{
		Name: "read", Entitlements: []governance.EntitlementID{ledger.ID()}, EligibilityPolicies: []governance.PolicyID{"people"},
		Duration: governance.DurationBounds{Default: hour, Max: hour}, ActivateWithin: hour,
		Justification: governance.JustificationOptional, Approval: governance.ApprovalDefinition{Automatic: true},
	})
	takeBack(t, c, grant(t, requester(t, stack, "zoe"), "read"))
	withdraw(t, c, api.GrantTemplates, "read")
	withdraw(t, c, api.EligibilityPolicies, "people")
	withdraw(t, c, api.Entitlements, string(ledger.ID()))
	withdraw(t, c, api.Identities, "zoe")
}

func declare[D governance.Object, T any](t *testing.T, c *client.Client, in api.Collection[D, T], document D) {
	t.Helper()
	if _, err := client.Create(t.Context(), c, in, document); err != nil {
		t.Fatalf("declare %s: %v", document.Key(), err)
	}
}

func withdraw[D governance.Object, T any](t *testing.T, c *client.Client, in api.Collection[D, T], id string) {
	t.Helper()
	if err := client.Delete(t.Context(), c, in, id, 1, false); err != nil {
		t.Fatalf("withdraw %s: %v", id, err)
	}
}

func exampleFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"resources/*/resource.tf", "data-sources/*/data-source.tf", "functions/*/function.tf", "ephemeral-resources/*/ephemeral-resource.tf"} {
		found, err := filepath.Glob(filepath.Join(examples, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, file := range found {
			relative, err := filepath.Rel(examples, file)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, relative)
		}
	}
	return files
}

func readExample(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examples, file)) //nolint:gosec // a file of this repository
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

func importCommand(t *testing.T, text string) (address, id string) {
	t.Helper()
	found := regexp.MustCompile(`(?m)^terraform import (\S+) (\S+)$`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no import command in %q", text)
	}
	return found[1], found[2]
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
