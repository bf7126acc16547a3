variable "application" {
  description = "Id of the application."
  type        = string
  default     = "billing"
}

data "stint_discovered_entitlements" "billing" {
  application = var.application
}

# Roles that somebody holds and nobody has declared.
output "undeclared_roles" {
  value = [
    for e in data.stint_discovered_entitlements.billing.entitlements : e.native_id
    if e.kind == "role" && e.holders > 0 && !e.declared
  ]
}
