# Who may ask for admin: those on call, for a serious incident, for some hours.
resource "stint_eligibility_policy" "oncall" {
  name         = "oncall"
  effect       = "allow"
  entitlements = [stint_entitlement.admin.id]
  condition    = <<-EOT
    contains(identity.groups, "sre-oncall") && request.duration <= duration("4h")
    && event != null && event.kind == "incident"
    && event.severity != null && event.severity <= 2
  EOT
}

# Reading helps with any incident, however small. A parameter carries what the
# condition shall not have written into it.
resource "stint_eligibility_policy" "oncall_read" {
  name         = "oncall-read"
  effect       = "allow"
  entitlements = [stint_entitlement.everyday["billing_read"].id]
  parameters   = { team = var.reading_group }

  condition = <<-EOT
    contains(identity.groups, param.team)
    && event != null && event.kind == "incident"
  EOT
}

resource "stint_eligibility_policy" "finance" {
  name         = "finance"
  effect       = "allow"
  entitlements = [stint_entitlement.payment_approve.id]
  condition    = "contains(identity.groups, \"finance\")"
}

# A guardrail, which always wins: no software becomes admin or approves payments,
# whatever group it is put into.
resource "stint_eligibility_policy" "people_only" {
  name         = "people-only"
  effect       = "deny"
  entitlements = [stint_entitlement.admin.id, stint_entitlement.payment_approve.id]
  condition    = "identity.type != \"human\""
}

# Another: admin is for employees. Whoever it is not known of is none.
resource "stint_eligibility_policy" "employees_only" {
  name         = "employees-only"
  effect       = "deny"
  entitlements = [stint_entitlement.admin.id]
  depends_on   = [stint_attribute.employment]
  condition    = <<-EOT
    identity.attributes.employment == null
    || identity.attributes.employment != "employee"
  EOT
}

# Nobody creates payments and approves them, nor with the help of software of
# theirs.
resource "stint_sod_rule" "payments" {
  name          = "payments"
  mode          = "deny"
  limit         = 1
  include_owned = true

  duties = {
    create  = { entitlements = [stint_entitlement.everyday["payment_create"].id] }
    approve = { entitlements = [stint_entitlement.payment_approve.id] }
  }
}

# Admin for an incident: asked for with a reason, approved by another, over when
# its time or the incident is.
resource "stint_grant_template" "incident_admin" {
  name                 = "incident-admin"
  entitlements         = [stint_entitlement.admin.id]
  eligibility_policies = [stint_eligibility_policy.oncall.id]
  duration             = { default = "1h", max = "4h" }
  activate_within      = "15m"
  business_event       = { kinds = ["incident"] }
  justification        = "required"

  approval = {
    stages = [{
      name      = "lead"
      quorum    = 1
      approvers = { groups = ["sre-leads"], relations = ["manager"] }
      timeout   = "15m"
    }]
  }
}

# Reading for an incident needs nobody's approval, and ends with it all the same.
resource "stint_grant_template" "incident_read" {
  name                 = "incident-read"
  entitlements         = [stint_entitlement.everyday["billing_read"].id]
  eligibility_policies = [stint_eligibility_policy.oncall_read.id]
  duration             = { default = "1h", max = "8h" }
  activate_within      = "15m"
  business_event       = { kinds = ["incident"] }
  justification        = "optional"
  approval             = { automatic = true }
}

resource "stint_grant_template" "payment_run" {
  name                 = "payment-run"
  entitlements         = [stint_entitlement.payment_approve.id]
  eligibility_policies = [stint_eligibility_policy.finance.id]
  duration             = { default = "2h", max = "4h" }
  activate_within      = "30m"
  justification        = "required"

  approval = {
    stages = [{
      name      = "finance lead"
      quorum    = 1
      approvers = { groups = ["finance-leads"] }
      timeout   = "4h"
    }]
  }
}
