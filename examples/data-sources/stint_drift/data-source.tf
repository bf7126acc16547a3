data "stint_drift" "standing" {
  kind = "standing_privilege"
}

# Fails the plan's checks, and not the plan, while there is standing privilege.
check "no_standing_privilege" {
  assert {
    condition     = data.stint_drift.standing.stamp.count == 0
    error_message = join("\n", data.stint_drift.standing.findings[*].message)
  }
}
