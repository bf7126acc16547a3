variable "billing" {
  description = "The PostgreSQL server that billing runs on."
  type = object({
    host    = string
    port    = number
    sslmode = string
  })
  default = {
    host = "127.0.0.1"
    port = 5432
    # For a database on this machine only. Anything else keeps "verify-full",
    # which is also what Stint takes when nothing is said.
    sslmode = "disable"
  }
}

variable "reading_group" {
  description = "The group whose members may read billing during an incident."
  type        = string
  default     = "sre-oncall"
}
