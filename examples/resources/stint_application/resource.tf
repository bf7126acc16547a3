variable "server" {
  description = "The PostgreSQL server that the application billing runs on."
  type = object({
    host    = string
    port    = number
    sslmode = string
  })
  default = {
    host    = "db.internal"
    port    = 5432
    sslmode = "verify-full"
  }
}

resource "stint_application" "billing" {
  name = "billing"

  connector = {
    postgresql = {
      host     = var.server.host
      port     = var.server.port
      sslmode  = var.server.sslmode
      database = "billing"
      username = "stint"
      # A variable in the environment of `stint server`; the password itself
      # never enters Terraform.
      password_ref = "env:STINT_SECRET_BILLING_PASSWORD"
    }
  }

  # An account belongs to the identity of the same name.
  correlation = "account.name == identity.name"

  discovery = {
    interval = "15m"
  }
}
