# Who may do what in this quickstart, pinned. `stint test` puts each question to
# the declared policy and compares the decision with what is expected.

scenario "those on call get admin for a serious incident, with approval" {
  identity = "alice"
  request = {
    template      = "incident-admin"
    duration      = "1h"
    justification = "restart the stuck billing run"
  }
  event = { kind = "incident", severity = 1 }

  # A row says what is different about it; everything else is the scenario's.
  cases = {
    "as it is"                      = { expect = { decision = "needs_approval", stages = ["lead"], max_duration = "4h" } }
    "for an hour if none is said"   = { request = { duration = null }, expect = { decision = "needs_approval", duration = "1h" } }
    "the mildest that is serious"   = { event = { severity = 2 }, expect = { decision = "needs_approval" } }
    "the longest"                   = { request = { duration = "4h" }, expect = { decision = "needs_approval" } }
    "too long"                      = { request = { duration = "4h0m1s" }, expect = { decision = "deny", denied_by = ["oncall", "duration_too_long"] } }
    "a small incident"              = { event = { severity = 3 }, expect = { decision = "deny", denied_by = ["oncall"] } }
    "how bad it is, is not said"    = { event = { severity = null }, expect = { decision = "deny", denied_by = ["oncall"] } }
    "a change, not an incident"     = { event = { kind = "change" }, expect = { decision = "deny", denied_by = ["oncall", "event_kind"] } }
    "no reason of business"         = { event = null, expect = { decision = "deny", denied_by = ["oncall", "event_required"] } }
    "an incident that is over"      = { event = { ends_in = "0s" }, expect = { decision = "deny", denied_by = ["event_not_open"] } }
    "no reason in words"            = { request = { justification = null }, expect = { decision = "deny", denied_by = ["justification_required"] } }
    "somebody of finance"           = { identity = "erin", expect = { decision = "deny", denied_by = ["oncall"] } }
    "a contractor who is on call"   = { identity = "heidi", expect = { decision = "deny", denied_by = ["employees-only"] } }
    "the agent that is on call too" = { identity = "deploy-bot", expect = { decision = "deny", denied_by = ["people-only", "employees-only"] } }
    "who may be employed or not"    = { identity = { groups = ["sre-oncall"] }, expect = { decision = "deny", denied_by = ["employees-only"] } }
    "an employee who is described"  = { identity = { groups = ["sre-oncall"], attributes = { employment = "employee" } }, expect = { decision = "needs_approval" } }
  }
}

scenario "those on call read billing for any incident, at once" {
  identity = "bob"
  request  = { template = "incident-read", duration = "8h" }
  event    = { kind = "incident" }

  cases = {
    "as it is"                    = { expect = { decision = "allow", max_duration = "8h" } }
    "for an hour if none is said" = { request = { duration = null }, expect = { decision = "allow", duration = "1h" } }
    "the agent that is on call"   = { identity = "deploy-bot", expect = { decision = "allow" } }
    "too long"                    = { request = { duration = "8h0m1s" }, expect = { decision = "deny", denied_by = ["duration_too_long"] } }
    "a task, not an incident"     = { event = { kind = "task" }, expect = { decision = "deny", denied_by = ["oncall-read", "event_kind"] } }
    "no reason of business"       = { event = null, expect = { decision = "deny", denied_by = ["oncall-read", "event_required"] } }
    "somebody of support"         = { identity = "quentin", expect = { decision = "deny", denied_by = ["oncall-read"] } }
  }
}

scenario "finance approves payments, with the lead's consent" {
  identity = "niaj"
  request  = { template = "payment-run", duration = "4h", justification = "month end" }

  cases = {
    "as it is"                      = { expect = { decision = "needs_approval", stages = ["finance lead"], max_duration = "4h" } }
    "for two hours if none is said" = { request = { duration = null }, expect = { decision = "needs_approval", duration = "2h" } }
    "too long"                      = { request = { duration = "4h0m1s" }, expect = { decision = "deny", denied_by = ["duration_too_long"] } }
    "no reason in words"            = { request = { justification = null }, expect = { decision = "deny", denied_by = ["justification_required"] } }
    "somebody on call"              = { identity = "alice", expect = { decision = "deny", denied_by = ["finance"] } }
    "software that was put into finance" = {
      identity = { type = "service_account", owner = "carol", groups = ["finance"] }
      expect   = { decision = "deny", denied_by = ["people-only"] }
    }
    "who creates payments" = { holdings = ["billing/role/payment_create"], expect = { decision = "deny", denied_by = ["payments"] } }
    "whose software creates them" = {
      identity = "alice"
      holdings = [{ identity = "deploy-bot", entitlement = "billing/role/payment_create" }]
      expect   = { decision = "deny", denied_by = ["finance", "payments"] }
    }
  }
}

never "software becomes admin or approves payments" {
  identity    = "identity.type != \"human\""
  entitlement = <<-EOT
    entitlement.risk == "critical"
    && contains(["billing_admin", "payment_approve"], entitlement.native_id)
  EOT
}

never "contractors become admin" {
  identity    = "identity.attributes.employment != null && identity.attributes.employment == \"contractor\""
  entitlement = "entitlement.native_id == \"billing_admin\""
}

never "marketing reaches anything at all" {
  identity = "contains(identity.groups, \"marketing\")"
}
