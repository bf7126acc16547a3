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

  # What an account is called that Stint makes for somebody without one, where a
  # grant template says create_account.
  account_name = "identity.name"

  discovery = {
    interval = "15m"
    # A discovery that misses more than a fifth of what is known is held until
    # somebody lets it through.
    max_gone_percent = 20
  }

  # This server is shared: no more than two calls at a time, ten operations a
  # second.
  limits = {
    concurrent_calls      = 2
    operations_per_minute = 600
  }
}
