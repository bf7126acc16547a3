variable "application" {
  description = "Id of the application."
  type        = string
  default     = "billing"
}

data "stint_discovered_assignments" "billing" {
  application = var.application
}

# Who holds what without a grant that ends it.
output "standing" {
  value = {
    for a in data.stint_discovered_assignments.billing.assignments : a.account => a.entitlement...
    if a.grant == null
  }
}
