resource "stint_identity" "carol" {
  name   = "carol"
  type   = "human"
  groups = ["leads"]
}

resource "stint_identity" "dora" {
  name = "dora"
  type = "human"
}

# While Carol is away, Dora approves what Carol may approve.
resource "stint_delegation" "summer" {
  name      = "carol-summer"
  from      = stint_identity.carol.id
  to        = stint_identity.dora.id
  starts_at = "2050-07-24T06:00:00Z"
  ends_at   = "2050-08-14T17:00:00Z"
}
