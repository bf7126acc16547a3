variable "application" {
  description = "Id of the application."
  type        = string
  default     = "billing"
}

resource "stint_attribute" "employment" {
  object      = "identity"
  name        = "employment"
  type        = "string"
  description = "How the person is employed: employee or contractor."
}

# A reference to the attribute's name puts the identity behind it.
resource "stint_identity" "carol" {
  name = "carol"
  type = "human"

  attributes = {
    (stint_attribute.employment.name) = "contractor"
  }
}

resource "stint_entitlement" "billing_admin" {
  application = var.application
  kind        = "role"
  native_id   = "billing_admin"
  risk        = "critical"
  standing    = "forbidden"
}

# A guardrail: contractors never get it, whatever other policies say. An
# attribute is null where there is no value, so it is compared behind a guard.
resource "stint_eligibility_policy" "no_contractors" {
  name         = "no-contractors"
  effect       = "deny"
  entitlements = [stint_entitlement.billing_admin.id]
  depends_on   = [stint_attribute.employment]

  condition = <<-EOT
    identity.attributes.employment != null
    && identity.attributes.employment == "contractor"
  EOT
}
