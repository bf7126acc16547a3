package provider_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// sender is a system that delivers to an example's event source.
type sender struct {
	source, secretFile string
	sign               func(body, secret string) (header, value string)
	// event is the name of the event that its payloads are about.
	event string
}

func macOf(body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func senders() []sender {
	return []sender{
		{"pagerduty", "secret", func(body, secret string) (string, string) {
			return "X-PagerDuty-Signature", "v1=" + macOf(body, "an older secret") + ",v1=" + macOf(body, secret)
		}, "PGR0VU2"},
		{"jira", "secret", func(body, secret string) (string, string) { return "X-Hub-Signature", "sha256=" + macOf(body, secret) }, "OPS-42"},
		{"servicenow", "token", func(_, secret string) (string, string) { return "Authorization", "Bearer " + secret }, "CHG0030001"},
	}
}

const forAnEvent = `
resource "stint_identity" "zoe" {
  name = "zoe"
  type = "human"
}
resource "stint_eligibility_policy" "people" {
  name         = "people"
  effect       = "allow"
  entitlements = [stint_entitlement.admin.id]
  condition    = "event != null && event.severity != null && event.severity <= 2"
}
resource "stint_grant_template" "admin" {
  name                 = "admin"
  entitlements         = [stint_entitlement.admin.id]
  eligibility_policies = [stint_eligibility_policy.people.id]
  duration             = { default = "1h", max = "4h" }
  business_event       = { kinds = ["incident", "change", "project"] }
  approval             = { automatic = true }
}
`

// TestEveryEventSourceExampleOpensChangesAndClosesEvents applies the worked
// examples, delivers their payloads, and holds a right in the target from one to
// the other.
func TestEveryEventSourceExampleOpensChangesAndClosesEvents(t *testing.T) {
	stack, application := governed(t, "billing_admin", "billing_read")
	stack.Target(t).Exec(t, "postgres", `CREATE ROLE zoe LOGIN`)
	config := stack.ProviderConfig() + application + entitlements + forAnEvent
	var steps []resource.TestStep
	for _, from := range senders() {
		stack.Secret(t, "source-"+from.source, from.secretFile, "s3cret")
		config += readExample(t, "event-sources/"+from.source+"/main.tf")
	}
	steps = append(steps, resource.TestStep{Config: config, Check: func(*terraform.State) error {
		for _, from := range senders() {
			t.Run(from.source, func(t *testing.T) { from.throughAnEvent(t, stack) })
		}
		return nil
	}}, resource.TestStep{Config: config, PlanOnly: true})
	run(t, steps...)
}

func (s sender) throughAnEvent(t *testing.T, stack *acctest.Stack) {
	c, zoe := stack.Client(t), requester(t, stack, "zoe")
	if status, _ := s.deliver(t, stack, "opened.json", "wrong"); status != http.StatusUnauthorized {
		t.Errorf("a delivery with a wrong signature: %d", status)
	}
	status, opened := s.deliver(t, stack, "opened.json", "s3cret")
	if status != http.StatusOK || opened["action"] != "open" || opened["event"] == "" {
		t.Fatalf("opened: %d %v", status, opened)
	}
	if _, again := s.deliver(t, stack, "opened.json", "s3cret"); again["event"] != opened["event"] {
		t.Errorf("the same delivery again: %v, want %v", again, opened)
	}
	ask := api.RequestInput{Template: "admin", BusinessEvent: s.event}
	if early, err := zoe.Request(t.Context(), ask); err != nil || early.State != governance.RequestDenied {
		t.Errorf("before the event is severe: %s, %v", early.State, err)
	}
	if status, updated := s.deliver(t, stack, "updated.json", "s3cret"); status != http.StatusOK || updated["event"] != opened["event"] {
		t.Fatalf("updated: %d %v", status, updated)
	}
	event, err := client.Get(t.Context(), c, api.BusinessEvents, opened["event"])
	if err != nil || event.Name != s.event || event.Severity == nil || *event.Severity > 2 || event.ClosedAt != nil {
		t.Fatalf("the event: %+v, %v", event, err)
	}
	request, err := zoe.Request(t.Context(), ask)
	if err != nil || len(request.Grants) != 1 {
		t.Fatalf("request: %+v, %v", request, err)
	}
	until(t, c, request.Grants[0], governance.GrantActive)
	if !administers(t, stack) {
		t.Error("the grant is active, and the target does not have it")
	}
	if status, closed := s.deliver(t, stack, "closed.json", "s3cret"); status != http.StatusOK || closed["action"] != "close" {
		t.Fatalf("closed: %d %v", status, closed)
	}
	if ended := until(t, c, request.Grants[0], governance.GrantEnded); ended.EndReason != governance.EndEventClosed || ended.Outcome != governance.OutcomeRemoved {
		t.Errorf("the grant ended because %s, %s", ended.EndReason, ended.Outcome)
	}
	if administers(t, stack) {
		t.Error("the grant has ended, and the target still has it")
	}
}

func until(t *testing.T, c *client.Client, id governance.GrantID, state governance.GrantState) api.Grant {
	t.Helper()
	return await(t, func(ctx context.Context) (api.Grant, bool, error) {
		g, err := c.GetGrant(ctx, id)
		return g, err == nil && g.State == state, err
	})
}

func administers(t *testing.T, stack *acctest.Stack) (is bool) {
	t.Helper()
	stack.Target(t).Ask(t, `SELECT EXISTS (SELECT FROM pg_auth_members WHERE member = 'zoe'::regrole AND roleid = 'billing_admin'::regrole)`, nil, &is)
	return is
}

func (s sender) deliver(t *testing.T, stack *acctest.Stack, file, secret string) (int, map[string]string) {
	t.Helper()
	body := readExample(t, "event-sources/"+s.source+"/"+file)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, stack.Endpoint+"/hooks/v1/"+s.source, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set(s.sign(body, secret))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer := map[string]string{}
	if response.StatusCode == http.StatusOK {
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
	}
	return response.StatusCode, answer
}
