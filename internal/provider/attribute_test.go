package provider_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest"
)

func TestAttributeLivesThroughTerraform(t *testing.T) {
	course{
		address: "stint_attribute.employment",
		id:      "identity/employment",
		created: `
resource "stint_attribute" "employment" {
  object      = "identity"
  name        = "employment"
  type        = "string"
  description = "How the person is employed."
}`,
		changed: `
resource "stint_attribute" "employment" {
  object      = "identity"
  name        = "employment"
  type        = "string"
  description = "employee or contractor."
}`,
		rewritten: `
resource "stint_attribute" "employment" {
  object      = join("", ["iden", "tity"])
  name        = "employment"
  type        = "string"
  description = "employee or contractor."
}`,
		replaced: `
resource "stint_attribute" "employment" {
  object      = "identity"
  name        = "employment"
  type        = "list(string)"
  description = "employee or contractor."
}`,
		is: map[string]knownvalue.Check{"type": knownvalue.StringExact("string")},
	}.run(t, acctest.Start(t))
}

const attributes = `
resource "stint_attribute" "employment" {
  object      = "identity"
  name        = "employment"
  type        = "string"
  description = "How the person is employed."
}
resource "stint_attribute" "level" {
  object      = "identity"
  name        = "level"
  type        = "int"
  description = "Seniority."
}
resource "stint_attribute" "sites" {
  object      = "identity"
  name        = "sites"
  type        = "list(string)"
  description = "Where they work."
}
resource "stint_attribute" "notice" {
  object      = "business_event"
  name        = "notice"
  type        = "duration"
  description = "How long it was known before."
}
`

func TestIdentityHasValuesOfAttributesOfTheSameConfiguration(t *testing.T) {
	course{
		address: "stint_identity.alice",
		id:      "alice",
		around:  attributes,
		created: `
resource "stint_identity" "alice" {
  name = "alice"
  type = "human"
  attributes = {
    (stint_attribute.employment.name) = "employee"
    (stint_attribute.level.name)      = 3
    (stint_attribute.sites.name)      = ["berlin"]
  }
}`,
		changed: `
resource "stint_identity" "alice" {
  name = "alice"
  type = "human"
  attributes = {
    employment = "contractor"
    sites      = ["berlin", "tokyo"]
  }
}`,
		rewritten: `
resource "stint_identity" "alice" {
  name       = "alice"
  type       = "human"
  attributes = { sites = tolist(["berlin", "tokyo"]), employment = "contractor" }
}`,
		replaced: `
resource "stint_identity" "alice" {
  name       = "bob"
  type       = "human"
  attributes = {}
}`,
	}.run(t, acctest.Start(t))
}

func TestBusinessEventHasValuesOfAttributes(t *testing.T) {
	head := acctest.Start(t).ProviderConfig() + attributes
	event := func(attributes string) string {
		return head + `
resource "stint_business_event" "audit" {
  name       = "audit"
  kind       = "task"
  ends_at    = "2036-12-31T17:00:00Z"
  attributes = ` + attributes + `
}`
	}
	run(t,
		resource.TestStep{Config: event(`{ (stint_attribute.notice.name) = "2h" }`)},
		resource.TestStep{Config: event(`{ notice = "2h" }`), PlanOnly: true},
		resource.TestStep{Config: event(`{ notice = 7200 }`), PlanOnly: true, ExpectError: said(`attribute "notice": it is declared as duration; this is a number`)},
		resource.TestStep{Config: event(`null`)},
		resource.TestStep{Config: event(`{}`)},
	)
}

// said is a pattern that finds a text however Terraform breaks its lines and
// begins its sentences.
func said(text string) *regexp.Regexp {
	words := strings.Fields(text)
	for i, word := range words {
		words[i] = regexp.QuoteMeta(word)
	}
	return regexp.MustCompile(`(?i)` + strings.Join(words, `[\s│]+`))
}

func TestConditionReadsAttributesOfTheSameConfiguration(t *testing.T) {
	stack, application := governed(t, "billing_admin", "billing_read")
	head := stack.ProviderConfig() + application + entitlements + attributes
	policy := func(condition string) string {
		return head + `
resource "stint_eligibility_policy" "staff" {
  name         = "staff"
  effect       = "allow"
  entitlements = [stint_entitlement.admin.id]
  condition    = <<-EOT
    ` + condition + `
  EOT
  depends_on   = [stint_attribute.employment, stint_attribute.level, stint_attribute.notice]
}`
	}
	const condition = `identity.attributes.employment != null && identity.attributes.employment == "employee"
    && (event == null || event.attributes.notice == null || event.attributes.notice < duration("1d"))`
	run(t,
		resource.TestStep{Config: policy(`identity.attributes.level != null && identity.attributes.level == "3"`), PlanOnly: true, ExpectError: said(`1:38: == compares an int with a string; write 3 without quotes`)},
		resource.TestStep{Config: policy(condition)},
		resource.TestStep{Config: policy(condition), PlanOnly: true},
	)
}

// What reads the attribute is planned before it here, always.
const behind = `
resource "stint_attribute" "cost_center" {
  object      = "identity"
  name        = "cost_center"
  type        = "string"
  description = "Who pays."
  depends_on  = [%s]
}
`

func TestUndeclaredAttributeIsAnErrorAtPlanThatTellsTheMend(t *testing.T) {
	stack, application := governed(t, "billing_admin", "billing_read")
	head := stack.ProviderConfig() + attributes
	alice := func(attributes string) string {
		return `
resource "stint_identity" "alice" {
  name       = "alice"
  type       = "human"
  attributes = ` + attributes + `
}`
	}
	policy := application + entitlements + `
resource "stint_eligibility_policy" "staff" {
  name         = "staff"
  effect       = "deny"
  entitlements = [stint_entitlement.admin.id]
  parameters   = { levels = [stint_attribute.level.name] }
  condition    = <<-EOT
    contains(param.levels, identity.name)
    || identity.attributes.employmnet != null
  EOT
  depends_on   = [stint_attribute.employment]
}`
	order := ` If this configuration declares it already, refer to that resource or name it in depends_on, so that it is planned first.`
	run(t,
		resource.TestStep{Config: head},
		resource.TestStep{Config: head + alice(`{ employmnet = "employee" }`), PlanOnly: true,
			ExpectError: said(`no attribute "employmnet" is declared for object identity; did you mean "employment"? If not, declare it with stint_attribute.` + order)},
		resource.TestStep{Config: head + alice(`{ cost_center = "4711" }`) + strings.Replace(behind, "%s", "stint_identity.alice", 1), PlanOnly: true,
			ExpectError: said(`no attribute "cost_center" is declared for object identity; declare it with stint_attribute.` + order)},
		resource.TestStep{Config: head + policy, PlanOnly: true,
			ExpectError: said(`2:4: there is no identity.attributes.employmnet; did you mean identity.attributes.employment? If not, declare it with stint_attribute (at identity.attributes.employmnet).` + order)},
	)
}

func TestAttributeInUseIsNotDestroyed(t *testing.T) {
	stack := acctest.Start(t)
	const alice = `
resource "stint_identity" "alice" {
  name       = "alice"
  type       = "human"
  attributes = { level = 3 }
  depends_on = [stint_attribute.level]
}`
	without := strings.Replace(alice, "  depends_on = [stint_attribute.level]\n", "", 1)
	run(t,
		resource.TestStep{Config: stack.ProviderConfig() + attributes + alice},
		resource.TestStep{Config: stack.ProviderConfig() + without, ExpectError: said(`is referred to by identity "alice"`)},
		resource.TestStep{Config: stack.ProviderConfig() + attributes + alice},
	)
}
