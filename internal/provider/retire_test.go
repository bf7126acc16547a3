package provider_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/cli"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// administrator declares a person outside of Terraform and returns their token.
func administrator(t *testing.T, stack *acctest.Stack, name string) (token string) {
	t.Helper()
	root := stack.Client(t)
	if _, err := client.Create(t.Context(), root, api.Identities, governance.Identity{Name: name, Type: governance.Human, Groups: []string{}}); err != nil {
		t.Fatal(err)
	}
	made, err := root.CreateToken(t.Context(), api.TokenInput{Name: name, Identity: governance.IdentityID(name), Roles: []api.Role{api.RoleAdmin}})
	if err != nil {
		t.Fatal(err)
	}
	return made.Secret
}

// stint runs a command line as whoever has the token.
func stint(t *testing.T, stack *acctest.Stack, token string, args ...string) {
	t.Helper()
	var said bytes.Buffer
	environment := map[string]string{client.EnvEndpoint: stack.Endpoint, client.EnvToken: token}
	code := cli.Program{
		Version: "test", Out: &said, Err: &said, Now: time.Now, Zone: time.UTC,
		LookupEnv: func(name string) (string, bool) { value, set := environment[name]; return value, set },
	}.Run(t.Context(), args)
	if code != cli.ExitOK {
		t.Fatalf("stint %s: exit code %d\n%s", strings.Join(args, " "), code, &said)
	}
}

// A target that never answers again holds a destruction until two people give up
// on it, and what they gave up is still told afterwards.
func TestApplicationWhoseTargetIsGoneIsDestroyedOnceItIsRetired(t *testing.T) {
	stack, application := governed(t, "billing_admin")
	stack.Target(t).Exec(t, "postgres", `CREATE ROLE alice LOGIN`)
	config := stack.ProviderConfig() + application + selfService + template(false)
	dora, emil := administrator(t, stack, "dora"), administrator(t, stack, "emil")
	stands := regexp.MustCompile(`(?s)"admin" was not deleted.*live grant.*  - grant \S+: billing/alice holds\s+billing/role/billing_admin`)
	var held api.Grant
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: acctest.ProtoV6Factories(),

		Steps: []resource.TestStep{
			{Config: config},
			{
				PreConfig: func() {
					held = grant(t, requester(t, stack, "alice"), "admin")
					stack.Target(t).Stop(t)
				},
				Config: config, Destroy: true, ExpectError: stands,
			},
			{
				// That it is being taken back changes nothing: nobody has seen it gone.
				PreConfig: func() {
					if _, err := stack.Client(t).Revoke(t.Context(), held.ID, "the server is gone"); err != nil {
						t.Fatal(err)
					}
				},
				Config: config, Destroy: true, ExpectError: stands,
			},
			{
				PreConfig: func() {
					if _, err := stack.Client(t).Sync(t.Context(), "billing"); err == nil {
						t.Fatal("a target that is gone was read")
					}
					stint(t, stack, dora, "application", "retire", "billing", "--reason", "the server was scrapped")
					stint(t, stack, emil, "application", "retire", "billing", "--confirm")
				},
				Config: config, Destroy: true,
			},
		},
	})
	c := stack.Client(t)
	if _, err := client.Get(t.Context(), c, api.Applications, "billing"); !client.IsNotFound(err) {
		t.Errorf("the application is there still: %v", err)
	}
	found, err := c.Findings(t.Context(), "billing", governance.FindingAbandoned)
	if err != nil || len(found.Items) != 1 || found.Items[0].Account != "billing/alice" || found.Items[0].Entitlement != "billing/role/billing_admin" {
		t.Errorf("findings that stay: %+v, %v", found.Items, err)
	}
	if g, err := c.GetGrant(t.Context(), held.ID); err != nil || g.State != governance.GrantEnded || g.Outcome != governance.OutcomeAbandoned {
		t.Errorf("the grant is %+v, %v", g, err)
	}
}
