package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// plain is the program as it is seen by somebody who is no terminal, at a fixed
// time.
func plain() *app {
	return &app{Program: Program{
		Out: &strings.Builder{}, Err: &strings.Builder{},
		LookupEnv: func(string) (string, bool) { return "", false },
		Now:       func() time.Time { return noon },
		Zone:      time.UTC,
	}}
}

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// golden compares with a file of testdata/golden; STINT_UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if os.Getenv("STINT_UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path) //nolint:gosec // the tests name it
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func deniedDecision() governance.Decision {
	return governance.Decision{
		Effect: governance.Deny, Revision: 7, Duration: governance.Duration(30 * time.Minute),
		Reasons: []governance.Reason{
			{Weight: governance.Denies, Code: governance.ReasonPolicyNoMatch, Policy: "oncall", Message: `policy "oncall" does not match "billing/role/billing_admin"`,
				Parts: []governance.Part{
					{Line: 1, Column: 1, Text: `identity.type == "human"`, Outcome: "true", Values: map[string]string{"identity.type": `"human"`}},
					{Line: 2, Column: 4, Text: `contains(identity.groups, param.team)`, Outcome: "false", Values: map[string]string{"param.team": `"sre"`, "identity.groups": `["dev"]`}},
					{Line: 3, Column: 4, Text: "event != null\n  && true", Outcome: "not_evaluated"},
				}},
			{Weight: governance.Denies, Code: governance.ReasonPolicyError, Policy: "guard", Message: `policy "guard" could not be judged`,
				Parts: []governance.Part{{Line: 1, Column: 1, Text: `event.severity <= 2`, Outcome: "error", Error: "event.severity is null"}}},
			{Weight: governance.DemandsConsent, Code: governance.ReasonSoDNeedsApproval, Rule: "payments", Message: "separation of duties: rule \"payments\""},
			{Weight: governance.Notes, Code: governance.ReasonSoDRecorded, Message: "only noted"},
			{Weight: governance.Supports, Code: governance.ReasonApprovalAutomatic, Message: "approves by itself"},
		},
	}
}

func TestDenialShowsEachPolicyPositionAndValue(t *testing.T) {
	request := governance.Request{ID: "0190a000-0000-7000-8000-0123456789ab", Identity: "bob", Template: "incident-admin", Decision: deniedDecision()}
	golden(t, "denial.txt", renderDenial(screen{}, request))
}

func TestDecisionSaysWhoWouldHoldWhatForHowLong(t *testing.T) {
	decision := deniedDecision()
	decision.Effect, decision.Reasons = governance.NeedsApproval, decision.Reasons[2:]
	decision.Grants = []governance.Holding{{Identity: "alice", Account: "billing/alice", Entitlement: "billing/role/billing_admin"}}
	input := api.DecisionInput{RequestInput: api.RequestInput{Template: "incident-admin"}, Identity: "alice"}
	golden(t, "decision.txt", plain().renderDecision(screen{}, api.ExplainedDecision{Decision: decision}, input))
}

func TestOpeningsAreListedFromCertainToNever(t *testing.T) {
	opening := func(template governance.TemplateID, certainty governance.Certainty, stages []string, kinds []governance.EventKind, reasons ...governance.Reason) governance.Opening {
		return governance.Opening{
			Template: template, Entitlement: "billing/role/billing_admin", Certainty: certainty, Stages: stages, EventKinds: kinds,
			MaxDuration: governance.Duration(4 * time.Hour), Reasons: reasons,
		}
	}
	eligibility := api.Eligibility{Identity: "alice", Revision: 7, Openings: []governance.Opening{
		opening("incident", governance.Possible, []string{"lead", "owner"}, []governance.EventKind{governance.Incident, governance.Change},
			governance.Reason{Weight: governance.Depends, Code: governance.ReasonPolicyDepends, Policy: "oncall", Message: `policy "oncall" allows it if event.severity <= 2`,
				Parts: []governance.Part{
					{Line: 1, Column: 1, Text: `identity.type == "human"`, Outcome: "true", Values: map[string]string{"identity.type": `"human"`}},
					{Line: 2, Column: 4, Text: `event.severity <= 2`, Outcome: "unknown", Values: map[string]string{"event.severity": "(not known yet)"}},
				}}),
		opening("payments", governance.Never, nil, nil, governance.Reason{Weight: governance.Denies, Code: governance.ReasonSoDDenies, Message: "separation of duties"}),
		opening("daily", governance.Certain, nil, nil, governance.Reason{Weight: governance.Supports, Code: governance.ReasonPolicyAllows, Message: `policy "staff" allows it`}),
	}}
	golden(t, "eligible.txt", renderEligibility(screen{}, eligibility, false))
	golden(t, "eligible-explained.txt", renderEligibility(screen{}, eligibility, true))
}

func TestDriftListsTheWorstFirstAndSumsUp(t *testing.T) {
	finding := func(kind governance.FindingKind, severity governance.Risk, application governance.ApplicationID, message string) api.Finding {
		return api.Finding{Kind: kind, Severity: severity, Application: application, Message: message, FirstSeen: noon.Add(-26 * time.Hour)}
	}
	shown := selectionOf(client.Listing[api.Finding]{Stamp: api.Stamp{ObservedAt: noon.Add(-90 * time.Second)}, Items: []api.Finding{
		finding(governance.FindingOrphanAccount, governance.RiskMedium, "billing", `account "billing/old" matches no identity`),
		finding(governance.FindingStandingPrivilege, governance.RiskCritical, "crm", `"crm/root" holds "crm/attribute/superuser"`),
		finding(governance.FindingStandingPrivilege, governance.RiskCritical, "billing", "a name with an escape \x1b[2J in it"),
	}}, func(api.Finding) bool { return true })
	slices.SortStableFunc(shown.Items, worstFirst)
	golden(t, "drift.txt", plain().renderDrift(shown))
}

func TestRequestShowsWhoIsWaitedFor(t *testing.T) {
	deadline := noon.Add(15 * time.Minute)
	request := api.Request{Request: governance.Request{
		ID: "0190a000-0000-7000-8000-0123456789ab", State: governance.RequestPending, Identity: "alice", Template: "incident-admin",
		Entitlements: []governance.EntitlementID{"billing/role/a", "billing/role/b"}, Duration: governance.Duration(time.Hour),
		Justification: "restart the run", CreatedAt: noon.Add(-time.Minute), Deadline: &deadline, Stage: 1,
		Stages: []governance.ApprovalStage{
			{Name: "peer", Quorum: 1, Approvers: governance.Approvers{Groups: []string{"sre"}}},
			{Name: "lead", Quorum: 2, Approvers: governance.Approvers{Identities: []governance.IdentityID{"carol"}, Groups: []string{"leads"}, Relations: []governance.Relation{governance.Manager}},
				OnTimeout: governance.Escalate, Escalation: &governance.Escalation{Approvers: governance.Approvers{Relations: []governance.Relation{governance.EntitlementOwner}}}},
		},
		Escalated: true,
		Approvals: []governance.Approval{{Stage: 0, Voice: governance.Voice{Approver: "bob", OnBehalfOf: "boss"}, Approved: true, Comment: "go", At: noon.Add(-30 * time.Second)}},
	}}
	golden(t, "request.txt", plain().renderRequest(request, nil))
	golden(t, "requests.txt", plain().renderRequests([]api.Request{request}))
	request.OnBehalfOf = "boss"
	golden(t, "requests_delegated.txt", plain().renderRequests([]api.Request{request}))
}

func TestGrantShowsItsEndAndWhatHoldsItUp(t *testing.T) {
	activated, revoking := noon.Add(-2*time.Hour), noon.Add(-3*time.Minute)
	grant := api.Grant{Attempts: 4, LastError: "dial tcp: connection refused", Grant: governance.Grant{
		ID: "0190a000-0000-7000-8000-0123456789ab", Request: "0190a000-0000-7000-8000-ba9876543210", Template: "incident-admin", Identity: "alice",
		Account: "billing/alice", Entitlement: "billing/role/billing_admin", BusinessEvent: "inc-1", State: governance.GrantRevoking,
		EndReason: governance.EndExpired, ActivatedAt: &activated, RevokingAt: &revoking, NotAfter: revoking,
	}}
	golden(t, "grant.txt", plain().renderGrant(grant))
	golden(t, "grants.txt", plain().renderGrants([]api.Grant{grant}))
}

func TestLongCellsWrapOnATerminalAndStayOneLineElsewhere(t *testing.T) {
	list := table{columns: []string{"id", "what"}}
	list.add("1", strings.Repeat("word ", 20))
	for _, line := range strings.Split(list.render(screen{width: 40}), "\n") {
		if len(line) > 40 {
			t.Errorf("%d wide on a terminal of 40: %q", len(line), line)
		}
	}
	if lines := strings.Count(list.render(screen{}), "\n"); lines != 2 {
		t.Errorf("%d lines without a terminal, want a header and one row", lines)
	}
}

func TestColourIsForTerminalsThatWantIt(t *testing.T) {
	const painted = "\x1b[31mx\x1b[0m"
	withNoColor := plain()
	withNoColor.LookupEnv = func(name string) (string, bool) { return "1", name == "NO_COLOR" }
	withFlag := plain()
	withFlag.global.noColor = true
	for name, test := range map[string]struct {
		app      *app
		terminal bool
		want     string
	}{
		"a terminal":                 {plain(), true, painted},
		"a file":                     {plain(), false, "x"},
		"a terminal with NO_COLOR":   {withNoColor, true, "x"},
		"a terminal with --no-color": {withFlag, true, "x"},
	} {
		if got := test.app.screenOn(80, test.terminal).red("x"); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
