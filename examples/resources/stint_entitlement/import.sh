# application/kind/native_id
terraform import stint_entitlement.billing_admin billing/role/billing_admin
