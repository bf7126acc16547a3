variable "application" {
  description = "Id of the application."
  type        = string
  default     = "billing"
}

resource "stint_entitlement" "create" {
  application = var.application
  kind        = "role"
  native_id   = "payment_create"
  risk        = "high"
  standing    = "allowed"
}

resource "stint_entitlement" "approve" {
  application = var.application
  kind        = "role"
  native_id   = "payment_approve"
  risk        = "high"
  standing    = "allowed"
}

# Nobody creates and approves payments, nor through an agent of theirs.
resource "stint_sod_rule" "payments" {
  name = "payments"
  mode = "deny"

  duties = {
    create  = { entitlements = [stint_entitlement.create.id] }
    approve = { entitlements = [stint_entitlement.approve.id] }
  }
}
