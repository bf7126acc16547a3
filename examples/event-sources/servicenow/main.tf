# Change requests of ServiceNow, by a business rule that posts the record to
# https://stint.example.com:8420/hooks/v1/servicenow with a shared token.
resource "stint_event_source" "servicenow" {
  name = "servicenow"

  signature = {
    bearer = { secret_ref = "file:token" } # <secrets-dir>/source-servicenow/token
  }

  fields = {
    sys_id   = { path = "/sys_id", type = "string" }
    number   = { path = "/number", type = "string" }
    state    = { path = "/state", type = "string" }
    priority = { path = "/priority", type = "int" }
    end_date = { path = "/end_date", type = "time" }
    updated  = { path = "/sys_updated_on", type = "time" }
  }

  mapping = {
    action = <<-EOT
      field.state == null ? "ignore"
      : field.state == "implement" ? "open"
      : contains(["review", "closed", "canceled"], field.state) ? "close" : "ignore"
    EOT
    key       = "field.sys_id != null ? field.sys_id : \"\""
    name      = "field.number != null ? field.number : \"\""
    kind      = "\"change\""
    severity  = "field.priority != null ? field.priority : 0"
    reference = "field.number != null ? field.number : \"\""
    # A change without a planned end opens nothing: an event ends in the future.
    ends_at     = "field.end_date != null ? field.end_date : now"
    occurred_at = "field.updated != null ? field.updated : now"
  }
}
