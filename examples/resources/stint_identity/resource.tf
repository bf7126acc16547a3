resource "stint_identity" "alice" {
  name   = "alice"
  type   = "human"
  groups = ["sre-leads"]
}

resource "stint_identity" "bob" {
  name    = "bob"
  type    = "human"
  manager = stint_identity.alice.id
  groups  = ["sre-oncall"]
}

# A contractor has left when the contract ends.
resource "stint_identity" "dora" {
  name        = "dora"
  type        = "human"
  valid_until = "2050-06-30T17:00:00Z"
}

# Whatever is not a person has an owner who is, and who says from time to time
# that it is still needed.
resource "stint_identity" "deploy_bot" {
  name         = "deploy-bot"
  type         = "agent"
  owner        = stint_identity.bob.id
  groups       = ["ci"]
  attest_every = "90d"
  unused_after = "30d"
}
