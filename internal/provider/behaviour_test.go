package provider_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest"
	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// run applies the steps with the real Terraform. Every applied step is followed
// by a plan that must be empty.
func run(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: acctest.ProtoV6Factories(), Steps: steps})
}

// planned checks what a step is about to do.
func planned(checks ...plancheck.PlanCheck) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: checks}
}

// meanwhile does something between a plan and its apply.
type meanwhile func(ctx context.Context) error

func (do meanwhile) CheckPlan(ctx context.Context, _ plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	resp.Error = do(ctx)
}

// counting puts a proxy before the server that counts the requests.
func counting(t *testing.T, stack *acctest.Stack) *atomic.Int64 {
	t.Helper()
	target, err := url.Parse(stack.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var count atomic.Int64
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := newLocalServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	t.Setenv(client.EnvEndpoint, server)
	return &count
}

func TestApplyOfManyResourcesNeverConflictsWithItselfAndRefreshIsAHandfulOfRequests(t *testing.T) {
	for store, database := range map[string]string{
		"sqlite":     filepath.Join(t.TempDir(), "stint.db"),
		"postgresql": pgtest.Start(t, pgtest.WithoutFsync()).NewDatabase(t),
	} {
		t.Run(store, func(t *testing.T) { applyMany(t, acctest.StartOn(t, database)) })
	}
}

func applyMany(t *testing.T, stack *acctest.Stack) {
	t.Helper()
	count := counting(t, stack)
	config := func(group string) string {
		return stack.ProviderConfig() + fmt.Sprintf(`
resource "stint_identity" "lead" {
  name = "lead"
  type = "human"
}
resource "stint_identity" "many" {
  count   = 200
  name    = "person-${count.index}"
  type    = "human"
  manager = stint_identity.lead.id
  groups  = [%q]
}`, group)
	}
	var before int64
	run(t,
		resource.TestStep{Config: config("a")},
		resource.TestStep{Config: config("b")},
		resource.TestStep{Config: config("b"), PlanOnly: true, PreConfig: func() { before = count.Load() }},
		resource.TestStep{Config: config("b"), PlanOnly: true, PreConfig: func() {
			if asked := count.Load() - before; asked > 12 {
				t.Errorf("a refresh of 201 resources took %d requests", asked)
			}
		}},
	)
}

func TestChangeBehindThePlanIsAConflict(t *testing.T) {
	stack := acctest.Start(t)
	c := stack.Client(t)
	touch := meanwhile(func(ctx context.Context) error {
		alice, err := client.Get(ctx, c, api.Identities, "alice")
		if err != nil {
			return err
		}
		alice.Groups = append(alice.Groups, "behind-the-plan")
		_, err = client.Update(ctx, c, api.Identities, alice.Version, alice.Identity)
		return err
	})
	alice := func(group string) string {
		return stack.ProviderConfig() + fmt.Sprintf(`
resource "stint_identity" "alice" {
  name   = "alice"
  type   = "human"
  groups = [%q]
}`, group)
	}
	run(t,
		resource.TestStep{Config: alice("a")},
		resource.TestStep{Config: alice("b"), ConfigPlanChecks: planned(touch), ExpectError: regexp.MustCompile(`changed by someone else`)},
		resource.TestStep{Config: alice("b"), ConfigPlanChecks: planned(plancheck.ExpectResourceAction("stint_identity.alice", plancheck.ResourceActionUpdate))},
	)
}

func TestDeletionOfWhatChangedBehindThePlanIsAConflict(t *testing.T) {
	stack := acctest.Start(t)
	c := stack.Client(t)
	touch := meanwhile(func(ctx context.Context) error {
		alice, err := client.Get(ctx, c, api.Identities, "alice")
		if err != nil {
			return err
		}
		alice.Groups = []string{"behind-the-plan"}
		_, err = client.Update(ctx, c, api.Identities, alice.Version, alice.Identity)
		return err
	})
	alice := stack.ProviderConfig() + `
resource "stint_identity" "alice" {
  name = "alice"
  type = "human"
}`
	run(t,
		resource.TestStep{Config: alice},
		resource.TestStep{Config: stack.ProviderConfig(), ConfigPlanChecks: planned(touch), ExpectError: regexp.MustCompile(`changed by someone else`)},
		resource.TestStep{Config: alice, ConfigPlanChecks: planned(plancheck.ExpectResourceAction("stint_identity.alice", plancheck.ResourceActionUpdate))},
	)
}

func TestObjectThatExistsIsNotTakenOverAndTheImportIsNamed(t *testing.T) {
	stack := acctest.Start(t)
	declare(t, stack.Client(t), api.Identities, governance.Identity{Name: "o'hara", Type: governance.Human, Groups: []string{}})
	config := stack.ProviderConfig() + `
resource "stint_identity" "someone" {
  name = "o'hara"
  type = "human"
}`
	run(t,
		resource.TestStep{Config: config, ExpectError: regexp.MustCompile(`terraform import stint_identity.NAME o%27hara`)},
		resource.TestStep{Config: config, ResourceName: "stint_identity.someone", ImportState: true, ImportStateId: "o'hara", ImportStatePersist: true},
		resource.TestStep{Config: config, PlanOnly: true},
	)
}

func TestObjectThatIsGoneIsPlannedAgain(t *testing.T) {
	stack := acctest.Start(t)
	c := stack.Client(t)
	config := stack.ProviderConfig() + `
resource "stint_identity" "alice" {
  name = "alice"
  type = "human"
}`
	run(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				alice, err := client.Get(t.Context(), c, api.Identities, "alice")
				if err == nil {
					err = client.Delete(t.Context(), c, api.Identities, "alice", alice.Version, false)
				}
				if err != nil {
					t.Error(err)
				}
			},
			Config:           config,
			ConfigPlanChecks: planned(plancheck.ExpectResourceAction("stint_identity.alice", plancheck.ResourceActionCreate)),
		},
	)
}

// oneError demands that Terraform shows exactly one error, which says all of it.
func oneError(t *testing.T, says ...string) resource.ErrorCheckFunc {
	t.Helper()
	return func(err error) error {
		t.Helper()
		text := strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(err.Error())), " ")
		if n := strings.Count(text, "Error: "); n != 1 {
			t.Errorf("%d errors instead of one: %s", n, err)
		}
		for _, part := range says {
			if !strings.Contains(text, part) {
				t.Errorf("the error does not say %q: %s", part, text)
			}
		}
		return nil
	}
}

func TestServerThatCannotBeAskedIsOneErrorThatTellsTheMend(t *testing.T) {
	acctest.Start(t)
	const people = `
resource "stint_identity" "many" {
  count = 5
  name  = "person-${count.index}"
  type  = "human"
}`
	for name, c := range map[string]struct {
		provider string
		says     []string
	}{
		"unreachable":   {`provider "stint" { endpoint = "http://127.0.0.1:1" }`, []string{"http://127.0.0.1:1 was not reached", "stint server", "STINT_ADDR"}},
		"wrong token":   {`provider "stint" { token = "wrong" }`, []string{"does not accept the token", "STINT_TOKEN"}},
		"no URL":        {`provider "stint" { endpoint = "localhost" }`, []string{`"localhost" is not an http:// or https:// URL`}},
		"not a Stint":   {`provider "stint" { endpoint = "` + newLocalServer(t, http.NotFoundHandler()) + `" }`, []string{"not an answer of Stint's"}},
		"no such CA":    {`provider "stint" { ca_cert_file = "/nowhere/ca.pem" }`, []string{"/nowhere/ca.pem", "STINT_CACERT"}},
		"missing token": {`provider "stint" { token = "" }`, []string{"wants a token", "STINT_TOKEN"}},
	} {
		t.Run(name, func(t *testing.T) {
			shown := false
			check := oneError(t, c.says...)
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: acctest.ProtoV6Factories(),
				ErrorCheck:               func(err error) error { shown = true; return check(err) },
				Steps:                    []resource.TestStep{{Config: acctest.RequiredProviders + c.provider + people}},
			})
			if !shown {
				t.Error("there was no error")
			}
		})
	}
}
