package provider_test

import (
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

func TestListsShowTheTargetAndSayWhatStateTheyAreFrom(t *testing.T) {
	stack, application := governed(t, "billing_admin", "billing_read")
	stack.Target(t).Exec(t, "postgres",
		`CREATE ROLE alice LOGIN`, `GRANT billing_admin TO alice`, `GRANT billing_read TO billing_admin`, `CREATE ROLE forgotten LOGIN`)
	config := stack.ProviderConfig() + application + `
resource "stint_identity" "alice" {
  name = "alice"
  type = "human"
}
` + entitlements + `
data "stint_discovered_entitlements" "all" {
  application = stint_application.billing.id
  depends_on  = [stint_identity.alice, stint_entitlement.admin, stint_entitlement.read]
}
data "stint_discovered_assignments" "all" {
  application = stint_application.billing.id
  depends_on  = [stint_identity.alice]
}
data "stint_drift" "orphans" {
  application = stint_application.billing.id
  kind        = "orphan_account"
  depends_on  = [stint_identity.alice]
}
data "stint_drift" "everything" {
  depends_on = [stint_identity.alice, stint_entitlement.admin, stint_entitlement.read]
}
output "admin" {
  value = one([for e in data.stint_discovered_entitlements.all.entitlements : e if e.native_id == "billing_admin" && e.kind == "role"])
}
output "held_by_alice" {
  value = [for a in data.stint_discovered_assignments.all.assignments : a if a.account == "billing/alice"]
}
output "counted" {
  value = length(data.stint_discovered_entitlements.all.entitlements) == data.stint_discovered_entitlements.all.stamp.count
}
output "orphans" {
  value = data.stint_drift.orphans.findings[*].account
}
output "standing" {
  value = [for f in data.stint_drift.everything.findings : f if f.kind == "standing_privilege" && f.account == "billing/alice"]
}
`
	stamp := knownvalue.ObjectExact(map[string]knownvalue.Check{
		"count":       knownvalue.NotNull(),
		"digest":      knownvalue.StringRegexp(regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)),
		"observed_at": knownvalue.StringRegexp(regexp.MustCompile(`^20\d\d-.*Z$`)),
		"revision":    knownvalue.NotNull(),
		"checkpoint": knownvalue.ObjectExact(map[string]knownvalue.Check{
			"size": knownvalue.NotNull(), "root": knownvalue.StringRegexp(regexp.MustCompile(`^[A-Za-z0-9+/]{43}=$`)),
		}),
	})
	partial := knownvalue.ObjectPartial
	run(t, resource.TestStep{Config: config, ConfigStateChecks: []statecheck.StateCheck{
		statecheck.ExpectKnownValue("data.stint_discovered_entitlements.all", tfjsonpath.New("stamp"), stamp),
		statecheck.ExpectKnownValue("data.stint_discovered_assignments.all", tfjsonpath.New("stamp"), stamp),
		statecheck.ExpectKnownValue("data.stint_drift.everything", tfjsonpath.New("stamp"), stamp),
		statecheck.ExpectKnownOutputValue("counted", knownvalue.Bool(true)),
		statecheck.ExpectKnownOutputValue("admin", partial(map[string]knownvalue.Check{
			"id": knownvalue.StringExact("billing/role/billing_admin"), "declared": knownvalue.Bool(true), "holders": knownvalue.Int64Exact(1),
			"includes": knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact("billing/role/billing_read")}),
		})),
		statecheck.ExpectKnownOutputValue("held_by_alice", knownvalue.ListExact([]knownvalue.Check{partial(map[string]knownvalue.Check{
			"identity": knownvalue.StringExact("alice"), "entitlement": knownvalue.StringExact("billing/role/billing_admin"), "grant": knownvalue.Null(),
		})})),
		statecheck.ExpectKnownOutputValue("orphans", knownvalue.ListPartial(map[int]knownvalue.Check{0: knownvalue.StringExact("billing/forgotten")})),
		statecheck.ExpectKnownOutputValue("standing", knownvalue.ListExact([]knownvalue.Check{partial(map[string]knownvalue.Check{
			"entitlement": knownvalue.StringExact("billing/role/billing_admin"), "severity": knownvalue.StringExact("critical"), "identity": knownvalue.StringExact("alice"),
		})})),
	}})
}

func TestListOfAnUnknownApplicationIsAnError(t *testing.T) {
	stack, _ := governed(t)
	run(t, resource.TestStep{
		Config:      stack.ProviderConfig() + `data "stint_drift" "x" { application = "nowhere" }`,
		ExpectError: regexp.MustCompile(`nowhere`),
	})
}
