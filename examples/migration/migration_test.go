// Package migration_test runs the example as a pipeline would: with the real
// Terraform, and the provider as a process of its own.
package migration_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest"
	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestMain(m *testing.M) { acctest.Main(m) }

const migrate = governance.EntitlementID("billing/role/ledger_migrate")

// pipeline is a server that lets the agent deploy-bot migrate the ledger, and a
// folder with the example's configuration in which Terraform runs as that agent.
type pipeline struct {
	t      *testing.T
	target *pgtest.Server
	admin  *client.Client
	folder string
}

func newPipeline(t *testing.T, change func(*governance.GrantTemplate)) *pipeline {
	t.Helper()
	stack := acctest.Start(t)
	p := &pipeline{t: t, target: stack.Target(t), admin: stack.Client(t), folder: acctest.Workplace(t, ".")}
	p.target.Exec(t, "postgres", `CREATE ROLE ledger_migrate`, `CREATE SCHEMA ledger AUTHORIZATION ledger_migrate`,
		fmt.Sprintf(`CREATE ROLE "deploy-bot" LOGIN PASSWORD '%s'`, p.target.Password()))
	stack.Secret(t, "billing", "password", p.target.Password())
	p.declare(change)
	token, err := p.admin.CreateToken(t.Context(), api.TokenInput{Name: "pipeline", Identity: "deploy-bot"})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(client.EnvToken, token.Secret)
	t.Setenv("TF_IN_AUTOMATION", "1")
	t.Setenv("TF_VAR_database", fmt.Sprintf(`{"host":%q,"port":%d,"name":"postgres"}`, p.target.Host(), p.target.Port()))
	t.Setenv("TF_VAR_password", p.target.Password())
	t.Setenv("TF_VAR_run_url", "https://ci.example.com/runs/42")
	return p
}

func asDeclared(*governance.GrantTemplate) {}

func (p *pipeline) declare(change func(*governance.GrantTemplate)) {
	p.t.Helper()
	connector, err := json.Marshal(map[string]any{
		"host": p.target.Host(), "port": p.target.Port(), "username": p.target.Superuser(), "password_ref": "file:password", "sslmode": "disable",
	})
	if err != nil {
		p.t.Fatal(err)
	}
	hour := governance.Duration(time.Hour)
	create(p, api.Applications, governance.Application{
		Name: "billing", Connector: map[string]json.RawMessage{"postgresql": connector},
		Correlation: "account.name == identity.name", Discovery: governance.DiscoverySchedule{Interval: hour},
	})
	create(p, api.Identities, governance.Identity{Name: "alice", Type: governance.Human, Groups: []string{"dba"}})
	create(p, api.Identities, governance.Identity{Name: "deploy-bot", Type: governance.Agent, Owner: "alice", Groups: []string{"ci"}})
	create(p, api.Entitlements, governance.Entitlement{Application: "billing", Kind: "role", NativeID: "ledger_migrate", Risk: governance.RiskHigh, Standing: governance.StandingForbidden})
	create(p, api.EligibilityPolicies, governance.EligibilityPolicy{
		Name: "pipelines", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{migrate},
		Condition: `identity.type == "agent" && contains(identity.groups, "ci")`,
	})
	template := governance.GrantTemplate{
		Name: "migrate", Entitlements: []governance.EntitlementID{migrate}, EligibilityPolicies: []governance.PolicyID{"pipelines"},
		Duration: governance.DurationBounds{Default: hour, Max: hour}, ActivateWithin: hour,
		Justification: governance.JustificationRequired, Approval: governance.ApprovalDefinition{Automatic: true},
	}
	change(&template)
	create(p, api.GrantTemplates, template)
}

func create[D governance.Object, T any](p *pipeline, in api.Collection[D, T], document D) {
	p.t.Helper()
	if _, err := client.Create(p.t.Context(), p.admin, in, document); err != nil {
		p.t.Fatalf("declare %s: %v", document.Key(), err)
	}
}

// terraform runs a command in the folder, and says what it said and whether it
// ended well.
func (p *pipeline) terraform(command string) (said string, ok bool) {
	p.t.Helper()
	return acctest.Shell(p.t, p.folder, "terraform "+command)
}

// instead replaces the example's configuration.
func (p *pipeline) instead(config string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.folder, "main.tf"), []byte(acctest.RequiredProviders+config), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// holds asks the target itself whether the agent has the right.
func (p *pipeline) holds() (held bool) {
	p.t.Helper()
	p.target.Ask(p.t, `SELECT EXISTS (SELECT FROM pg_auth_members WHERE member = '"deploy-bot"'::regrole AND roleid = 'ledger_migrate'::regrole)`, nil, &held)
	return held
}

func (p *pipeline) requests() []api.Request {
	p.t.Helper()
	list, err := p.admin.Requests(p.t.Context(), client.RequestFilter{})
	if err != nil {
		p.t.Fatal(err)
	}
	return list.Items
}

// grant is the one grant that there was.
func (p *pipeline) grant() api.Grant {
	p.t.Helper()
	list, err := p.admin.Grants(p.t.Context(), client.GrantFilter{})
	if err != nil {
		p.t.Fatal(err)
	}
	if len(list.Items) != 1 {
		p.t.Fatalf("there were %d grants instead of one: %+v", len(list.Items), list.Items)
	}
	return list.Items[0]
}

// over waits until the one grant has ended, and checks how.
func (p *pipeline) over(reason governance.EndReason) {
	p.t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for p.grant().State != governance.GrantEnded {
		select {
		case <-deadline.C:
			p.t.Fatalf("the grant does not end: %+v", p.grant())
		case <-again.C:
		}
	}
	if g := p.grant(); g.ActivatedAt == nil || g.EndReason != reason || g.Outcome != governance.OutcomeRemoved || p.holds() {
		p.t.Errorf("after the run: %+v; the target has it: %t", g, p.holds())
	}
}

func TestRunHoldsARightOnlyWhileItRuns(t *testing.T) {
	p := newPipeline(t, asDeclared)
	outside := exec.CommandContext(t.Context(), "psql", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--file", "schema.sql",
		p.target.URLFor("postgres", "deploy-bot", p.target.Password())) //nolint:gosec // the target is the test's own
	if said, err := outside.CombinedOutput(); err == nil || !strings.Contains(string(said), "permission denied to set role") {
		t.Fatalf("outside of a run the agent migrates: %v\n%s", err, said)
	}
	if said, ok := p.terraform("plan -input=false"); !ok || len(p.requests()) != 0 {
		t.Fatalf("a plan asks for %d rights, and said:\n%s", len(p.requests()), said)
	}
	if said, ok := p.terraform("apply -input=false -auto-approve"); !ok {
		t.Fatal(said)
	}
	var rows int
	p.target.Ask(t, `SELECT count(*) FROM ledger.entries`, nil, &rows)
	p.over(governance.EndReturned)
	state, err := os.ReadFile(filepath.Join(p.folder, "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	if g := p.grant(); strings.Contains(string(state), string(g.ID)) || strings.Contains(string(state), string(g.Request)) {
		t.Errorf("the state knows of the grant:\n%s", state)
	}
	if said, ok := p.terraform("plan -input=false -detailed-exitcode"); !ok || len(p.requests()) != 1 {
		t.Errorf("after the run there is something to plan, or %d instead of one request was made:\n%s", len(p.requests()), said)
	}
}

func TestRunThatWouldNeedAnApprovalFailsAtOnceAndNamesWho(t *testing.T) {
	p := newPipeline(t, func(template *governance.GrantTemplate) {
		template.Approval = governance.ApprovalDefinition{Stages: []governance.ApprovalStage{{
			Name: "dba", Quorum: 1, Approvers: governance.Approvers{Groups: []string{"dba-leads"}, Identities: []governance.IdentityID{"alice"}},
			Timeout: governance.Duration(time.Hour), OnTimeout: governance.Lapse,
		}}}
	})
	p.fails(`(?s)would need an approval.*"dba"\s+by\s+1\s+of\s+alice\s+or\s+group\s+"dba-leads"`)
}

func TestRunThatIsNotEligibleSaysWhy(t *testing.T) {
	p := newPipeline(t, func(template *governance.GrantTemplate) {
		template.Duration = governance.DurationBounds{Default: governance.Duration(time.Minute), Max: governance.Duration(time.Minute)}
	})
	p.fails(`(?s)would be denied.*30m\s+is\s+longer\s+than\s+the\s+1m`)
}

// fails applies and expects an error, and nothing left behind.
func (p *pipeline) fails(want string) {
	p.t.Helper()
	said, ok := p.terraform("apply -input=false -auto-approve")
	plain := strings.NewReplacer("│", "", "╷", "", "╵", "").Replace(said)
	if ok || !regexp.MustCompile(want).MatchString(plain) {
		p.t.Errorf("the run said:\n%s", said)
	}
	if requests := p.requests(); len(requests) != 0 {
		p.t.Errorf("the run left %+v behind", requests)
	}
}

// work is a run that holds the right for 10 minutes at most, with something to do.
const work = `
ephemeral "stint_grant" "migrate" {
  template           = "migrate"
  entitlements       = ["billing/role/ledger_migrate"]
  account            = "billing/deploy-bot"
  duration           = "10m"
  justification      = "a test"
  activation_timeout = "20s"
  enabled            = terraform.applying
}
resource "terraform_data" "work" {
  provisioner "local-exec" {
    command = "test -n '${ephemeral.stint_grant.migrate.request}' && %s"
  }
}
`

func TestRunGivesBackWhatTheTargetDoesNotGive(t *testing.T) {
	p := newPipeline(t, asDeclared)
	p.target.Exec(t, "postgres", `DROP SCHEMA ledger`, `DROP ROLE ledger_migrate`)
	p.instead(fmt.Sprintf(work, "true"))
	if said, ok := p.terraform("apply -input=false -auto-approve"); ok || !strings.Contains(said, "The right did not come") {
		t.Errorf("the run said:\n%s", said)
	}
	if g := p.grant(); g.State.Live() {
		t.Errorf("it left %+v behind", g)
	}
}

func TestRunWhoseWorkFailsGivesTheRightBack(t *testing.T) {
	p := newPipeline(t, asDeclared)
	p.instead(fmt.Sprintf(work, "false"))
	if said, ok := p.terraform("apply -input=false -auto-approve"); ok || !strings.Contains(said, "local-exec provisioner error") {
		t.Errorf("the run said:\n%s", said)
	}
	p.over(governance.EndReturned)
}

func TestRunThatTakesLongerExtendsItsRight(t *testing.T) {
	const span = 5 * time.Second
	p := newPipeline(t, func(template *governance.GrantTemplate) {
		template.Extension = &governance.ExtensionBounds{MaxTotal: governance.Duration(2 * time.Hour)}
	})
	p.instead(strings.Replace(fmt.Sprintf(work, "sleep 7"), `"10m"`, `"5s"`, 1))
	if said, ok := p.terraform("apply -input=false -auto-approve"); !ok {
		t.Fatal(said)
	}
	p.over(governance.EndReturned)
	if g := p.grant(); g.EndedAt.Sub(*g.ActivatedAt) <= span {
		t.Errorf("the work took longer than the right was asked for, and the grant is %+v", g)
	}
}
