output "templates" {
  description = "What may be asked for, with `stint request`."
  value = [
    stint_grant_template.incident_admin.id,
    stint_grant_template.incident_read.id,
    stint_grant_template.payment_run.id,
  ]
}

output "never_standing" {
  description = "The rights that nobody may hold without an end."
  value       = [stint_entitlement.admin.id, stint_entitlement.payment_approve.id]
}
