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

# Whoever is on call may ask for it while an incident is open.
resource "stint_eligibility_policy" "oncall" {
  name         = "oncall"
  effect       = "allow"
  entitlements = [stint_entitlement.billing_admin.id]

  parameters = {
    team = "sre-oncall"
  }

  condition = <<-EOT
    contains(identity.groups, param.team)
    && event != null && event.kind == "incident"
  EOT
}

# A guardrail: agents never get it, whatever other policies say.
resource "stint_eligibility_policy" "no_agents" {
  name         = "no-agents"
  effect       = "deny"
  entitlements = [stint_entitlement.billing_admin.id]
  condition    = "identity.type == \"agent\""
}
