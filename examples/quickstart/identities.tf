locals {
  leads = {
    carol = ["sre-leads"]
    dave  = ["finance", "finance-leads"]
    grace = ["support"]
    ivan  = ["engineering"]
  }

  # Who works for whom, and in which groups.
  people = merge(
    { for name in ["alice", "bob", "heidi"] : name => { manager = "carol", groups = ["sre-oncall"] } },
    { for name in ["erin", "judy", "mallory", "niaj", "olivia", "peggy"] : name => { manager = "dave", groups = ["finance"] } },
    { for name in ["quentin", "rupert", "sybil", "trent", "uma", "victor", "wendy", "xavier"] : name => { manager = "grace", groups = ["support"] } },
    { for name in ["amara", "bjorn", "chloe", "dmitri", "elif", "farid", "gwen", "hugo", "ines", "yara", "zane"] : name => { manager = "ivan", groups = ["engineering"] } },
    { frank = { manager = "grace", groups = ["marketing"] } },
  )

  # On loan from another company: heidi is on call all the same.
  contractors = ["heidi", "victor"]

  services = ["stint", "svc_backup", "svc_billing_api", "svc_reporting"]
}

# What the organisation knows of people, and conditions may ask for.
resource "stint_attribute" "employment" {
  object      = "identity"
  name        = "employment"
  type        = "string"
  description = "How the person is employed: employee or contractor."
}

resource "stint_identity" "lead" {
  for_each = local.leads

  name       = each.key
  type       = "human"
  groups     = each.value
  attributes = { (stint_attribute.employment.name) = "employee" }
}

resource "stint_identity" "person" {
  for_each = local.people

  name    = each.key
  type    = "human"
  manager = stint_identity.lead[each.value.manager].id
  groups  = each.value.groups

  attributes = {
    (stint_attribute.employment.name) = contains(local.contractors, each.key) ? "contractor" : "employee"
  }
}

# Whatever is not a person has an owner who is, and who answers for it.
resource "stint_identity" "service" {
  for_each = toset(local.services)

  name  = each.key
  type  = "service_account"
  owner = stint_identity.lead["carol"].id
}

resource "stint_identity" "deploy_bot" {
  name   = "deploy-bot"
  type   = "agent"
  owner  = stint_identity.person["alice"].id
  groups = ["sre-oncall"]
}
