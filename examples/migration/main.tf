# A pipeline's own configuration: it migrates a schema with a right that stands
# only while it runs. STINT_ADDR and STINT_TOKEN say who the pipeline is.

terraform {
  required_version = ">= 1.11"
  required_providers {
    stint = {
      source = "stint-dev/stint"
    }
  }
}

variable "database" {
  description = "The database to migrate. The account's name comes with the grant."
  type = object({
    host = string
    port = number
    name = string
  })
}

variable "password" {
  description = "Password of the pipeline's account. It opens the door and gives no right."
  type        = string
  ephemeral   = true
}

variable "run_url" {
  description = "Where to read about this run; an auditor finds it with the grant."
  type        = string
}

ephemeral "stint_grant" "migrate" {
  template      = "migrate"
  duration      = "30m"
  justification = var.run_url
  enabled       = terraform.applying
}

resource "terraform_data" "schema" {
  triggers_replace = filesha256("${path.module}/schema.sql")

  provisioner "local-exec" {
    command = "psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --file '${path.module}/schema.sql'"
    environment = {
      PGHOST     = var.database.host
      PGPORT     = var.database.port
      PGDATABASE = var.database.name
      PGUSER     = ephemeral.stint_grant.migrate.grants[0].account_name
      PGPASSWORD = var.password
    }
  }
}
