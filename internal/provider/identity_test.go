package provider_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest"
)

func TestGuideOnIdentitiesIsApplied(t *testing.T) {
	guide, err := os.ReadFile("../../templates/guides/non-human-identities.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```terraform\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) != 1 {
		t.Fatalf("the guide has %d blocks of Terraform, and this test knows one", len(blocks))
	}
	bob := `
resource "stint_identity" "bob" {
  name = "bob"
  type = "human"
}
`
	acctest.Start(t)
	run(t,
		resource.TestStep{
			Config:      strings.Replace(bob, `"human"`, "\"human\"\n  unused_after = \"30d\"", 1),
			ExpectError: regexp.MustCompile(`(?s)unused_after = "30d".*an\s+identity\s+that\s+somebody\s+owns`),
		},
		resource.TestStep{
			Config:      strings.Replace(bob, `"human"`, "\"human\"\n  valid_until = \"2020-01-31T17:00:00Z\"", 1),
			ExpectError: regexp.MustCompile(`(?s)is\s+past.*stint\s+identity\s+leave`),
		},
		resource.TestStep{Config: bob + blocks[0][1]},
		resource.TestStep{Config: bob + blocks[0][1], PlanOnly: true})
}
