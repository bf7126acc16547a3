# What a row says lies over what its scenario says, member by member.
scenario "rows" {
  identity = { groups = ["oncall"], manager = "carol" }
  request  = { template = "incident-admin", duration = "2h", justification = "because" }
  event    = { kind = "incident", severity = 1, ends_in = "1h" }
  expect   = { decision = "needs_approval", stages = ["lead"], duration = "2h", max_duration = "2h" }

  cases = {
    "as it is"                = {}
    "one member of a request" = { request = { duration = "2h0m1s" }, expect = { decision = "deny", denied_by = ["duration_too_long"] } }
    "one taken back"          = { request = { duration = null }, expect = { decision = "needs_approval", duration = "1h" } }
    "one member of an event"  = { event = { severity = 3 }, expect = { decision = "deny", denied_by = ["oncall"] } }
    "an end in the past"      = { event = { ends_at = "2026-01-05T11:59:59Z" }, expect = { decision = "deny", denied_by = ["event_not_open"] } }
    "later than the event"    = { now = "2026-01-05T13:00:00Z", event = { ends_at = "2026-01-05T13:00:00Z" }, expect = { decision = "deny", denied_by = ["event_not_open"] } }
    "a drill"                 = { event = { attributes = { downtime = "59s" } }, expect = { decision = "deny", denied_by = ["drills"] } }
    "no drill"                = { event = { attributes = { downtime = "1m" } } }
    "no event"                = { event = null, expect = { decision = "deny", denied_by = ["event_required", "oncall"] } }
    "a declared event"        = { event = "audit", expect = { decision = "deny", denied_by = ["event_kind", "oncall"] } }
    "other groups"            = { identity = { groups = [] }, expect = { decision = "deny", denied_by = ["oncall"], reasons = ["policy_no_match", "approval_needed"] } }
    "another who is declared" = { identity = "alice" }
    "one who is suspended"    = { identity = { status = "suspended" }, expect = { decision = "deny", denied_by = ["identity_not_active"] } }
    "an agent in the group"   = { identity = { name = "bot", type = "agent", owner = "alice", manager = null }, expect = { decision = "deny", denied_by = ["people-only"] } }
    "in the evening"          = { now = "2026-01-05T20:00:00Z", expect = { decision = "deny", denied_by = ["night"] } }
    "two accounts"            = { accounts = ["billing/a", "billing/b"], expect = { decision = "deny", denied_by = ["account_ambiguous"] } }
    "one of two accounts"     = { accounts = ["billing/a", "billing/b"], request = { account = "billing/b" } }
    "no account"              = { accounts = [], expect = { decision = "deny", denied_by = ["account_missing"] } }
    "an entitlement by name"  = { request = { entitlements = ["billing/role/admin"] } }
    "one it does not give"    = { request = { entitlements = ["billing/role/approve"] }, expect = { decision = "deny", denied_by = ["entitlement_not_in_template", "no_policy"] } }
  }
}

scenario "what is held counts" {
  identity = "alice"
  request  = { template = "approve" }

  cases = {
    "nothing"                     = { expect = { decision = "allow" } }
    "the other duty"              = { holdings = ["billing/role/create"], expect = { decision = "deny", denied_by = ["payments"] } }
    "the other duty, by an agent" = { holdings = [{ identity = "bot", entitlement = "billing/role/create" }], expect = { decision = "deny", denied_by = ["payments"] } }
    "something else"              = { holdings = ["billing/role/admin"], expect = { decision = "allow" } }
  }
}
