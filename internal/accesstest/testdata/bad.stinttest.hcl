scenario "contractors" {
  identity = "alice"
  request { template = "incident-admin" }
  request = { templat = "x", duration = "1w", entitlements = "x", break_glass = "yes" }
  expct = { decision = "deny" }
  event = { kind = "party", severity = 1.5 }
  now = "noon"
  holdings = [billing.role, { identity = "x" }]
}
scenario "b" {
  identity = { status = "actve", groups = ["x", "x"] }
  request = { template = "t" }
  cases = {
    "a" = { expect = { decision = "allow", denied_by = ["x"] } }
    "a" = {  }
    "c" = { expect = { decison = "alow" }, event = "" }
  }
}
never "x" {
  identity = "identity.\u0074ype == \"humn\" && idntity.name == \"x\""
  entitlement = <<-EOT
    entitlement.risk == "critical"
    && entitlement.rsk == "low"
  EOT
}
never "x" { }
scenaro "y" { }
scenario { }
x = 1
