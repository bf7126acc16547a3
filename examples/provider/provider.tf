terraform {
  required_providers {
    stint = {
      source = "stint-dev/stint"
    }
  }
}

# Endpoint and token come from STINT_ADDR and STINT_TOKEN, as `stint server --dev`
# prints them; a certificate of your own from STINT_CACERT.
provider "stint" {}
