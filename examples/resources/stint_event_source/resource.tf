# Deployments open a change and close it when they are done.
resource "stint_event_source" "deployments" {
  name = "deployments"

  signature = {
    hmac_sha256 = {
      header           = "X-Signature"
      secret_ref       = "file:secret" # <secrets-dir>/source-deployments/secret
      timestamp_header = "X-Timestamp"
      tolerance        = "2m"
    }
  }

  fields = {
    id    = { path = "/deployment/id", type = "string" }
    state = { path = "/deployment/state", type = "string" }
  }

  mapping = {
    action  = "field.state == null ? \"ignore\" : field.state == \"running\" ? \"open\" : \"close\""
    key     = "field.id != null ? field.id : \"\""
    name    = "field.id != null ? field.id : \"\""
    kind    = "\"change\""
    ends_in = "duration(\"1h\")"
  }
}
