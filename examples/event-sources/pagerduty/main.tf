# Incidents of PagerDuty, by a V3 webhook subscription to
# https://stint.example.com:8420/hooks/v1/pagerduty.
resource "stint_event_source" "pagerduty" {
  name = "pagerduty"

  signature = {
    hmac_sha256 = {
      header     = "X-PagerDuty-Signature"
      prefix     = "v1="
      secret_ref = "file:secret" # <secrets-dir>/source-pagerduty/secret
    }
  }

  fields = {
    type     = { path = "/event/event_type", type = "string" }
    at       = { path = "/event/occurred_at", type = "time" }
    id       = { path = "/event/data/id", type = "string" }
    urgency  = { path = "/event/data/urgency", type = "string" }
    html_url = { path = "/event/data/html_url", type = "string" }
  }

  mapping = {
    action = <<-EOT
      field.type == null ? "ignore"
      : contains(["incident.triggered", "incident.reopened"], field.type) ? "open"
      : field.type == "incident.resolved" ? "close"
      : startswith(field.type, "incident.") ? "update" : "ignore"
    EOT
    key         = "field.id != null ? field.id : \"\""
    name        = "field.id != null ? field.id : \"\""
    kind        = "\"incident\""
    severity    = "field.urgency != null && field.urgency == \"high\" ? 1 : 3"
    reference   = "field.html_url != null ? field.html_url : \"\""
    ends_in     = "duration(\"12h\")"
    occurred_at = "field.at != null ? field.at : now"
  }
}
