# Issues of a Jira project, by a webhook with a secret to
# https://stint.example.com:8420/hooks/v1/jira.
resource "stint_event_source" "jira" {
  name = "jira"

  signature = {
    hmac_sha256 = {
      header     = "X-Hub-Signature"
      prefix     = "sha256="
      secret_ref = "file:secret" # <secrets-dir>/source-jira/secret
    }
  }

  fields = {
    event    = { path = "/webhookEvent", type = "string" }
    at       = { path = "/timestamp", type = "time" }
    key      = { path = "/issue/key", type = "string" }
    status   = { path = "/issue/fields/status/statusCategory/key", type = "string" }
    priority = { path = "/issue/fields/priority/name", type = "string" }
  }

  mapping = {
    action = <<-EOT
      field.event == null ? "ignore"
      : field.event == "jira:issue_deleted" ? "close"
      : field.status != null && field.status == "done" ? "close"
      : contains(["jira:issue_created", "jira:issue_updated"], field.event) ? "open" : "ignore"
    EOT
    key         = "field.key != null ? field.key : \"\""
    name        = "field.key != null ? field.key : \"\""
    kind        = "\"project\""
    severity    = "field.priority != null && contains([\"High\", \"Highest\"], field.priority) ? 2 : 4"
    ends_in     = "duration(\"7d\")"
    occurred_at = "field.at != null ? field.at : now"
  }
}
