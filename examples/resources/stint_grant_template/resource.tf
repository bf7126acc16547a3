variable "application" {
  description = "Id of the application."
  type        = string
  default     = "billing"
}

resource "stint_entitlement" "billing_admin" {
  application = var.application
  kind        = "role"
  native_id   = "billing_admin"
  risk        = "critical"
  standing    = "forbidden"
}

resource "stint_eligibility_policy" "oncall" {
  name         = "oncall"
  effect       = "allow"
  entitlements = [stint_entitlement.billing_admin.id]
  condition    = "contains(identity.groups, \"sre-oncall\")"
}

# Admin for an incident: an hour by default, approved by a lead or the manager,
# and over as soon as the incident is.
resource "stint_grant_template" "incident_admin" {
  name                 = "incident-admin"
  entitlements         = [stint_entitlement.billing_admin.id]
  eligibility_policies = [stint_eligibility_policy.oncall.id]

  duration = {
    default = "1h"
    max     = "4h"
  }
  activate_within = "15m"
  business_event  = { kinds = ["incident"] }
  justification   = "required"
  extension       = { max_total = "8h" }

  approval = {
    stages = [{
      name      = "lead"
      quorum    = 1
      approvers = { groups = ["sre-leads"], relations = ["manager"] }
      timeout   = "15m"
    }]
  }
}
