terraform {
  required_version = ">= 1.11"

  required_providers {
    stint = {
      source = "stint-dev/stint"
    }
  }
}

# Endpoint and token come from STINT_ADDR and STINT_TOKEN.
provider "stint" {}

# The system whose rights are governed. Creating it waits for one complete
# discovery, so that what follows is checked against what is really there.
resource "stint_application" "billing" {
  name = "billing"

  connector = {
    postgresql = {
      host     = var.billing.host
      port     = var.billing.port
      sslmode  = var.billing.sslmode
      database = "billing"
      username = "stint"
      # A variable in the environment of `stint server`: the password itself
      # enters neither this file nor plan or state.
      password_ref = "env:STINT_SECRET_BILLING_PASSWORD"
    }
  }

  # An account belongs to the identity of the same name.
  correlation = "account.name == identity.name"

  discovery = {
    interval = "15m"
  }
}

# Rights that people may hold for their daily work.
locals {
  everyday_roles = {
    billing_read   = { owner = "ivan", risk = "low" }
    billing_write  = { owner = "ivan", risk = "high" }
    report_read    = { owner = "dave", risk = "low" }
    support_desk   = { owner = "grace", risk = "medium" }
    payment_create = { owner = "dave", risk = "high" }

    # What Stint itself and the backup need: declared like everybody else's.
    access_granting   = { owner = "carol", risk = "critical" }
    pg_signal_backend = { owner = "carol", risk = "medium" }
    pg_read_all_data  = { owner = "carol", risk = "high" }
  }
}

resource "stint_entitlement" "everyday" {
  for_each = local.everyday_roles

  application = stint_application.billing.id
  kind        = "role"
  native_id   = each.key
  owner       = stint_identity.lead[each.value.owner].id
  risk        = each.value.risk
  standing    = "allowed"
}

# PostgreSQL asks for this attribute of whoever grants roles.
resource "stint_entitlement" "createrole" {
  application = stint_application.billing.id
  kind        = "attribute"
  native_id   = "createrole"
  owner       = stint_identity.lead["carol"].id
  risk        = "critical"
  standing    = "allowed"
}

# Rights that nobody may hold without an end.
resource "stint_entitlement" "admin" {
  application  = stint_application.billing.id
  kind         = "role"
  native_id    = "billing_admin"
  owner        = stint_identity.lead["carol"].id
  risk         = "critical"
  standing     = "forbidden"
  max_duration = "8h"
}

resource "stint_entitlement" "payment_approve" {
  application  = stint_application.billing.id
  kind         = "role"
  native_id    = "payment_approve"
  owner        = stint_identity.lead["dave"].id
  risk         = "critical"
  standing     = "forbidden"
  max_duration = "8h"
}
