# Grants that are given because of the audit end with it.
resource "stint_business_event" "audit" {
  name      = "audit-2036"
  kind      = "engagement"
  reference = "AUD-17"
  ends_at   = "2036-12-31T17:00:00Z"
}
