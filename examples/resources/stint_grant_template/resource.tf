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

  # When nobody answers: at once, with a reason, twice a month at most, and the
  # security team looks at it within a day.
  break_glass = {
    limit         = 2
    per           = "30d"
    reviewers     = { groups = ["security"] }
    review_within = "1d"
  }
}

# Admin for planned work: booked up to a week ahead, by one engineer at a time,
# and not twice in a row. Whoever has no account in the database gets one for the
# time of the work.
resource "stint_grant_template" "maintenance" {
  name                 = "maintenance"
  entitlements         = [stint_entitlement.billing_admin.id]
  eligibility_policies = [stint_eligibility_policy.oncall.id]

  duration = {
    default = "2h"
    max     = "4h"
  }
  schedule_within = "7d"
  activate_within = "30m"
  max_concurrent  = { per_identity = 1, total = 1 }
  cooldown        = "12h"
  create_account  = true

  approval = {
    stages = [{
      name      = "lead"
      approvers = { groups = ["sre-leads"] }
    }]
  }
}
