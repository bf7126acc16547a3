variable "application" {
  description = "Id of the application."
  type        = string
  default     = "billing"
}

resource "stint_identity" "alice" {
  name = "alice"
  type = "human"
}

# Membership in the role billing_admin: nobody may hold it without an end.
resource "stint_entitlement" "billing_admin" {
  application  = var.application
  kind         = "role"
  native_id    = "billing_admin"
  owner        = stint_identity.alice.id
  risk         = "critical"
  standing     = "forbidden"
  max_duration = "8h"
}
