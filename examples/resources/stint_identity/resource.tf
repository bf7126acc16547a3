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

# Whatever is not a person has an owner who is.
resource "stint_identity" "deploy_bot" {
  name   = "deploy-bot"
  type   = "agent"
  owner  = stint_identity.bob.id
  groups = ["ci"]
}
