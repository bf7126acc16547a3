package governance

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func span(d time.Duration) Duration { return Duration(d) }

func goodApplication() Application {
	return Application{Name: "billing", Connector: map[string]json.RawMessage{"postgresql": json.RawMessage(`{}`)}, Correlation: "account.name == identity.name", Discovery: DiscoverySchedule{Interval: span(15 * time.Minute)}}
}

func goodIdentity() Identity {
	return Identity{Name: "alice", Type: Human, Manager: "carol", Groups: []string{"sre", "staff"}}
}

func goodAgent() Identity { return Identity{Name: "bot", Type: Agent, Owner: "alice"} }

func goodEntitlement() Entitlement {
	longest := span(8 * time.Hour)
	return Entitlement{Application: "billing", Kind: "role", NativeID: `Robert"; DROP ROLE x; --`, Risk: RiskCritical, Standing: StandingForbidden, MaxDuration: &longest}
}

func goodPolicy() EligibilityPolicy {
	return EligibilityPolicy{Name: "oncall", Effect: PolicyAllow, Entitlements: []EntitlementID{"billing/role/admin"}, Parameters: map[string]json.RawMessage{"team": json.RawMessage(`"sre"`)}, Condition: "contains(identity.groups, param.team)"}
}

func goodRule() SoDRule {
	return SoDRule{Name: "pay", Mode: SoDDeny, Limit: 1, Duties: duties(map[string]string{"create": "billing/role/create", "approve": "billing/role/approve"})}
}

func goodTemplate() GrantTemplate {
	return GrantTemplate{
		Name: "fix", Entitlements: []EntitlementID{"billing/role/admin"}, EligibilityPolicies: []PolicyID{"oncall"},
		Duration: DurationBounds{Default: span(time.Hour), Max: span(4 * time.Hour)}, ActivateWithin: span(15 * time.Minute),
		BusinessEvent: &EventRequirement{Kinds: []EventKind{Incident, Change}}, Justification: JustificationRequired,
		Approval: ApprovalDefinition{Stages: []ApprovalStage{
			{Name: "lead", Quorum: 2, Approvers: Approvers{Identities: []IdentityID{"carol"}, Relations: []Relation{Manager}}, Timeout: span(15 * time.Minute), OnTimeout: Lapse},
			{Name: "owner", Quorum: 9, Approvers: Approvers{Groups: []string{"owners"}}, Timeout: span(time.Hour), OnTimeout: Lapse},
		}},
	}
}

func concurrent(perIdentity, total int) *ConcurrencyBounds {
	return &ConcurrencyBounds{PerIdentity: &perIdentity, Total: &total}
}

func goodAttribute() Attribute {
	return Attribute{Object: IdentityAttribute, Name: "cost_center", Type: StringAttribute, Description: "Who pays."}
}

func goodEvent() BusinessEvent {
	worst := int64(1)
	return BusinessEvent{Name: "audit-2026", Kind: Engagement, Severity: &worst, Reference: "AUD-1", EndsAt: noon}
}

func raw(name, value string) map[string]json.RawMessage {
	return map[string]json.RawMessage{name: json.RawMessage(value)}
}

// with is a document with something made wrong.
func with[T Object](good T, change func(*T)) Object {
	change(&good)
	return good
}

func TestSoundDocumentsHaveNoProblem(t *testing.T) {
	automatic := with(goodTemplate(), func(t *GrantTemplate) { t.Approval, t.BusinessEvent = ApprovalDefinition{Automatic: true}, nil })
	for _, o := range []Object{goodApplication(), goodIdentity(), goodAgent(), goodEntitlement(), goodPolicy(), goodRule(), goodTemplate(), automatic, goodEvent(), goodAttribute()} {
		if err := o.Check().Err(); err != nil {
			t.Errorf("%s: %v", o.ObjectKind(), err)
		}
	}
}

func TestProblemsNameFieldAndCode(t *testing.T) {
	stage := func(change func(*ApprovalStage)) Object {
		return with(goodTemplate(), func(t *GrantTemplate) { change(&t.Approval.Stages[0]) })
	}
	never := span(0)
	tooLong := span(MaxGrantDuration + time.Second)
	for _, c := range []struct {
		name string
		o    Object
		want string // field and code of each problem
		says string // a part of the message
	}{
		{"application without a name", with(goodApplication(), func(a *Application) { a.Name = "" }), "name invalid", "at most 63"},
		{"application without a connector", with(goodApplication(), func(a *Application) { a.Connector = nil }), "connector invalid", "exactly one connector is required, 0"},
		{"application with two connectors", with(goodApplication(), func(a *Application) { a.Connector = map[string]json.RawMessage{"a": nil, "b": nil} }), "connector invalid", "2 are given"},
		{"application without correlation", with(goodApplication(), func(a *Application) { a.Correlation = "" }), "correlation required", "account.name == identity.name"},
		{"application with a bad correlation", with(goodApplication(), func(a *Application) { a.Correlation = "account.nme == identity.name" }), "correlation condition", "1:1: "},
		{"application read too often", with(goodApplication(), func(a *Application) { a.Discovery.Interval = span(MinDiscovery - time.Second) }), "discovery.interval invalid", "9s is too short: use at least 10s"},

		{"identity without a name", with(goodIdentity(), func(i *Identity) { i.Name = "" }), "name required", "required"},
		{"identity with a long name", with(goodIdentity(), func(i *Identity) { i.Name = strings.Repeat("x", MaxName+1) }), "name invalid", "200 bytes"},
		{"identity whose name is no text", with(goodIdentity(), func(i *Identity) { i.Name = "a\xff" }), "name invalid", "valid UTF-8"},
		{"identity with a hidden character", with(goodIdentity(), func(i *Identity) { i.Name = "ali\u202ece" }), "name invalid", "does not print"},
		{"identity that begins with a space", with(goodIdentity(), func(i *Identity) { i.Name = " alice" }), "name invalid", "space"},
		{"identity that ends with a space", with(goodIdentity(), func(i *Identity) { i.Name = "alice " }), "name invalid", "space"},
		{"identity of no known type", with(goodAgent(), func(i *Identity) { i.Type = "robot" }), "type invalid", `"robot" is not one of human, service_account, workload, agent`},
		{"human with an owner", with(goodIdentity(), func(i *Identity) { i.Owner = "carol" }), "owner invalid", "a human identity has no owner"},
		{"agent without an owner", with(goodAgent(), func(i *Identity) { i.Owner = "" }), "owner required", "the human who answers for it"},
		{"agent that owns itself", with(goodAgent(), func(i *Identity) { i.Owner = "bot" }), "owner invalid", "cannot own itself"},
		{"agent with a manager", with(goodAgent(), func(i *Identity) { i.Manager = "carol" }), "manager invalid", "only a human identity"},
		{"human who manages themselves", with(goodIdentity(), func(i *Identity) { i.Manager = "alice" }), "manager invalid", "itself"},
		{"human who has to be used", with(goodIdentity(), func(i *Identity) { i.UnusedAfter = lasting(24 * time.Hour) }), "unused_after invalid", "for a human use valid_until"},
		{"human who has to be attested", with(goodIdentity(), func(i *Identity) { i.AttestEvery = lasting(24 * time.Hour) }), "attest_every invalid", "for a human use valid_until"},
		{"agent that has to be used all the time", with(goodAgent(), func(i *Identity) { i.UnusedAfter = lasting(59 * time.Minute) }), "unused_after invalid", "use at least 1h"},
		{"agent that is attested for ever", with(goodAgent(), func(i *Identity) { i.AttestEvery = lasting(MaxLifeSpan + 1) }), "attest_every invalid", "longer than the 732d"},
		{"identity that was never valid", with(goodIdentity(), func(i *Identity) { i.ValidUntil = new(time.Time{}) }), "valid_until invalid", "RFC 3339"},
		{"group twice", with(goodIdentity(), func(i *Identity) { i.Groups = []string{"sre", "sre"} }), "groups[1] invalid", "twice"},
		{"group without a name", with(goodIdentity(), func(i *Identity) { i.Groups = []string{"sre", ""} }), "groups[1] required", "required"},

		{"identity with a value that is no JSON", with(goodIdentity(), func(i *Identity) { i.Attributes = raw("level", "{") }), `attributes["level"] invalid`, "not JSON"},
		{"identity with a value that is null", with(goodIdentity(), func(i *Identity) { i.Attributes = raw("level", "null") }), `attributes["level"] invalid`, "leave it away"},
		{"identity with a book for a value", with(goodIdentity(), func(i *Identity) { i.Attributes = raw("level", `"`+strings.Repeat("x", MaxText)+`"`) }), `attributes["level"] invalid`, "4096 bytes"},

		{"attribute of nothing", with(goodAttribute(), func(a *Attribute) { a.Object = "application" }), "object invalid", "identity, business_event"},
		{"attribute without a name", with(goodAttribute(), func(a *Attribute) { a.Name = "" }), "name invalid", "as in cost_center"},
		{"attribute with a space in its name", with(goodAttribute(), func(a *Attribute) { a.Name = "cost center" }), "name invalid", "not an identifier"},
		{"attribute with a dot in its name", with(goodAttribute(), func(a *Attribute) { a.Name = "cost.center" }), "name invalid", "not an identifier"},
		{"attribute that is called like a value", with(goodAttribute(), func(a *Attribute) { a.Name = "null" }), "name invalid", "a word of the condition language"},
		{"attribute that is called like a keyword", with(goodAttribute(), func(a *Attribute) { a.Name = "for" }), "name invalid", "a word of the condition language"},
		{"attribute whose name has two spellings", with(goodAttribute(), func(a *Attribute) { a.Name = "zoe\u0308" }), "name invalid", "not an identifier"},
		{"attribute with a long name", with(goodAttribute(), func(a *Attribute) { a.Name = strings.Repeat("x", MaxName+1) }), "name invalid", "200 bytes"},
		{"attribute of no known type", with(goodAttribute(), func(a *Attribute) { a.Type = "number" }), "type invalid", "string, bool, int, duration, time, list(string)"},
		{"attribute that is not described", with(goodAttribute(), func(a *Attribute) { a.Description = " " }), "description required", "one sentence"},
		{"attribute that is described by a book", with(goodAttribute(), func(a *Attribute) { a.Description = strings.Repeat("x", MaxText+1) }), "description invalid", "4096 bytes"},

		{"entitlement of no application", with(goodEntitlement(), func(e *Entitlement) { e.Application = "" }), "application required", "id of the application"},
		{"entitlement of no kind", with(goodEntitlement(), func(e *Entitlement) { e.Kind = "" }), "kind required", "required"},
		{"entitlement of no native id", with(goodEntitlement(), func(e *Entitlement) { e.NativeID = "" }), "native_id required", "required"},
		{"entitlement of no known risk", with(goodEntitlement(), func(e *Entitlement) { e.Risk = "" }), "risk invalid", "low, medium, high, critical"},
		{"entitlement that does not say whether it may stand", with(goodEntitlement(), func(e *Entitlement) { e.Standing = "" }), "standing invalid", "allowed, forbidden"},
		{"entitlement for no time", with(goodEntitlement(), func(e *Entitlement) { e.MaxDuration = &never }), "max_duration invalid", "longer than 0s"},
		{"entitlement for ever", with(goodEntitlement(), func(e *Entitlement) { e.MaxDuration = &tooLong }), "max_duration invalid", "366d"},

		{"policy without a name", with(goodPolicy(), func(p *EligibilityPolicy) { p.Name = "" }), "name required", "required"},
		{"policy of no known effect", with(goodPolicy(), func(p *EligibilityPolicy) { p.Effect = "permit" }), "effect invalid", "allow, deny"},
		{"policy of nothing", with(goodPolicy(), func(p *EligibilityPolicy) { p.Entitlements = nil }), "entitlements required", "at least one"},
		{"policy that names a right twice", with(goodPolicy(), func(p *EligibilityPolicy) { p.Entitlements = []EntitlementID{"a/b/c", "a/b/c"} }), "entitlements[1] invalid", "twice"},
		{"policy with a bad condition", with(goodPolicy(), func(p *EligibilityPolicy) { p.Condition = "identity.nme == \"x\"\n&& identity.typ == \"y\"" }), "condition condition, condition condition", "1:1: "},
		{"policy without a condition", with(goodPolicy(), func(p *EligibilityPolicy) { p.Condition = "" }), "condition condition", "1:1"},
		{"policy with a parameter that is a fraction", with(goodPolicy(), func(p *EligibilityPolicy) { p.Parameters["level"] = json.RawMessage("1.5") }), "parameters invalid", `parameter "level"`},
		{"policy with a parameter that is no JSON", with(goodPolicy(), func(p *EligibilityPolicy) { p.Parameters["level"] = json.RawMessage("{") }), "parameters invalid", "JSON"},
		{"policy with an empty list", with(goodPolicy(), func(p *EligibilityPolicy) {
			p.Parameters["needed"] = json.RawMessage(" [ ]")
			p.Condition = "allof(identity.groups, param.needed) && contains(identity.groups, param.team)"
		}), `parameters["needed"] invalid`, "allof(…, param.needed) would hold for everybody"},
		{"guardrail with an empty list", with(goodPolicy(), func(p *EligibilityPolicy) {
			p.Effect = PolicyDeny
			p.Parameters["barred"] = json.RawMessage("[]")
			p.Condition = "anyof(identity.groups, param.barred) || contains(identity.groups, param.team)"
		}), `parameters["barred"] invalid`, "contains(param.barred, …) for nobody"},

		{"rule without a name", with(goodRule(), func(r *SoDRule) { r.Name = "" }), "name required", "required"},
		{"rule of no known mode", with(goodRule(), func(r *SoDRule) { r.Mode = "warn" }), "mode invalid", "record, approve, deny"},
		{"rule with one duty", with(goodRule(), func(r *SoDRule) { r.Duties = duties(map[string]string{"create": "c"}) }), "duties invalid", "at least two duties, 1 given"},
		{"rule that allows nothing", with(goodRule(), func(r *SoDRule) { r.Limit = 0 }), "limit invalid", "at least 1"},
		{"rule that allows everything", with(goodRule(), func(r *SoDRule) { r.Limit = 2 }), "limit invalid", "never speaks"},
		{"rule with a nameless duty", with(goodRule(), func(r *SoDRule) { r.Duties = duties(map[string]string{"": "c", "approve": "a"}) }), `duties[""] required`, "required"},
		{"rule with an empty duty", with(goodRule(), func(r *SoDRule) { r.Duties = duties(map[string]string{"create": "", "approve": "a"}) }), `duties["create"].entitlements required`, "at least one"},
		{"rule with one right in two duties", with(goodRule(), func(r *SoDRule) { r.Duties = duties(map[string]string{"create": "c a", "approve": "a"}) }), `duties["create"].entitlements[1] conflict`, `stands in duty "approve" already`},

		{"template without a name", with(goodTemplate(), func(t *GrantTemplate) { t.Name = "" }), "name required", "required"},
		{"template of nothing", with(goodTemplate(), func(t *GrantTemplate) { t.Entitlements = nil }), "entitlements required", "at least one"},
		{"template that names a right twice", with(goodTemplate(), func(t *GrantTemplate) { t.Entitlements = []EntitlementID{"a/b/c", "a/b/c"} }), "entitlements[1] invalid", "twice"},
		{"template that no policy opens", with(goodTemplate(), func(t *GrantTemplate) { t.EligibilityPolicies = nil }), "eligibility_policies required", "at least one"},
		{"template that names a policy twice", with(goodTemplate(), func(t *GrantTemplate) { t.EligibilityPolicies = []PolicyID{"p", "p"} }), "eligibility_policies[1] invalid", "twice"},
		{"template without a default", with(goodTemplate(), func(t *GrantTemplate) { t.Duration.Default = 0 }), "duration.default invalid", "longer than 0s"},
		{"template for ever", with(goodTemplate(), func(t *GrantTemplate) { t.Duration.Max = tooLong }), "duration.max invalid", "longer than the 366d"},
		{"template whose default is past its bound", with(goodTemplate(), func(t *GrantTemplate) { t.Duration.Default = span(5 * time.Hour) }), "duration.default invalid", "longer than duration.max (4h)"},
		{"template that waits for ever", with(goodTemplate(), func(t *GrantTemplate) { t.ActivateWithin = span(MaxActivationWindow + time.Second) }), "activate_within invalid", "7d"},
		{"template that does not wait", with(goodTemplate(), func(t *GrantTemplate) { t.ActivateWithin = 0 }), "activate_within invalid", "longer than 0s"},
		{"template that does not say whether it wants a reason", with(goodTemplate(), func(t *GrantTemplate) { t.Justification = "" }), "justification invalid", "required, optional"},
		{"template that demands an event of no kind", with(goodTemplate(), func(t *GrantTemplate) { t.BusinessEvent.Kinds = nil }), "business_event.kinds required", "or leave business_event out"},
		{"template that demands an unknown kind of event", with(goodTemplate(), func(t *GrantTemplate) { t.BusinessEvent.Kinds[1] = "party" }), "business_event.kinds[1] invalid", "incident, engagement, project, change, task"},
		{"template that demands a kind of event twice", with(goodTemplate(), func(t *GrantTemplate) { t.BusinessEvent.Kinds[1] = Incident }), "business_event.kinds[1] invalid", "twice"},
		{"template that is scheduled at no distance", with(goodTemplate(), func(t *GrantTemplate) { t.ScheduleWithin = &never }), "schedule_within invalid", "longer than 0s"},
		{"template that is scheduled for ever", with(goodTemplate(), func(t *GrantTemplate) { t.ScheduleWithin = &tooLong }), "schedule_within invalid", "366d"},
		{"template with no pause in its cooldown", with(goodTemplate(), func(t *GrantTemplate) { t.Cooldown = &never }), "cooldown invalid", "longer than 0s"},
		{"template that cools for ever", with(goodTemplate(), func(t *GrantTemplate) { t.Cooldown = &tooLong }), "cooldown invalid", "366d"},
		{"template that bounds nothing", with(goodTemplate(), func(t *GrantTemplate) { t.MaxConcurrent = &ConcurrencyBounds{} }), "max_concurrent required", "per_identity, total or both"},
		{"template that lets nobody in", with(goodTemplate(), func(t *GrantTemplate) { t.MaxConcurrent = concurrent(0, -1) }), "max_concurrent.per_identity invalid, max_concurrent.total invalid, max_concurrent.per_identity conflict", "at least 1"},
		{"template whose total is below what one may have", with(goodTemplate(), func(t *GrantTemplate) { t.MaxConcurrent = concurrent(3, 2) }), "max_concurrent.per_identity conflict", "3 can never be reached with a total of 2"},
		{"template without approval", with(goodTemplate(), func(t *GrantTemplate) { t.Approval.Stages = nil }), "approval required", "automatic = true, or at least one stage"},
		{"template with both approvals", with(goodTemplate(), func(t *GrantTemplate) { t.Approval.Automatic = true }), "approval invalid", "exclude each other"},
		{"stage without a name", stage(func(s *ApprovalStage) { s.Name = "" }), "approval.stages[0].name required", "required"},
		{"stage twice", stage(func(s *ApprovalStage) { s.Name = "owner" }), "approval.stages[1].name conflict", "twice"},
		{"stage of nobody", stage(func(s *ApprovalStage) { s.Approvers, s.Quorum = Approvers{}, 1 }), "approval.stages[0].approvers required, approval.stages[0].quorum invalid", "at least one identity"},
		{"stage with an unknown relation", stage(func(s *ApprovalStage) { s.Approvers.Relations[0] = "friend" }), "approval.stages[0].approvers.relations[0] invalid", "manager"},
		{"stage that names a person twice", stage(func(s *ApprovalStage) { s.Approvers = Approvers{Identities: []IdentityID{"carol", "carol"}} }), "approval.stages[0].approvers.identities[1] invalid, approval.stages[0].quorum invalid", "2 can never be reached by the 1 people"},
		{"stage that names a group twice", stage(func(s *ApprovalStage) { s.Approvers.Groups = []string{"g", "g"} }), "approval.stages[0].approvers.groups[1] invalid", "twice"},
		{"stage that names a relation twice", stage(func(s *ApprovalStage) { s.Approvers.Relations = []Relation{Manager, Manager} }), "approval.stages[0].approvers.relations[1] invalid", "twice"},
		{"stage without a quorum", stage(func(s *ApprovalStage) { s.Quorum = 0 }), "approval.stages[0].quorum invalid", "at least 1"},
		{"stage with more approvals than people", stage(func(s *ApprovalStage) { s.Quorum = 3 }), "approval.stages[0].quorum invalid", "3 can never be reached by the 2 people"},
		{"stage without time", stage(func(s *ApprovalStage) { s.Timeout = 0 }), "approval.stages[0].timeout invalid", "longer than 0s"},
		{"stage without end", stage(func(s *ApprovalStage) { s.Timeout = span(MaxApprovalTimeout + time.Second) }), "approval.stages[0].timeout invalid", "30d"},
		{"stage that approves by running out of time", stage(func(s *ApprovalStage) { s.OnTimeout = "approve" }), "approval.stages[0].on_timeout invalid", `"approve" is not one of lapse, escalate`},
		{"stage that is distinct from none", stage(func(s *ApprovalStage) { s.DistinctFrom = []string{"owner"} }), "approval.stages[0].distinct_from[0] unknown_reference", `no earlier stage is named "owner"`},
		{"stage that escalates to nobody", stage(func(s *ApprovalStage) { s.OnTimeout = Escalate }), "approval.stages[0].escalation required", "add escalation"},
		{"stage that lapses and escalates", stage(func(s *ApprovalStage) {
			s.Escalation = &Escalation{Approvers: Approvers{Groups: []string{"chiefs"}}, Timeout: span(time.Hour)}
		}), "approval.stages[0].escalation conflict", `write on_timeout = "escalate"`},
		{"stage whose escalation names nobody and has no time", stage(func(s *ApprovalStage) { s.OnTimeout, s.Escalation = Escalate, &Escalation{} }), "approval.stages[0].escalation.approvers required, approval.stages[0].escalation.timeout invalid", "at least one identity"},
		{"stages in which only the requester's own side approves", with(goodTemplate(), func(t *GrantTemplate) {
			t.Approval.Stages = t.Approval.Stages[:1]
			t.Approval.Stages[0].Approvers.Relations = []Relation{Owner}
		}), "approval.stages invalid", "are one actor; add a stage without it"},

		{"event with a value that is no JSON", with(goodEvent(), func(e *BusinessEvent) { e.Attributes = raw("region", "") }), `attributes["region"] invalid`, "not JSON"},
		{"event without a name", with(goodEvent(), func(e *BusinessEvent) { e.Name = "" }), "name required", "required"},
		{"event of no known kind", with(goodEvent(), func(e *BusinessEvent) { e.Kind = "party" }), "kind invalid", "incident"},
		{"event without end", with(goodEvent(), func(e *BusinessEvent) { e.EndsAt = time.Time{} }), "ends_at required", "no endless events"},
		{"event worse than the worst", with(goodEvent(), func(e *BusinessEvent) { *e.Severity = 0 }), "severity invalid", "between 1 (worst) and 10"},
		{"event milder than the mildest", with(goodEvent(), func(e *BusinessEvent) { *e.Severity = 11 }), "severity invalid", "between 1 (worst) and 10"},
		{"event with a book for a reference", with(goodEvent(), func(e *BusinessEvent) { e.Reference = strings.Repeat("x", MaxText+1) }), "reference invalid", "4096 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			problems := c.o.Check()
			var got []string
			for _, p := range problems {
				got = append(got, p.Field+" "+p.Code)
			}
			if diff := cmp.Diff(c.want, strings.Join(got, ", ")); diff != "" {
				t.Fatalf("problems (-want +got):\n%s%v", diff, problems)
			}
			if !strings.Contains(problems.Err().Error(), c.says) {
				t.Errorf("%v does not say %q", problems, c.says)
			}
		})
	}
}

func TestEveryProblemOfADocumentIsReportedAtOnce(t *testing.T) {
	if got := (GrantTemplate{}).Check(); len(got) < 7 {
		t.Errorf("an empty template has %d problems: %v", len(got), got)
	}
}

func TestApplicationNamesKeepSecretNamespacesApart(t *testing.T) {
	for _, name := range []string{"b", "billing", "billing-eu", "b2", "billing-2", strings.Repeat("a", 63)} {
		if err := with(goodApplication(), func(a *Application) { a.Name = name }).Check().Err(); err != nil {
			t.Errorf("%q is refused: %v", name, err)
		}
	}
	// Each of these would share a variable or a folder with another name, or
	// would not be one.
	for _, name := range []string{"billing_eu", "billing--eu", "billing-", "-billing", "Billing", "2billing", "billing.eu", "billing/eu", "..", "bílling", "billing\n", strings.Repeat("a", 64)} {
		if err := with(goodApplication(), func(a *Application) { a.Name = name }).Check().Err(); err == nil {
			t.Errorf("%q is accepted", name)
		}
	}
}
