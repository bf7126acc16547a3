package provider_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest"
)

// oncall is a condition with what judges it, as an author keeps them in locals.
const oncall = acctest.RequiredProviders + `
locals {
  oncall = <<-EOT
    contains(identity.groups, param.team)
    && event != null && event.kind == "incident"
    && request.duration <= duration("4h")
  EOT
  incident = {
    identity = { groups = toset(["sre-oncall", "staff"]) }
    event    = { kind = "incident" }
    request  = { duration = "1h30m" }
    param    = { team = "sre-oncall" }
  }
}
`

func TestFunctionsAnswerInAConfiguration(t *testing.T) {
	acctest.Terraform(t)
	out := func(name string, value knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownOutputValue(name, value)
	}
	run(t, resource.TestStep{
		Config: oncall + `
output "incident" { value = provider::stint::allows(local.oncall, local.incident) }
output "no_event" { value = provider::stint::allows(local.oncall, merge(local.incident, { event = null })) }
output "at_night" { value = provider::stint::allows("hour(now, \"UTC\") < 6", { now = "2026-03-10T03:00:00Z" }) }
output "longest"  { value = provider::stint::duration("90m") }
check "incident" {
  assert {
    condition     = provider::stint::allows(local.oncall, local.incident)
    error_message = "Nobody is let in."
  }
}
`,
		ConfigStateChecks: []statecheck.StateCheck{
			out("incident", knownvalue.Bool(true)), out("no_event", knownvalue.Bool(false)), out("at_night", knownvalue.Bool(true)),
			out("longest", knownvalue.ObjectExact(map[string]knownvalue.Check{"seconds": knownvalue.Int64Exact(5400), "text": knownvalue.StringExact("1h30m")})),
		},
	})
}

// What is read and not known at plan is judged at apply; what is not read does
// not matter.
func TestAnAnswerWaitsForWhatItDependsOn(t *testing.T) {
	acctest.Terraform(t)
	run(t, resource.TestStep{
		Config: oncall + `
resource "terraform_data" "team" { input = "sre-oncall" }
output "depends" { value = provider::stint::allows(local.oncall, merge(local.incident, { param = { team = terraform_data.team.output } })) }
output "does_not" { value = provider::stint::allows(local.oncall, merge(local.incident, { entitlement = { id = terraform_data.team.output } })) }
`,
		ConfigPlanChecks: planned(
			plancheck.ExpectUnknownOutputValue("depends"),
			plancheck.ExpectKnownOutputValue("does_not", knownvalue.Bool(true)),
		),
		ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownOutputValue("depends", knownvalue.Bool(true))},
	})
}

func TestAMistakeInAFunctionCallIsFoundAtPlan(t *testing.T) {
	acctest.Terraform(t)
	// Terraform wraps what it says.
	says := func(text string) *regexp.Regexp {
		return regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(text), " ", `[\s│]+`))
	}
	for call, want := range map[string]string{
		`provider::stint::allows("identity.tpye == \"human\"", {})`:                                                                                              "1:1: there is no identity.tpye; did you mean identity.type?",
		`provider::stint::allows("identity.type == \"human\"", { identty = {} })`:                                                                                "did you mean inputs.identity?",
		`provider::stint::allows("identity.type == \"human\"", {})`:                                                                                              "the condition reads identity.type",
		`provider::stint::allows("identity.type == \"human\"", null)`:                                                                                            "must not be null",
		`provider::stint::allows("cidrcontains(\"10.0.0.0/8\", identity.attributes.ip)", { identity = { attributes = { ip = "x" } } })`:                          "may be null here",
		`provider::stint::allows("request.justification != null && cidrcontains(\"10.0.0.0/8\", request.justification)", { request = { justification = "x" } })`: "is not an IP address",
		`provider::stint::duration("1 hour")`:                                                                                                                    "write it like 1h30m",
	} {
		run(t, resource.TestStep{Config: acctest.RequiredProviders + "output \"x\" { value = " + call + " }\n", ExpectError: says(want), PlanOnly: true})
	}
}

// policyTest pins what the condition means with terraform test.
const policyTest = `
run "whoever_is_on_call" {
  command = plan
  assert {
    condition     = provider::stint::allows(local.oncall, local.incident)
    error_message = "Nobody could repair the ledger."
  }
}
run "not_without_an_incident" {
  command = plan
  assert {
    condition     = !provider::stint::allows(local.oncall, merge(local.incident, { event = { kind = "change" } }))
    error_message = "A change is not an incident."
  }
}
run "not_for_a_day" {
  command = plan
  assert {
    condition     = !provider::stint::allows(local.oncall, merge(local.incident, { request = { duration = "1d" } }))
    error_message = "A day is too long."
  }
}
`

func TestTerraformTestFailsOnceAPolicyIsLoosened(t *testing.T) {
	terraform := acctest.CLI(t)
	folder := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("main.tf", oncall)
	write("policy.tftest.hcl", policyTest)
	if output, err := terraform(folder, "init", "-no-color"); err != nil {
		t.Fatalf("init: %v\n%s", err, output)
	}
	if output, err := terraform(folder, "test", "-no-color"); err != nil || !strings.Contains(output, "3 passed, 0 failed") {
		t.Errorf("test: %v\n%s", err, output)
	}
	write("main.tf", strings.Replace(oncall, `&& request.duration <= duration("4h")`, "", 1))
	if output, err := terraform(folder, "test", "-no-color"); err == nil || !strings.Contains(output, "A day is too long.") || !strings.Contains(output, "2 passed, 1 failed") {
		t.Errorf("test of the loosened policy: %v\n%s", err, output)
	}
}

// A check block that does not hold warns, and stops nothing.
func TestACheckBlockTellsThatAPolicyWasLoosened(t *testing.T) {
	terraform := acctest.CLI(t)
	folder := t.TempDir()
	config := oncall + `
check "no_access_without_an_incident" {
  assert {
    condition     = !provider::stint::allows(local.oncall, merge(local.incident, { event = null }))
    error_message = "The policy lets people in without an incident."
  }
}
`
	for loosened, want := range map[bool]bool{false: false, true: true} {
		text := config
		if loosened {
			text = strings.Replace(config, `&& event != null && event.kind == "incident"`, "", 1)
		}
		if err := os.WriteFile(filepath.Join(folder, "main.tf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if output, err := terraform(folder, "init", "-no-color"); err != nil {
			t.Fatalf("init: %v\n%s", err, output)
		}
		output, err := terraform(folder, "plan", "-no-color")
		if err != nil || strings.Contains(output, "The policy lets people in without an incident.") != want {
			t.Errorf("loosened %v: %v\n%s", loosened, err, output)
		}
	}
}
