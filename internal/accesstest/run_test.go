package accesstest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stint-dev/terraform-provider-stint/internal/accesstest"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

const (
	admin   governance.EntitlementID = "billing/role/admin"
	create  governance.EntitlementID = "billing/role/create"
	approve governance.EntitlementID = "billing/role/approve"
	// umbrella includes create, and nobody has declared it.
	umbrella governance.EntitlementID = "billing/role/umbrella"
)

func declared() []governance.Object {
	hour := governance.Duration(time.Hour)
	entitlement := func(id governance.EntitlementID, risk governance.Risk) governance.Entitlement {
		_, kind, native, _ := id.Split()
		return governance.Entitlement{Application: "billing", Kind: kind, NativeID: native, Risk: risk, Standing: governance.StandingForbidden}
	}
	policy := func(name string, effect governance.PolicyEffect, id governance.EntitlementID, condition string) governance.EligibilityPolicy {
		return governance.EligibilityPolicy{Name: name, Effect: effect, Entitlements: []governance.EntitlementID{id}, Condition: condition}
	}
	template := governance.GrantTemplate{
		Name: "approve", Entitlements: []governance.EntitlementID{approve}, EligibilityPolicies: []governance.PolicyID{"payers"},
		Duration: governance.DurationBounds{Default: hour, Max: 2 * hour}, ActivateWithin: hour, Justification: governance.JustificationOptional,
		Approval: governance.ApprovalDefinition{Automatic: true},
	}
	incident := template
	incident.Name, incident.Entitlements, incident.EligibilityPolicies = "incident-admin", []governance.EntitlementID{admin}, []governance.PolicyID{"oncall"}
	incident.BusinessEvent = &governance.EventRequirement{Kinds: []governance.EventKind{governance.Incident}}
	incident.Approval = governance.ApprovalDefinition{Stages: []governance.ApprovalStage{{
		Name: "lead", Quorum: 1, Approvers: governance.Approvers{Groups: []string{"leads"}}, Timeout: hour, OnTimeout: governance.Lapse,
	}}}
	return []governance.Object{
		governance.Attribute{Object: governance.IdentityAttribute, Name: "employment", Type: governance.StringAttribute, Description: "How somebody is employed."},
		governance.Attribute{Object: governance.EventAttribute, Name: "downtime", Type: governance.DurationAttribute, Description: "For how long it stands still."},
		governance.Application{Name: "billing", Connector: map[string]json.RawMessage{"postgresql": json.RawMessage("{}")}, Correlation: "account.name == identity.name", Discovery: governance.DiscoverySchedule{Interval: hour}},
		governance.Identity{Name: "alice", Type: governance.Human, Manager: "carol", Groups: []string{"oncall"}},
		governance.Identity{Name: "carol", Type: governance.Human, Groups: []string{"leads"}},
		governance.Identity{Name: "erin", Type: governance.Human, Groups: []string{"contractors"}, Attributes: map[string]json.RawMessage{"employment": json.RawMessage(`"contractor"`)}},
		governance.Identity{Name: "bot", Type: governance.Agent, Owner: "alice", Groups: []string{"oncall"}},
		entitlement(admin, governance.RiskCritical), entitlement(create, governance.RiskHigh), entitlement(approve, governance.RiskHigh),
		policy("oncall", governance.PolicyAllow, admin, `contains(identity.groups, "oncall") && event != null && event.kind == "incident" && event.severity != null && event.severity <= 2`),
		policy("people-only", governance.PolicyDeny, admin, `identity.type != "human"`),
		policy("night", governance.PolicyDeny, admin, `hour(now, "UTC") >= 20`),
		policy("drills", governance.PolicyDeny, admin, `event != null && event.attributes.downtime != null && event.attributes.downtime < duration("1m")`),
		policy("payers", governance.PolicyAllow, approve, `identity.manager != null || contains(identity.groups, "contractors") && hour(now, "UTC") == 3`),
		governance.SoDRule{Name: "payments", Mode: governance.SoDDeny, Limit: 1, IncludeOwned: true, Duties: map[string]governance.Duty{
			"create": {Entitlements: []governance.EntitlementID{create}}, "approve": {Entitlements: []governance.EntitlementID{approve}},
		}},
		template, incident,
		governance.BusinessEvent{Name: "audit", Kind: governance.Engagement, EndsAt: accesstest.DefaultNow.Add(time.Hour)},
	}
}

// observed is an estate in which alice's agent creates payments through a role
// that includes it, and bot has two accounts.
func observed() *accesstest.Estate {
	return &accesstest.Estate{
		Identities:   map[governance.IdentityID]bool{"alice": true, "bot": true, "carol": true},
		Applications: map[governance.ApplicationID]bool{"billing": true},
		Entitlements: map[governance.EntitlementID]bool{create: true, approve: true, umbrella: true},
		Accounts:     map[governance.IdentityID][]governance.AccountID{"alice": {"billing/al"}, "bot": {"billing/bot-1", "billing/bot-2"}},
		Holdings:     []governance.Holding{{Identity: "bot", Account: "billing/bot-1", Entitlement: umbrella}},
		Inclusions:   governance.Inclusions{umbrella: {create}},
	}
}

func bench(t *testing.T, source accesstest.Source) *accesstest.Bench {
	t.Helper()
	b, err := accesstest.NewBench(source)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t *testing.T, text string) []*accesstest.File {
	t.Helper()
	file, diags := accesstest.Parse("t.stinttest.hcl", []byte(text))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return []*accesstest.File{file}
}

// lines shows what came of each test on a line.
func lines(r accesstest.Report) []string {
	var out []string
	for _, result := range r.Results {
		line := fmt.Sprintf("%s: %s", result.Name(), result.Outcome)
		if result.Error != "" {
			line += ": " + result.Error
		}
		for _, miss := range result.Misses {
			line += fmt.Sprintf("; %s: want %s, got %s", miss.What, miss.Want, miss.Got)
		}
		for _, breach := range result.Breaches {
			switch {
			case breach.Holding != nil:
				line += fmt.Sprintf("; %s holds %s through %v", breach.Identity, breach.Entitlement, breach.Path)
			case breach.Opening != nil:
				line += fmt.Sprintf("; %s gets %s by %s (%s)", breach.Identity, breach.Entitlement, breach.Opening.Template, breach.Opening.Certainty)
			default:
				line += fmt.Sprintf("; %s: %s", breach.Identity, breach.Error)
			}
		}
		out = append(out, line)
	}
	return out
}

func expect(t *testing.T, r accesstest.Report, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, lines(r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARowLiesOverItsScenario(t *testing.T) {
	b := bench(t, accesstest.Source{Objects: declared()})
	report := b.Run(parse(t, read(t, "testdata/rows.stinttest.hcl")), nil)
	for i, result := range report.Results {
		if result.Outcome != accesstest.Passed {
			t.Error(lines(report)[i])
		}
	}
	if report.Passed != 24 {
		t.Errorf("%d tests passed, the file has 24", report.Passed)
	}
}

func TestWhatDoesNotHoldIsToldWithWhatCame(t *testing.T) {
	b := bench(t, accesstest.Source{Objects: declared()})
	expect(t, b.Run(parse(t, `
scenario "wrong" {
  identity = "alice"
  request  = { template = "incident-admin", duration = "2h" }
  event    = { kind = "incident", severity = 2 }
  cases = {
    "effect"  = { expect = { decision = "deny", denied_by = ["oncall"] } }
    "stages"  = { expect = { decision = "needs_approval", stages = ["lead", "owner"] } }
    "bounds"  = { expect = { decision = "needs_approval", duration = "1h", max_duration = "1h" } }
    "reasons" = { expect = { decision = "needs_approval", reasons = ["policy_allows", "sod_recorded"] } }
    "denier"  = { request = { duration = "3h" }, event = { severity = 3 }, expect = { decision = "deny", denied_by = ["duration_too_long"] } }
  }
}`), nil),
		"wrong / effect: failed; decision: want deny, got needs_approval; denied_by: want oncall, got none",
		"wrong / stages: failed; stages: want lead, owner, got lead",
		"wrong / bounds: failed; duration: want 1h, got 2h; max_duration: want 1h, got 2h",
		"wrong / reasons: failed; reasons: want sod_recorded, got not among the reasons",
		"wrong / denier: failed; denied_by: want duration_too_long, got duration_too_long, oncall",
	)
}

func TestAScenarioMayComeByBreakGlass(t *testing.T) {
	objects := declared()
	for i, o := range objects {
		if template, ok := o.(governance.GrantTemplate); ok && template.Name == "incident-admin" {
			template.BreakGlass = &governance.BreakGlass{
				Limit: 1, Per: governance.Duration(time.Hour), Reviewers: governance.Approvers{Identities: []governance.IdentityID{"carol"}}, ReviewWithin: governance.Duration(time.Hour),
			}
			objects[i] = template
		}
	}
	expect(t, bench(t, accesstest.Source{Objects: objects}).Run(parse(t, `
scenario "emergency" {
  identity = "alice"
  request  = { template = "incident-admin", justification = "fire", break_glass = true }
  event    = { kind = "incident", severity = 2 }
  cases = {
    "at once"          = { expect = { decision = "allow", reasons = ["break_glass"] } }
    "without a reason" = { request = { justification = "" }, expect = { decision = "deny", denied_by = ["justification_required"] } }
    "without it"       = { request = { break_glass = false }, expect = { decision = "needs_approval", stages = ["lead"] } }
    "of no template"   = { request = { template = "approve" }, expect = { decision = "deny", denied_by = ["break_glass_not_allowed"] } }
  }
}`), nil), "emergency / at once: passed", "emergency / without a reason: passed", "emergency / without it: passed", "emergency / of no template: passed")
}

func TestAScenarioMayAskForALaterTime(t *testing.T) {
	objects := declared()
	for i, o := range objects {
		if template, ok := o.(governance.GrantTemplate); ok && template.Name == "approve" {
			template.ScheduleWithin = new(governance.Duration(24 * time.Hour))
			objects[i] = template
		}
	}
	expect(t, bench(t, accesstest.Source{Objects: objects}).Run(parse(t, `
scenario "later" {
  identity = "alice"
  now      = "2026-03-10T12:00:00Z"
  request  = { template = "incident-admin", not_before = "2026-03-10T14:00:00Z" }
  event    = { kind = "incident", severity = 2 }
  cases = {
    "not through this one" = { expect = { decision = "deny", denied_by = ["schedule_not_allowed"] } }
    "past is at once"      = { request = { not_before = "2026-03-10T11:00:00Z" }, expect = { decision = "needs_approval" } }
    "too far"              = { request = { template = "approve", not_before = "2026-03-12T12:00:00Z" }, expect = { decision = "deny", reasons = ["schedule_too_far"] } }
  }
}`), nil), "later / not through this one: passed", "later / past is at once: passed", "later / too far: passed")
}

func TestANameThatLeadsNowhereIsNoExpectedDenial(t *testing.T) {
	b := bench(t, accesstest.Source{Objects: declared()})
	expect(t, b.Run(parse(t, `
scenario "typing mistakes" {
  identity = "alice"
  request  = { template = "approve" }
  expect   = { decision = "deny" }
  cases = {
    "identity"    = { identity = "alcie" }
    "owner"       = { identity = { type = "agent", owner = "alise" } }
    "manager"     = { identity = { manager = "karol" } }
    "template"    = { request = { template = "aprove" } }
    "entitlement" = { request = { entitlements = ["billing/role/aprove"] } }
    "event"       = { event = "adit" }
    "attribute"   = { identity = { attributes = { emploiment = "contractor" } } }
    "its type"    = { event = { kind = "incident", attributes = { downtime = 5 } } }
    "held"        = { holdings = ["billing/role/creat"] }
    "holder"      = { holdings = [{ identity = "bott", entitlement = "billing/role/create" }] }
    "stranger"    = { holdings = [{ identity = "carol", entitlement = "billing/role/create" }] }
  }
}`), nil),
		`typing mistakes / identity: error: no identity "alcie" is declared; did you mean "alice"?`,
		`typing mistakes / owner: error: the owner: no identity "alise" is declared; did you mean "alice"?`,
		`typing mistakes / manager: error: the manager: no identity "karol" is declared; did you mean "carol"?`,
		`typing mistakes / template: error: no grant template "aprove" is declared; did you mean "approve"?`,
		`typing mistakes / entitlement: error: no entitlement "billing/role/aprove" is declared; did you mean "billing/role/approve"?`,
		`typing mistakes / event: error: no business event "adit" is declared; did you mean "audit"?`,
		`typing mistakes / attribute: error: the identity: attributes["emploiment"]: no attribute "emploiment" is declared for object identity; did you mean "employment"? If not, declare it with stint_attribute`,
		`typing mistakes / its type: error: the event: attributes["downtime"]: attribute "downtime": it is declared as duration; this is a number; write it like "1h30m"`,
		`typing mistakes / held: error: t.stinttest.hcl:15:35: no entitlement "billing/role/creat" is declared; did you mean "billing/role/create"?`,
		`typing mistakes / holder: error: t.stinttest.hcl:16:35: no identity "bott" is declared; did you mean "bot"?`,
		`typing mistakes / stranger: error: t.stinttest.hcl:17:35: "carol" does not count as one actor with "alice", so what it holds changes nothing`,
	)
}

func TestAnEstateTellsWhoHasWhat(t *testing.T) {
	status := map[governance.IdentityID]governance.Status{"carol": governance.Left}
	b := bench(t, accesstest.Source{Objects: declared(), Estate: observed(), Status: status})
	expect(t, b.Run(parse(t, `
scenario "estate" {
  identity = "alice"
  request  = { template = "approve" }
  cases = {
    "an agent's nested role counts"            = { expect = { decision = "deny", denied_by = ["payments"] } }
    "unless the scenario says what is held"    = { holdings = [], expect = { decision = "allow" } }
    "who is described has nothing"             = { identity = { manager = "alice" }, expect = { decision = "allow" } }
    "but its owner has"                        = { identity = { type = "agent", owner = "alice" }, expect = { decision = "deny", denied_by = ["payments", "payers"] } }
    "a status"                                 = { identity = "carol", expect = { decision = "deny", denied_by = ["account_missing", "identity_not_active", "payers"] } }
    "several accounts"                         = { identity = "bot", holdings = [], expect = { decision = "deny", denied_by = ["account_ambiguous", "payers"] } }
    "who is not in it is taken to have one"    = { identity = "erin", now = "2026-01-05T03:00:00Z", expect = { decision = "allow" } }
    "what the target lacks"                    = { request = { template = "incident-admin" }, event = { kind = "incident", severity = 1 }, expect = { decision = "deny", denied_by = ["entitlement_missing"] } }
  }
}`), nil),
		"estate / an agent's nested role counts: passed", "estate / unless the scenario says what is held: passed",
		"estate / who is described has nothing: passed", "estate / but its owner has: passed", "estate / a status: passed",
		"estate / several accounts: passed", "estate / who is not in it is taken to have one: passed", "estate / what the target lacks: passed",
	)
}

func TestAccountIsPromisedToWhoHasNone(t *testing.T) {
	objects := declared()
	for i, o := range objects {
		if template, ok := o.(governance.GrantTemplate); ok && template.Name == "approve" {
			template.CreateAccount = true
			objects[i] = template
		}
	}
	estate := observed()
	estate.Owners = map[governance.AccountID]governance.IdentityID{"billing/al": "alice", "billing/carol": ""}
	b := bench(t, accesstest.Source{Objects: objects, Estate: estate})
	expect(t, b.Run(parse(t, `
scenario "account" {
  identity = "alice"
  holdings = []
  request  = { template = "approve" }
  cases = {
    "is made for who has none"   = { accounts = [], expect = { decision = "allow", reasons = ["account_created"] } }
    "is not made for who has"    = { expect = { decision = "allow" } }
    "is not taken from anybody"  = { identity = { name = "carol" }, accounts = [], expect = { decision = "deny", denied_by = ["account_taken", "payers"] } }
    "is only made where it says" = { accounts = [], request = { template = "incident-admin" }, event = { kind = "incident", severity = 1 }, expect = { decision = "deny", denied_by = ["account_missing", "entitlement_missing"] } }
  }
}`), nil),
		"account / is made for who has none: passed", "account / is not made for who has: passed",
		"account / is not taken from anybody: passed", "account / is only made where it says: passed",
	)
}

func TestNeverIsCheckedAgainstEverybodyAndAtAnyTime(t *testing.T) {
	estate := observed()
	estate.Entitlements[admin] = true
	estate.Identities["erin"] = true
	status := map[governance.IdentityID]governance.Status{"erin": governance.Suspended, "alice": governance.Left}
	b := bench(t, accesstest.Source{Objects: append(declared(), governance.Identity{Name: "dan", Type: governance.Human, Groups: []string{"oncall"}}), Estate: estate, Status: status})
	expect(t, b.Run(parse(t, `
never "software creates payments" {
  identity    = "identity.type != \"human\""
  entitlement = "entitlement.native_id == \"create\""
}
never "contractors approve payments" {
  identity    = "identity.attributes.employment != null && identity.attributes.employment == \"contractor\""
  entitlement = "entitlement.native_id == \"approve\""
}
never "software becomes admin" {
  identity    = "identity.type != \"human\""
  entitlement = "entitlement.risk == \"critical\""
}
never "leads reach anything" { identity = "contains(identity.groups, \"leads\")" }
never "anybody becomes admin" { entitlement = "entitlement.native_id == \"admin\"" }
never "insiders reach anything" { identity = "cidrcontains(\"10.0.0.0/8\", identity.name)" }
`), func(name string) bool { return strings.HasPrefix(name, "never ") }),
		"never software creates payments: failed; bot holds billing/role/create through [billing/role/umbrella billing/role/create]",
		"never contractors approve payments: failed; erin gets billing/role/approve by approve (possible)",
		"never software becomes admin: passed",
		"never leads reach anything: passed",
		"never anybody becomes admin: failed; dan gets billing/role/admin by incident-admin (possible)",
		"never insiders reach anything: failed; alice: "+notAnAddress+"; bot: "+notAnAddress+"; carol: "+notAnAddress+"; dan: "+notAnAddress+"; erin: "+notAnAddress,
	)
}

const notAnAddress = "the condition on identities cannot be evaluated: 1:28: its value is not an IP address (at identity.name)"

func TestCoverageNamesTheHalfThatIsMissing(t *testing.T) {
	b := bench(t, accesstest.Source{Objects: declared()})
	gaps := func(text string) []string {
		var out []string
		for _, gap := range b.Run(parse(t, text), nil).Coverage.Gaps() {
			out = append(out, gap.Object+" "+gap.What)
		}
		return out
	}
	want := []string{
		`policy "drills" event != null at 1:1 was never false`,
		`policy "drills" event.attributes.downtime != null at 1:18 was never true`,
		`policy "drills" event.attributes.downtime < duration("1m") at 1:55 was never true nor false`,
		`policy "night" hour(now, "UTC") >= 20 at 1:1 was never true`,
		`policy "oncall" contains(identity.groups, "oncall") at 1:1 was never false`,
		`policy "oncall" event != null at 1:40 was never false`,
		`policy "oncall" event.kind == "incident" at 1:57 was never true`,
		`policy "oncall" event.severity != null at 1:85 was never true nor false`,
		`policy "oncall" event.severity <= 2 at 1:111 was never true nor false`,
		`policy "payers" was never evaluated`,
		`policy "people-only" identity.type != "human" at 1:1 was never true`,
		`SoD rule "payments" was never violated nor touched by a request that it lets pass`,
		`template "approve" was never requested`,
	}
	if diff := cmp.Diff(want, gaps(`
scenario "one" {
  identity = "alice"
  request  = { template = "incident-admin" }
  event    = "audit"
  expect   = { decision = "deny" }
}`)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = []string{
		`policy "oncall" event.severity != null at 1:85 was never false`,
		`policy "payers" identity.manager != null || contains(identity.groups, "contractors") && hour(now, "UTC") == 3 at 1:1 was never false`,
	}
	if diff := cmp.Diff(want, gaps(read(t, "testdata/rows.stinttest.hcl"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDeclaredStateThatIsNotValidIsToldCompletely(t *testing.T) {
	objects := append(declared(),
		governance.Identity{Name: "alice", Type: governance.Human},
		governance.Identity{Name: "", Type: "robot"},
		governance.EligibilityPolicy{Name: "odd", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{admin}, Condition: "idntity.name == \"x\""},
	)
	_, err := accesstest.NewBench(accesstest.Source{Objects: objects})
	want := `identity "alice" is declared twice
identity "": name: a name is required
identity "": type: "robot" is not one of human, service_account, workload, agent
identity "": owner: an identity of type robot needs an owner: the id of the human who answers for it
eligibility_policy "odd": condition: 1:1: there is no idntity; did you mean identity? (at idntity)`
	if err == nil || cmp.Diff(want, err.Error()) != "" {
		t.Errorf("(-want +got):\n%s", cmp.Diff(want, fmt.Sprint(err)))
	}
	objects = append(declared(), governance.EligibilityPolicy{
		Name: "lost", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{"billing/role/gone"}, Condition: "identity.name == \"x\"",
	})
	_, err = accesstest.NewBench(accesstest.Source{Objects: objects})
	want = `eligibility_policy "lost": entitlements[0]: no entitlement "billing/role/gone" is declared; declare it with stint_entitlement`
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
