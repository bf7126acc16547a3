locals {
  oncall = <<-EOT
    contains(identity.groups, param.team)
    && event != null && event.kind == "incident"
    && request.duration <= duration("4h")
  EOT

  incident = {
    identity = { groups = ["sre-oncall"] }
    event    = { kind = "incident" }
    request  = { duration = "1h30m" }
    param    = { team = "sre-oncall" }
  }
}

check "whoever_is_on_call_is_let_in" {
  assert {
    condition     = provider::stint::allows(local.oncall, local.incident)
    error_message = "Nobody could repair the ledger."
  }
}

check "without_an_incident_nobody_is" {
  assert {
    condition     = !provider::stint::allows(local.oncall, merge(local.incident, { event = null }))
    error_message = "The policy does not ask for an incident."
  }
}
