package provider_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest"
)

// course is the life of one object in HCL.
type course struct {
	address string
	// id is known at plan already; names is how the author writes it.
	id, names string
	// around is what the object refers to.
	around string
	// created, then changed in place, then written in another way that means the
	// same, then replaced because its key is another.
	created, changed, rewritten, replaced string
	// spelled lists attributes that an import spells in the canonical way and
	// created does not.
	spelled []string
	// is holds attributes after the creation.
	is map[string]knownvalue.Check
}

func (c course) run(t *testing.T, stack *acctest.Stack) {
	t.Helper()
	head := stack.ProviderConfig() + c.around
	at := func(id string) plancheck.PlanCheck {
		return plancheck.ExpectKnownValue(c.address, tfjsonpath.New("id"), knownvalue.StringExact(id))
	}
	does := func(action plancheck.ResourceActionType) plancheck.PlanCheck {
		return plancheck.ExpectResourceAction(c.address, action)
	}
	var is []statecheck.StateCheck
	for name, check := range c.is {
		is = append(is, statecheck.ExpectKnownValue(c.address, attribute(name), check))
	}
	run(t,
		resource.TestStep{Config: head + c.created, ConfigPlanChecks: planned(does(plancheck.ResourceActionCreate), at(c.id)), ConfigStateChecks: is},
		resource.TestStep{ResourceName: c.address, ImportState: true, ImportStateId: c.id, ImportStateVerify: true, ImportStateVerifyIgnore: c.spelled},
		resource.TestStep{ResourceName: c.address, ImportState: true, ImportStateId: c.names, ImportStateVerify: true, ImportStateVerifyIgnore: c.spelled},
		resource.TestStep{Config: head + c.changed, ConfigPlanChecks: planned(does(plancheck.ResourceActionUpdate), at(c.id))},
		resource.TestStep{Config: head + c.rewritten, PlanOnly: true},
		resource.TestStep{Config: head + c.replaced, ConfigPlanChecks: planned(does(plancheck.ResourceActionReplace))},
		resource.TestStep{Config: head},
	)
}

func attribute(dotted string) tfjsonpath.Path {
	parts := strings.Split(dotted, ".")
	at := tfjsonpath.New(parts[0])
	for _, part := range parts[1:] {
		at = at.AtMapKey(part)
	}
	return at
}

func TestIdentityLivesThroughTerraform(t *testing.T) {
	course{
		address: "stint_identity.bot",
		id:      "deploy%20bot",
		names:   "deploy bot",
		around: `
resource "stint_identity" "alice" {
  name = "alice"
  type = "human"
}
resource "stint_identity" "bob" {
  name    = "bob"
  type    = "human"
  manager = stint_identity.alice.id
}`,
		created: `
resource "stint_identity" "bot" {
  name  = "deploy bot"
  type  = "agent"
  owner = stint_identity.alice.id
}`,
		changed: `
resource "stint_identity" "bot" {
  name   = "deploy bot"
  type   = "workload"
  owner  = stint_identity.bob.id
  groups = ["ci", "deploy"]

  valid_until  = "2040-01-31T17:00:00Z"
  unused_after = "30d"
  attest_every = "90d"
}`,
		rewritten: `
resource "stint_identity" "bot" {
  name    = "deploy bot"
  type    = "workload"
  owner   = "bob"
  manager = null
  groups  = ["deploy", "ci"]

  valid_until  = "2040-01-31T18:00:00+01:00"
  unused_after = "720h"
  attest_every = "90d"
}`,
		replaced: `
resource "stint_identity" "bot" {
  name  = "other bot"
  type  = "agent"
  owner = stint_identity.alice.id
}`,
		is: map[string]knownvalue.Check{"groups": knownvalue.SetSizeExact(0), "manager": knownvalue.Null(), "owner": knownvalue.StringExact("alice")},
	}.run(t, acctest.Start(t))
}

func TestDelegationLivesThroughTerraform(t *testing.T) {
	course{
		address: "stint_delegation.away",
		id:      "the%20summer",
		names:   "the summer",
		around: `
resource "stint_identity" "bob" {
  name = "bob"
  type = "human"
}
resource "stint_identity" "dora" {
  name = "dora"
  type = "human"
}
resource "stint_identity" "erin" {
  name = "erin"
  type = "human"
}`,
		created: `
resource "stint_delegation" "away" {
  name    = "the summer"
  from    = stint_identity.bob.id
  to      = stint_identity.dora.id
  ends_at = "2050-08-14T17:00:00Z"
}`,
		changed: `
resource "stint_delegation" "away" {
  name      = "the summer"
  from      = stint_identity.bob.id
  to        = stint_identity.erin.id
  starts_at = "2050-07-24T06:00:00Z"
  ends_at   = "2050-08-15T17:00:00Z"
}`,
		rewritten: `
resource "stint_delegation" "away" {
  name      = "the summer"
  from      = "bob"
  to        = "erin"
  starts_at = "2050-07-24T08:00:00+02:00"
  ends_at   = "2050-08-15T19:00:00+02:00"
  templates = []
}`,
		replaced: `
resource "stint_delegation" "away" {
  name    = "the winter"
  from    = stint_identity.bob.id
  to      = stint_identity.dora.id
  ends_at = "2050-12-31T17:00:00Z"
}`,
		is: map[string]knownvalue.Check{"templates": knownvalue.SetSizeExact(0), "starts_at": knownvalue.Null()},
	}.run(t, acctest.Start(t))
}

func TestBusinessEventLivesThroughTerraform(t *testing.T) {
	course{
		address: "stint_business_event.audit",
		id:      "the%20audit",
		names:   "the audit",
		created: `
resource "stint_business_event" "audit" {
  name    = "the audit"
  kind    = "engagement"
  ends_at = "2036-12-31T17:00:00+01:00"
}`,
		changed: `
resource "stint_business_event" "audit" {
  name      = "the audit"
  kind      = "incident"
  severity  = 2
  reference = "INC-1"
  ends_at   = "2036-12-31T17:00:00Z"
}`,
		rewritten: `
resource "stint_business_event" "audit" {
  name      = "the audit"
  kind      = "incident"
  severity  = 2
  reference = "INC-1"
  ends_at   = "2036-12-31T18:00:00+01:00"
}`,
		replaced: `
resource "stint_business_event" "audit" {
  name    = "audit-2"
  kind    = "task"
  ends_at = "2036-12-31T17:00:00Z"
}`,
		spelled: []string{"ends_at"},
		is:      map[string]knownvalue.Check{"ends_at": knownvalue.StringExact("2036-12-31T17:00:00+01:00"), "severity": knownvalue.Null()},
	}.run(t, acctest.Start(t))
}

// governed is a stack whose target has the roles, and HCL for its application.
func governed(t *testing.T, roles ...string) (*acctest.Stack, string) {
	t.Helper()
	stack := acctest.Start(t)
	for _, role := range roles {
		stack.Target(t).Exec(t, "postgres", `CREATE ROLE "`+role+`"`)
	}
	return stack, stack.Application(t, "billing")
}

func TestApplicationLivesThroughTerraform(t *testing.T) {
	stack := acctest.Start(t)
	created := stack.Application(t, "billing")
	stack.Secret(t, "ledger", "password", stack.Target(t).Password())
	changed := strings.Replace(created, `sslmode      = "disable"`, `sslmode = "disable", terminate_sessions = false`, 1)
	changed = strings.Replace(changed, `correlation = "account.name == identity.name"`, "correlation = \"identity.name == account.name\"\n  discovery = { interval = \"90m\", max_gone_percent = 35 }\n  limits = { concurrent_calls = 2, operations_per_minute = 600 }", 1)
	rewritten := strings.Replace(changed, `"identity.name == account.name"`, `"(identity.name\n ==  account.name) # the same"`, 1)
	rewritten = strings.Replace(rewritten, `"90m"`, `"1h30m"`, 1)
	course{
		address:   "stint_application.billing",
		id:        "billing", // names of applications need no encoding
		names:     "billing",
		created:   created,
		changed:   changed,
		rewritten: rewritten,
		replaced:  strings.Replace(created, `name = "billing"`, `name = "ledger"`, 1),
		is: map[string]knownvalue.Check{
			"discovery.interval":                      knownvalue.StringExact("15m"),
			"discovery.max_gone_percent":              knownvalue.Int64Exact(20),
			"limits":                                  knownvalue.Null(),
			"connector.postgresql.database":           knownvalue.StringExact("postgres"),
			"connector.postgresql.max_connections":    knownvalue.Int64Exact(4),
			"connector.postgresql.sslrootcert":        knownvalue.Null(),
			"connector.postgresql.password_ref":       knownvalue.StringExact("file:password"),
			"connector.postgresql.terminate_sessions": knownvalue.Bool(true),
		},
	}.run(t, stack)
}

func TestEntitlementLivesThroughTerraform(t *testing.T) {
	stack, application := governed(t, "billing/admin", "billing_read")
	course{
		address: "stint_entitlement.admin",
		id:      "billing/role/billing%2Fadmin",
		names:   "billing/role/billing/admin",
		around: application + `
resource "stint_identity" "alice" {
  name = "alice"
  type = "human"
}`,
		created: `
resource "stint_entitlement" "admin" {
  application = stint_application.billing.id
  kind        = "role"
  native_id   = "billing/admin"
  risk        = "high"
  standing    = "forbidden"
}`,
		changed: `
resource "stint_entitlement" "admin" {
  application  = stint_application.billing.id
  kind         = "role"
  native_id    = "billing/admin"
  owner        = stint_identity.alice.id
  risk         = "critical"
  standing     = "allowed"
  max_duration = "24h"
}`,
		rewritten: `
resource "stint_entitlement" "admin" {
  application  = "billing"
  kind         = "role"
  native_id    = "billing/admin"
  owner        = stint_identity.alice.id
  risk         = "critical"
  standing     = "allowed"
  max_duration = "1d"
}`,
		replaced: `
resource "stint_entitlement" "admin" {
  application = stint_application.billing.id
  kind        = "role_admin"
  native_id   = "billing_read"
  risk        = "low"
  standing    = "allowed"
}`,
		is: map[string]knownvalue.Check{"owner": knownvalue.Null(), "max_duration": knownvalue.Null()},
	}.run(t, stack)
}

const entitlements = `
resource "stint_entitlement" "admin" {
  application = stint_application.billing.id
  kind        = "role"
  native_id   = "billing_admin"
  risk        = "critical"
  standing    = "forbidden"
}
resource "stint_entitlement" "read" {
  application = stint_application.billing.id
  kind        = "role"
  native_id   = "billing_read"
  risk        = "low"
  standing    = "allowed"
}
`

func TestEligibilityPolicyLivesThroughTerraform(t *testing.T) {
	stack, application := governed(t, "billing_admin", "billing_read")
	course{
		address: "stint_eligibility_policy.oncall",
		id:      "on%20call",
		names:   "on call",
		around:  application + entitlements,
		created: `
resource "stint_eligibility_policy" "oncall" {
  name         = "on call"
  effect       = "allow"
  entitlements = [stint_entitlement.admin.id]
  condition    = "contains(identity.groups, \"sre\")"
}`,
		changed: `
resource "stint_eligibility_policy" "oncall" {
  name         = "on call"
  effect       = "deny"
  entitlements = [stint_entitlement.admin.id, stint_entitlement.read.id]
  parameters   = { team = "sre", strict = true, level = 3, sites = ["a", "b"] }
  condition    = <<-EOT
    contains(identity.groups, param.team) && param.strict
    && param.level > 2 && contains(param.sites, "a")
  EOT
}`,
		rewritten: `
resource "stint_eligibility_policy" "oncall" {
  name         = "on call"
  effect       = "deny"
  entitlements = [stint_entitlement.read.id, stint_entitlement.admin.id]
  parameters   = { sites = tolist(["a", "b"]), team = "sre", strict = true, level = 3 }
  condition    = "contains(identity.groups,param.team) && (param.strict) && param.level > 2 && contains(param.sites, \"a\")"
}`,
		replaced: `
resource "stint_eligibility_policy" "oncall" {
  name         = "on-call"
  effect       = "allow"
  entitlements = [stint_entitlement.admin.id]
  parameters   = {}
  condition    = "identity.type == \"human\""
}`,
		is: map[string]knownvalue.Check{"parameters": knownvalue.Null()},
	}.run(t, stack)
}

func TestSoDRuleLivesThroughTerraform(t *testing.T) {
	stack, application := governed(t, "billing_admin", "billing_read")
	course{
		address: "stint_sod_rule.payments",
		id:      "the%20payments",
		names:   "the payments",
		around:  application + entitlements,
		created: `
resource "stint_sod_rule" "payments" {
  name = "the payments"
  mode = "deny"
  duties = {
    administer = { entitlements = [stint_entitlement.admin.id] }
    read       = { entitlements = [stint_entitlement.read.id] }
  }
}`,
		changed: `
resource "stint_sod_rule" "payments" {
  name          = "the payments"
  mode          = "approve"
  include_owned = false
  duties = {
    administer = { entitlements = [stint_entitlement.admin.id] }
    look       = { entitlements = [stint_entitlement.read.id] }
  }
}`,
		rewritten: `
resource "stint_sod_rule" "payments" {
  name          = "the payments"
  mode          = "approve"
  limit         = 1
  include_owned = false
  duties = {
    look       = { entitlements = ["billing/role/billing_read"] }
    administer = { entitlements = ["billing/role/billing_admin"] }
  }
}`,
		replaced: `
resource "stint_sod_rule" "payments" {
  name = "payments-2"
  mode = "record"
  duties = {
    administer = { entitlements = [stint_entitlement.admin.id] }
    read       = { entitlements = [stint_entitlement.read.id] }
  }
}`,
		is: map[string]knownvalue.Check{"limit": knownvalue.Int64Exact(1), "include_owned": knownvalue.Bool(true)},
	}.run(t, stack)
}

func TestGrantTemplateLivesThroughTerraform(t *testing.T) {
	stack, application := governed(t, "billing_admin", "billing_read")
	course{
		address: "stint_grant_template.admin",
		id:      "the%20admin",
		names:   "the admin",
		around: application + entitlements + `
resource "stint_identity" "alice" {
  name = "alice"
  type = "human"
}
resource "stint_eligibility_policy" "oncall" {
  name         = "oncall"
  effect       = "allow"
  entitlements = [stint_entitlement.admin.id, stint_entitlement.read.id]
  condition    = "identity.type == \"human\""
}`,
		created: `
resource "stint_grant_template" "admin" {
  name                 = "the admin"
  entitlements         = [stint_entitlement.admin.id]
  eligibility_policies = [stint_eligibility_policy.oncall.id]
  duration             = { default = "60m", max = "4h" }
  approval             = { automatic = true }
}`,
		changed: `
resource "stint_grant_template" "admin" {
  name                 = "the admin"
  entitlements         = [stint_entitlement.admin.id, stint_entitlement.read.id]
  eligibility_policies = [stint_eligibility_policy.oncall.id]
  duration             = { default = "90m", max = "4h" }
  activate_within      = "30m"
  schedule_within      = "168h"
  cooldown             = "90m"
  max_concurrent       = { per_identity = 1, total = 5 }
  business_event       = { kinds = ["incident", "change"] }
  justification        = "required"
  on_ineligible        = "grace"
  ineligible_grace     = "90m"
  break_glass = {
    limit         = 2
    per           = "720h"
    reviewers     = { identities = [stint_identity.alice.id], condition = "contains(approver.groups,\"security\")" }
    review_within = "1d"
  }
  approval = {
    stages = [
      { name = "lead", approvers = { groups = ["leads"], relations = ["manager"] }, timeout = "60m" },
      { name = "owner", quorum = 1, approvers = { identities = [stint_identity.alice.id] } },
      { name = "senior", approvers = { condition = "contains(approver.groups,\"senior\") && (approver.id != identity.id)" } },
    ]
  }
  revoke_on_destroy = true
}`,
		rewritten: `
resource "stint_grant_template" "admin" {
  name                 = "the admin"
  entitlements         = [stint_entitlement.read.id, stint_entitlement.admin.id]
  eligibility_policies = [stint_eligibility_policy.oncall.id]
  duration             = { default = "1h30m", max = "240m" }
  activate_within      = "1800s"
  schedule_within      = "7d"
  cooldown             = "1h30m"
  max_concurrent       = { total = 5, per_identity = 1 }
  business_event       = { kinds = ["change", "incident"] }
  justification        = "required"
  on_ineligible        = "grace"
  ineligible_grace     = "1h30m"
  break_glass = {
    limit     = 2
    per       = "30d"
    reviewers = { identities = ["alice"], groups = [], condition = "contains(approver.groups, \"security\")" }
  }
  approval = {
    automatic = false
    stages = [
      { name = "lead", quorum = 1, approvers = { groups = ["leads"], relations = ["manager"], identities = [] }, timeout = "1h", on_timeout = "lapse" },
      { name = "owner", approvers = { identities = ["alice"] }, timeout = "60m" },
      { name = "senior", approvers = { condition = "contains(approver.groups, \"senior\") && approver.id != identity.id" } },
    ]
  }
  revoke_on_destroy = true
}`,
		replaced: `
resource "stint_grant_template" "admin" {
  name                 = "administer"
  entitlements         = [stint_entitlement.admin.id]
  eligibility_policies = [stint_eligibility_policy.oncall.id]
  duration             = { default = "1h", max = "4h" }
  approval             = { automatic = true, stages = [] }
}`,
		spelled: []string{"duration.default"},
		is: map[string]knownvalue.Check{
			"duration.default": knownvalue.StringExact("60m"), "activate_within": knownvalue.StringExact("15m"),
			"schedule_within": knownvalue.Null(), "cooldown": knownvalue.Null(), "max_concurrent": knownvalue.Null(),
			"business_event": knownvalue.Null(), "break_glass": knownvalue.Null(), "justification": knownvalue.StringExact("optional"), "revoke_on_destroy": knownvalue.Bool(false),
		},
	}.run(t, stack)
}
