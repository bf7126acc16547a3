# The right to migrate stands while the run applies, and only then.
ephemeral "stint_grant" "migrate" {
  template      = "migrate"
  duration      = "30m"
  justification = "schema migration of release 4.2"
  enabled       = terraform.applying
}
