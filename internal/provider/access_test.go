package provider_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// selfService lets alice take billing_admin without asking anybody.
const selfService = `
resource "stint_identity" "alice" {
  name = "alice"
  type = "human"
}
resource "stint_entitlement" "admin" {
  application = stint_application.billing.id
  kind        = "role"
  native_id   = "billing_admin"
  risk        = "critical"
  standing    = "forbidden"
}
resource "stint_eligibility_policy" "people" {
  name         = "people"
  effect       = "allow"
  entitlements = [stint_entitlement.admin.id]
  condition    = "identity.type == \"human\""
}
`

func template(revoke bool) string {
	return fmt.Sprintf(`
resource "stint_grant_template" "admin" {
  name                 = "admin"
  entitlements         = [stint_entitlement.admin.id]
  eligibility_policies = [stint_eligibility_policy.people.id]
  duration             = { default = "1h", max = "4h" }
  approval             = { automatic = true }
  revoke_on_destroy    = %t
}`, revoke)
}

// requester asks the server as an identity.
func requester(t *testing.T, stack *acctest.Stack, identity string) *client.Client {
	t.Helper()
	token, err := stack.Client(t).CreateToken(t.Context(), api.TokenInput{Name: identity, Identity: governance.IdentityID(identity)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Config{Endpoint: stack.Endpoint, Token: token.Secret})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// grant requests a template and waits until the right is in the target.
func grant(t *testing.T, c *client.Client, template governance.TemplateID) api.Grant {
	t.Helper()
	request, err := c.Request(t.Context(), api.RequestInput{Template: template})
	if err != nil {
		t.Fatal(err)
	}
	if len(request.Grants) != 1 {
		t.Fatalf("the request gave %d grants: %+v", len(request.Grants), request)
	}
	return await(t, func(ctx context.Context) (api.Grant, bool, error) {
		g, err := c.GetGrant(ctx, request.Grants[0])
		return g, err == nil && g.State == governance.GrantActive, err
	})
}

// takeBack revokes a grant and waits until the right is gone.
func takeBack(t *testing.T, c *client.Client, held api.Grant) {
	t.Helper()
	if _, err := c.Revoke(t.Context(), held.ID, "no longer needed"); err != nil {
		t.Fatal(err)
	}
	await(t, func(ctx context.Context) (api.Grant, bool, error) {
		g, err := c.GetGrant(ctx, held.ID)
		return g, err == nil && g.State == governance.GrantEnded, err
	})
}

// await asks until the answer is as wanted.
func await[T any](t *testing.T, ask func(context.Context) (T, bool, error)) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		answer, done, err := ask(ctx)
		if done {
			return answer
		}
		select {
		case <-ctx.Done():
			t.Fatalf("it never became so: %+v, %v", answer, err)
		case <-again.C:
		}
	}
}

func TestGrantsGivenAndEndedBetweenTwoPlansLeaveThePlanEmpty(t *testing.T) {
	stack, application := governed(t, "billing_admin")
	stack.Target(t).Exec(t, "postgres", `CREATE ROLE alice LOGIN`)
	config := stack.ProviderConfig() + application + selfService + template(false)
	var held api.Grant
	run(t,
		resource.TestStep{Config: config},
		resource.TestStep{Config: config, PlanOnly: true, PreConfig: func() { held = grant(t, requester(t, stack, "alice"), "admin") }},
		resource.TestStep{Config: config, PlanOnly: true, PreConfig: func() {
			takeBack(t, stack.Client(t), held)
		}},
	)
}

func TestTemplateWithLiveGrantsIsDestroyedOnlyWhenToldTo(t *testing.T) {
	stack, application := governed(t, "billing_admin")
	stack.Target(t).Exec(t, "postgres", `CREATE ROLE alice LOGIN`)
	base := stack.ProviderConfig() + application + selfService
	var held api.Grant
	run(t,
		resource.TestStep{Config: base + template(false)},
		resource.TestStep{
			PreConfig:   func() { held = grant(t, requester(t, stack, "alice"), "admin") },
			Config:      base,
			ExpectError: regexp.MustCompile(`(?s)"admin" was not deleted.*live grant.*  - grant \S+: billing/alice holds\s+billing/role/billing_admin`),
		},
		resource.TestStep{Config: base + template(true)},
		resource.TestStep{Config: base},
		resource.TestStep{Config: base, PlanOnly: true, PreConfig: func() {
			g, err := stack.Client(t).GetGrant(t.Context(), held.ID)
			if err != nil || g.State != governance.GrantEnded || g.Outcome != "removed" {
				t.Errorf("the grant is not over: %+v, %v", g, err)
			}
		}},
	)
}

func TestIdentityWithLiveGrantsIsDestroyedOnlyWhenToldTo(t *testing.T) {
	stack, application := governed(t, "billing_admin")
	stack.Target(t).Exec(t, "postgres", `CREATE ROLE zoe LOGIN`)
	base := stack.ProviderConfig() + application + selfService + template(false)
	zoe := func(revoke bool) string {
		return fmt.Sprintf(`
resource "stint_identity" "zoe" {
  name              = "zoe"
  type              = "human"
  revoke_on_destroy = %t
}`, revoke)
	}
	run(t,
		resource.TestStep{Config: base + zoe(false)},
		resource.TestStep{
			PreConfig:   func() { grant(t, requester(t, stack, "zoe"), "admin") },
			Config:      base,
			ExpectError: regexp.MustCompile(`(?s)"zoe" was not deleted.*live grant.*  - grant \S+: billing/zoe holds\s+billing/role/billing_admin`),
		},
		resource.TestStep{Config: base + zoe(true)},
		resource.TestStep{Config: base},
		resource.TestStep{Config: base, PlanOnly: true, PreConfig: func() {
			list, err := stack.Client(t).Grants(t.Context(), client.GrantFilter{})
			if err != nil || len(list.Items) != 1 || list.Items[0].State != governance.GrantEnded || list.Items[0].Outcome != governance.OutcomeRemoved {
				t.Errorf("the grant is not over: %+v, %v", list.Items, err)
			}
		}},
	)
}

func TestEntitlementThatTheTargetDoesNotHaveIsFoundAtPlan(t *testing.T) {
	stack, application := governed(t, "billing_admin")
	entitlement := func(kind, name string) string {
		return stack.ProviderConfig() + application + fmt.Sprintf(`
resource "stint_entitlement" "admin" {
  application = stint_application.billing.id
  kind        = %q
  native_id   = %q
  risk        = "critical"
  standing    = "forbidden"
}`, kind, name)
	}
	run(t,
		resource.TestStep{Config: stack.ProviderConfig() + application},
		resource.TestStep{Config: entitlement("role", "biling_admin"), PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)Unknown entitlement.*native_id.*Did\s+you\s+mean\s+"billing_admin".*stint\s+sync\s+billing`)},
		resource.TestStep{Config: entitlement("rolle", "billing_admin"), PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)Unknown kind of entitlement.*role_admin`)},
		resource.TestStep{Config: entitlement("role", "billing_admin")},
		resource.TestStep{
			// What is missing in the target since is a finding, and blocks no plan.
			PreConfig: func() {
				stack.Target(t).Exec(t, "postgres", `DROP ROLE billing_admin`)
				if _, err := stack.Client(t).Sync(t.Context(), "billing"); err != nil {
					t.Error(err)
				}
			},
			Config: entitlement("role", "billing_admin"), PlanOnly: true,
		},
	)
}

func TestFirstApplySaysWhenTheTargetLacksAnEntitlement(t *testing.T) {
	stack, application := governed(t)
	run(t, resource.TestStep{
		Config:      stack.ProviderConfig() + application + entitlements,
		ExpectError: regexp.MustCompile(`(?s)Unknown entitlement.*native_id\s+=\s+"billing_(admin|read)"`),
	})
}

func TestUnknownReferencePointsAtTheAttribute(t *testing.T) {
	stack := acctest.Start(t)
	run(t, resource.TestStep{
		Config: stack.ProviderConfig() + `
resource "stint_identity" "bot" {
  name  = "bot"
  type  = "agent"
  owner = "nobody"
}`,
		ExpectError: regexp.MustCompile(`(?s)Unknown reference in owner.*owner\s+= "nobody"`),
	})
}

func TestTargetThatCannotBeReachedIsOneErrorAtCreate(t *testing.T) {
	stack := acctest.Start(t)
	stack.Secret(t, "billing", "password", "s3cret-of-the-target")
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: acctest.ProtoV6Factories(),
		ErrorCheck:               oneError(t, `"billing" was not created`, "127.0.0.1"),
		Steps: []resource.TestStep{{Config: stack.ProviderConfig() + `
resource "stint_application" "billing" {
  name        = "billing"
  connector   = { postgresql = { host = "127.0.0.1", port = 1, username = "stint", password_ref = "file:password", sslmode = "disable" } }
  correlation = "account.name == identity.name"
}`}},
	})
}

func TestNoSecretIsToldAnywhere(t *testing.T) {
	stack, application := governed(t)
	terraformLog := filepath.Join(t.TempDir(), "terraform.log")
	t.Setenv("TF_ACC_LOG", "TRACE")
	t.Setenv("TF_ACC_LOG_PATH", terraformLog)
	secrets := []string{stack.Token, stack.Target(t).Password()}
	// told finds the reference, which shows that it looked at the right place.
	told := func(where, text, reference string) error {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				return fmt.Errorf("%s holds a secret: %s", where, text)
			}
		}
		if !strings.Contains(text, reference) {
			return fmt.Errorf("%s does not hold %q either: %s", where, reference, text)
		}
		return nil
	}
	encoded := func(where string, value any) error {
		text, err := json.Marshal(value)
		return errors.Join(err, told(where, string(text), "file:password"))
	}
	run(t, resource.TestStep{
		Config:           stack.ProviderConfig() + application,
		ConfigPlanChecks: planned(onPlan(func(req plancheck.CheckPlanRequest) error { return encoded("the plan", req.Plan) })),
		Check: func(s *terraform.State) error {
			c := stack.Client(t)
			snapshot, err := c.Snapshot(t.Context())
			if err != nil {
				return err
			}
			evidence := await(t, func(ctx context.Context) (string, bool, error) {
				records, err := c.EvidenceRecords(ctx, 0, 100)
				var leaves strings.Builder
				for _, record := range records {
					leaves.Write(record.Leaf)
				}
				return leaves.String(), strings.Contains(leaves.String(), "application.created"), err
			})
			return errors.Join(
				encoded("the state", s), encoded("the snapshot", snapshot),
				told("the evidence", evidence, "file:password"), told("the server's log", stack.Log(), "/v1/applications/billing"),
			)
		},
	})
	log, err := os.ReadFile(terraformLog) //nolint:gosec // a file of this test
	if err := errors.Join(err, told("Terraform's log", string(log), "stint_application")); err != nil {
		t.Error(err)
	}
}

// onPlan looks at a plan.
type onPlan func(plancheck.CheckPlanRequest) error

func (look onPlan) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	resp.Error = look(req)
}
