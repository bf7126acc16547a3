package provider_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestAccountIsMadeForWhoHasNoneAndGoesWithTheGrant(t *testing.T) {
	stack, application := governed(t, "billing_admin")
	const byName = `correlation = "account.name == identity.name"`
	config := func(correlation, name string, create bool) string {
		return stack.ProviderConfig() + selfService +
			strings.Replace(application, byName, fmt.Sprintf("%s\n  account_name = %s", correlation, hclText(name)), 1) +
			strings.Replace(template(true), "revoke_on_destroy", fmt.Sprintf("create_account = %t\n  revoke_on_destroy", create), 1)
	}
	role := func() (there bool) {
		stack.Target(t).Ask(t, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'db_alice' AND rolcanlogin)`, nil, &there)
		return there
	}
	named := `identity.name == "alice" ? "db_alice" : identity.name`
	mapped := `correlation = "account.name == \"db_alice\" && identity.name == \"alice\""`
	alice, _, _ := strings.Cut(selfService, "resource \"stint_entitlement\"")
	var held api.Grant
	run(t,
		resource.TestStep{Config: config(byName, "account.name", true), PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)account_name.*account`)},
		resource.TestStep{Config: config(byName, "identity.groups", true), PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)account_name.*string`)},
		resource.TestStep{Config: config(mapped, named, false)},
		resource.TestStep{Config: config(mapped, named, true), PreConfig: func() {
			request, err := requester(t, stack, "alice").Request(t.Context(), api.RequestInput{Template: "admin"})
			if err != nil || request.State != governance.RequestDenied || !strings.Contains(request.Decision.Denials()[0].Message, "create_account = true") {
				t.Errorf("without create_account it comes to %+v, %v", request, err)
			}
		}},
		resource.TestStep{Config: config(mapped, named, true), PlanOnly: true, PreConfig: func() {
			if held = grant(t, requester(t, stack, "alice"), "admin"); held.Account != "billing/db_alice" || !role() {
				t.Errorf("the grant is of %s, and its role is there: %v", held.Account, role())
			}
		}},
		resource.TestStep{Config: config(mapped, named, true), PlanOnly: true, PreConfig: func() {
			takeBack(t, stack.Client(t), held)
			await(t, func(context.Context) (bool, bool, error) { there := role(); return there, !there, nil })
			held = grant(t, requester(t, stack, "alice"), "admin")
		}},
		// The template's destruction ends the grant, and the application's waits for
		// the account.
		resource.TestStep{Config: stack.ProviderConfig() + alice},
		resource.TestStep{Config: stack.ProviderConfig() + alice, PlanOnly: true, PreConfig: func() {
			if role() {
				t.Error("the application is destroyed, and the account that was made in it is still there")
			}
		}},
	)
}

// hclText is a text as HCL writes it.
func hclText(text string) string {
	return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"`
}
