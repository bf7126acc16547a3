package governance

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// lifecycle drives requests and grants of a small estate together, as the engine
// does with the pure transitions of this package, and holds every step against
// rules that are written down apart from them: see lifecycle_rules_test.go.
type lifecycle struct {
	now      time.Time
	docs     Documents
	set      *PolicySet
	people   map[IdentityID]Person
	event    OpenEvent
	requests map[RequestID]Request
	grants   map[GrantID]Grant
	ids      int
	rules    *lifecycleRules
}

// lifecycleStates counts what it ever came to: states, denials, and more.
type lifecycleStates map[string]int

func minutes(n int) Duration { return Duration(time.Duration(n) * time.Minute) }

func newLifecycle(t *rapid.T, reached lifecycleStates) *lifecycle {
	const a, b = EntitlementID("app/role/a"), EntitlementID("app/role/b")
	day, pause, grace, two, three := minutes(24*60), minutes(60), minutes(20), 2, 3
	template := func(name string, edit func(*GrantTemplate)) GrantTemplate {
		t := GrantTemplate{
			Name: name, Entitlements: []EntitlementID{a, b}, EligibilityPolicies: []PolicyID{"open"}, Duration: DurationBounds{Default: minutes(60), Max: minutes(240)},
			ActivateWithin: minutes(15), ScheduleWithin: &day, Justification: JustificationOptional, Approval: ApprovalDefinition{Automatic: true},
		}
		edit(&t)
		return t
	}
	m := &lifecycle{
		now: noon, requests: map[RequestID]Request{}, grants: map[GrantID]Grant{}, people: map[IdentityID]Person{},
		event: OpenEvent{BusinessEvent: BusinessEvent{Name: "inc", Kind: Incident, EndsAt: noon.Add(minutes(rapid.IntRange(60, 1800).Draw(t, "event ends in")).Std())}, ID: "inc", OpenedAt: noon, Version: 1},
		docs: Documents{
			Revision:     1,
			Applications: []Application{{Name: "app"}},
			Entitlements: []Entitlement{{Application: "app", Kind: "role", NativeID: "a"}, {Application: "app", Kind: "role", NativeID: "b"}},
			Policies: []EligibilityPolicy{
				{Name: "open", Effect: PolicyAllow, Entitlements: []EntitlementID{a, b}, Condition: `contains(identity.groups, "oncall")`},
				{Name: "frozen", Effect: PolicyDeny, Entitlements: []EntitlementID{b}, Condition: `contains(identity.groups, "frozen")`},
			},
			Templates: []GrantTemplate{
				template("auto", func(t *GrantTemplate) {
					t.Extension, t.OnIneligible, t.IneligibleGrace = &ExtensionBounds{MaxTotal: minutes(300)}, IneligibleGrace, &grace
				}),
				template("few", func(t *GrantTemplate) {
					t.Cooldown, t.MaxConcurrent, t.OnIneligible = &pause, &ConcurrencyBounds{PerIdentity: &two, Total: &three}, IneligibleFlag
				}),
				template("strict", func(t *GrantTemplate) {
					t.Extension = &ExtensionBounds{MaxTotal: minutes(300)}
					t.Approval = ApprovalDefinition{Stages: []ApprovalStage{
						{Name: "lead", Quorum: 2, Approvers: Approvers{Groups: []string{"leads"}}, Timeout: minutes(60), OnTimeout: Escalate, Escalation: &Escalation{Approvers: Approvers{Groups: []string{"chiefs"}}, Timeout: minutes(60)}},
						{Name: "chief", Quorum: 1, Approvers: Approvers{Groups: []string{"chiefs"}, Relations: []Relation{Manager}}, DistinctFrom: []string{"lead"}, Timeout: minutes(60), OnTimeout: Lapse},
					}}
				}),
			},
			Delegations: []Delegation{
				{Name: "mia away", From: "mia", To: "ben", EndsAt: noon.Add(200 * time.Hour)},
				{Name: "cid away", From: "cid", To: "ann", EndsAt: noon.Add(6 * time.Hour)},
			},
		},
	}
	for _, i := range []Identity{
		{Name: "ann", Type: Human, Manager: "mia", Groups: []string{"oncall"}},
		{Name: "ben", Type: Human, Manager: "mia", Groups: []string{"oncall", "leads"}},
		{Name: "cid", Type: Human, Groups: []string{"leads", "chiefs"}},
		{Name: "dot", Type: Human, Groups: []string{"leads", "oncall"}},
		{Name: "mia", Type: Human, Groups: []string{"chiefs", "leads"}},
		{Name: "bot", Type: Agent, Owner: "ben", Groups: []string{"oncall"}},
	} {
		m.people[i.ID()] = Person{Identity: i, Status: Active, Version: 1}
	}
	m.declare(t)
	m.rules = &lifecycleRules{m: m, reached: reached}
	return m
}

func (m *lifecycle) declare(t *rapid.T) {
	set, err := NewPolicySet(m.docs)
	if err != nil {
		t.Fatal(err)
	}
	m.set = set
}

func (m *lifecycle) newID() string { m.ids++; return fmt.Sprintf("%04d", m.ids) }

// members are everyone who counts as one actor with an identity.
func (m *lifecycle) members(id IdentityID) map[IdentityID]bool {
	root, members := m.people[id].Root(), map[IdentityID]bool{}
	for other, p := range m.people {
		members[other] = p.Root() == root
	}
	return members
}

// question is what the engine would ask for a request; for a grant when g is one.
func (m *lifecycle) question(r Request, g *Grant) Question {
	person := m.people[r.Identity]
	q := Question{
		Now: m.now, Identity: person, Template: r.Template, Entitlements: r.Entitlements, Duration: &r.Duration, NotBefore: r.NotBefore,
		Accounts: []AccountID{NewAccountID("app", person.Name)}, Uses: map[TemplateID]Use{},
	}
	if owner, ok := m.people[person.Owner]; ok {
		q.Owner = &owner
	}
	if r.BusinessEvent != "" {
		q.EventRef, q.Event = string(m.event.ID), &m.event
	}
	if extended, ok := m.grants[r.Extends]; ok {
		q.Extends = &extended
	}
	var live []Grant
	var use Use
	members := m.members(r.Identity)
	for _, id := range m.grantIDs(func(Grant) bool { return true }) {
		other := m.grants[id]
		if other.State.Live() && members[other.Identity] {
			live = append(live, other)
			q.Held = append(q.Held, Holding{Identity: other.Identity, Account: other.Account, Entitlement: other.Entitlement, Grant: other.ID})
		}
		if other.Template == r.Template && other.State.Live() {
			use.Live++
		}
		if other.Template == r.Template && other.Identity == r.Identity {
			use.Own = append(use.Own, other)
		}
	}
	q.Uses[r.Template] = use
	if g != nil {
		q.Entitlements, q.Account, q.NotBefore, q.Admitted, q.Extends = []EntitlementID{g.Entitlement}, g.Account, &g.NotBefore, true, nil
		q.Held = Beside(*g, q.Held, live, nil)
	}
	return q
}

func (m *lifecycle) grantIDs(pick func(Grant) bool) []GrantID {
	var ids []GrantID
	for id, g := range m.grants {
		if pick(g) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (m *lifecycle) requestIDs(state RequestState) []RequestID {
	var ids []RequestID
	for id, r := range m.requests {
		if r.State == state {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// one draws one of the ids; a step that finds none does nothing.
func one[T ~string](t *rapid.T, label string, ids []T) T {
	var none T
	if len(ids) == 0 {
		return none
	}
	return rapid.SampledFrom(ids).Draw(t, label)
}

func (m *lifecycle) ask(t *rapid.T) {
	r := Request{
		ID: RequestID(m.newID()), Identity: one(t, "who", []IdentityID{"ann", "ben", "dot", "bot", "ann", "ben", "dot", "bot", "cid"}), Template: one(t, "template", []TemplateID{"auto", "few", "few", "strict", "strict"}),
		Entitlements: []EntitlementID{one(t, "entitlement", []EntitlementID{"app/role/a", "app/role/b"})}, Duration: minutes(rapid.IntRange(1, 260).Draw(t, "duration")),
	}
	if rapid.IntRange(0, 3).Draw(t, "for the event") == 0 {
		r.BusinessEvent = m.event.ID
	}
	if rapid.Bool().Draw(t, "for later") {
		begins := m.now.Add(minutes(rapid.SampledFrom([]int{-10, 1, 20, 60, 120, 300, 600, 1440, 1441}).Draw(t, "begins in")).Std())
		r.NotBefore = &begins
	}
	m.open(t, r)
}

func (m *lifecycle) extend(t *rapid.T) {
	pick := func(Grant) bool { return true }
	if rapid.IntRange(0, 4).Draw(t, "any grant") > 0 {
		pick = func(g Grant) bool { return g.State == GrantActive && g.Template != "few" }
	}
	g, ok := m.grants[one(t, "grant", m.grantIDs(pick))]
	if !ok {
		return
	}
	m.open(t, Request{
		ID: RequestID(m.newID()), Identity: g.Identity, Template: g.Template, Entitlements: []EntitlementID{g.Entitlement}, Account: g.Account,
		BusinessEvent: g.BusinessEvent, Duration: minutes(rapid.SampledFrom([]int{1, 30, 60, 120, 240}).Draw(t, "by")), Extends: g.ID,
	})
}

func (m *lifecycle) open(t *rapid.T, r Request) {
	q, template := m.question(r, nil), m.set.Templates[r.Template]
	wanted := r.NotBefore
	r.NotBefore = nil
	r, approved := r.From(wanted, *template, m.now).Open(m.set.Decide(q), template.Approval.Stages, m.now)
	if !approved {
		m.keep(t, r)
		return
	}
	m.conclude(t, r, q)
}

// conclude decides an approved request and carries it out.
func (m *lifecycle) conclude(t *rapid.T, r Request, q Question) {
	r = r.Conclude(m.set.Decide(q), m.now)
	m.keep(t, r)
	switch {
	case r.State != RequestGranted:
	case r.Extends != "":
		g, err := m.grants[r.Extends].Extend(r, q.Event, m.now)
		if err != nil {
			t.Fatalf("an extension was granted that cannot be: %v", err)
		}
		m.put(t, g)
	default:
		for _, g := range Schedule(r, *m.set.Templates[r.Template], q.Event, Basis{}, m.now, func() GrantID { return GrantID(m.newID()) }) {
			m.put(t, g)
		}
	}
}

// speak has somebody give a verdict who may, if there is anybody.
func (m *lifecycle) speak(t *rapid.T) {
	r, ok := m.requests[one(t, "request", m.requestIDs(RequestPending))]
	if !ok {
		return
	}
	voice, may := m.voice(t, r)
	if !may {
		return
	}
	if rapid.IntRange(0, 9).Draw(t, "says no") == 0 {
		rejected, err := r.Reject(voice, "", m.now)
		if err != nil {
			t.Fatal(err)
		}
		m.keep(t, rejected)
		return
	}
	approved, done, err := r.Approve(voice, "", m.now)
	switch {
	case err != nil:
		t.Fatal(err)
	case done:
		m.conclude(t, approved, m.question(approved, nil))
	default:
		m.keep(t, approved)
	}
}

// voice is the first who may speak now, in an order that is drawn.
func (m *lifecycle) voice(t *rapid.T, r Request) (Voice, bool) {
	requester := m.people[r.Identity]
	parties := Parties{Requester: requester}
	if owner, ok := m.people[requester.Owner]; ok {
		parties.RequesterOwner = &owner
	}
	for _, id := range rapid.Permutation([]IdentityID{"ann", "ben", "cid", "dot", "mia", "bot"}).Draw(t, "by") {
		parties.Approver, parties.Delegators = m.people[id], nil
		for _, from := range m.set.Delegators(id, r.Template, m.now) {
			parties.Delegators = append(parties.Delegators, m.people[from])
		}
		voice, err := r.MayApprove(parties)
		if err == nil && r.Awaits(voice, m.now) == nil {
			return voice, true
		}
		if err != nil && !errors.Is(err, ErrNotApprover) {
			t.Fatal(err)
		}
	}
	return Voice{}, false
}

func (m *lifecycle) withdraw(t *rapid.T) {
	state := one(t, "state", []RequestState{RequestPending, RequestPending, RequestGranted, RequestDenied, RequestRejected})
	r, ok := m.requests[one(t, "request", m.requestIDs(state))]
	if !ok {
		return
	}
	withdrawn, err := r.Withdraw(m.now)
	if (err == nil) != (state == RequestPending) {
		t.Fatalf("the withdrawal of a request that is %s: %v", state, err)
	}
	if err == nil {
		m.keep(t, withdrawn)
	}
}

func (m *lifecycle) pass(t *rapid.T) {
	m.now = m.now.Add(minutes(rapid.IntRange(1, 60).Draw(t, "minutes")).Std())
	if rapid.IntRange(0, 4).Draw(t, "nobody looks") > 0 {
		m.due(t)
	}
}

// due brings about what time alone does.
func (m *lifecycle) due(t *rapid.T) {
	if m.event.ClosedAt == nil && !m.event.Open(m.now) {
		m.closeEvent(t)
	}
	for _, id := range m.grantIDs(func(g Grant) bool { return g.State.Live() }) {
		if reason, due := m.grants[id].DueReason(m.now); due {
			m.end(t, id, reason)
		}
	}
	for _, id := range m.requestIDs(RequestPending) {
		if r, timedOut := m.requests[id].TimeOut(m.now); timedOut {
			m.keep(t, r)
		}
	}
	m.lapse(t)
}

func (m *lifecycle) lapse(t *rapid.T) {
	for _, id := range m.requestIDs(RequestPending) {
		r := m.requests[id]
		if g, ok := m.grants[r.Extends]; ok {
			if r, lapsed := r.LapseWith(g, m.now); lapsed {
				m.keep(t, r)
			}
		}
	}
}

func (m *lifecycle) closeEvent(t *rapid.T) {
	if m.event.ClosedAt != nil {
		return
	}
	closed := m.now
	m.event.ClosedAt = &closed
	for _, id := range m.grantIDs(func(g Grant) bool { return g.State.Live() && g.BusinessEvent == m.event.ID }) {
		m.end(t, id, EndEventClosed)
	}
}

func (m *lifecycle) end(t *rapid.T, id GrantID, reason EndReason) {
	g, err := m.grants[id].End(reason, m.now)
	if err != nil {
		t.Fatalf("a live grant does not end: %v", err)
	}
	m.put(t, g)
}

// cancel is a return by the holder, or a revocation.
func (m *lifecycle) cancel(t *rapid.T) {
	id := one(t, "grant", m.grantIDs(func(Grant) bool { return true }))
	g, ok := m.grants[id]
	if !ok {
		return
	}
	ended, err := g.End(one(t, "reason", []EndReason{EndReturned, EndRevokedBy}), m.now)
	if (err == nil) != g.State.Live() {
		t.Fatalf("the end of a grant that is %s: %v", g.State, err)
	}
	if err == nil {
		m.put(t, ended)
	}
}

// work does what a worker does for one grant, whatever its time.
func (m *lifecycle) work(t *rapid.T) {
	g, ok := m.grants[one(t, "grant", m.grantIDs(func(g Grant) bool { return g.State.Live() && g.State != GrantActive }))]
	if !ok {
		return
	}
	before := g
	var err error
	switch g.State {
	case GrantScheduled:
		r := m.requests[g.Request]
		if m.set.Withheld(m.question(r, &g), len(r.Approvals) > 0) != "" {
			m.end(t, g.ID, EndIneligible)
			return
		}
		g, err = g.Provision(rapid.Bool().Draw(t, "preexisting"), nil, m.now)
	case GrantProvisioning:
		if rapid.IntRange(0, 4).Draw(t, "refused by the target") == 0 {
			m.end(t, g.ID, EndProvisionFailed)
			return
		}
		g, err = g.Activate(m.now)
	case GrantRevoking:
		g, err = g.Finish(rapid.SampledFrom(outcomes).Draw(t, "outcome"), m.now)
	}
	if err == nil {
		m.put(t, g)
	} else if fmt.Sprintf("%+v", g) != fmt.Sprintf("%+v", before) {
		t.Fatalf("the refusal %v changed %+v to %+v", err, before, g)
	}
}

// edit changes an identity or a template, and has everything decided again.
func (m *lifecycle) edit(t *rapid.T) {
	switch one(t, "edit", []string{"status", "groups", "groups", "bounds", "approval"}) {
	case "status":
		p := m.people[one(t, "whose", []IdentityID{"ann", "dot", "bot"})]
		p.Status = one(t, "status", []Status{Active, Active, Suspended, Left})
		m.people[p.ID()] = p
		for _, id := range m.requestIDs(RequestPending) {
			if r := m.requests[id]; r.Identity == p.ID() && p.Status == Left {
				if r, err := r.Invalidate(p.NotActive(m.now), m.now); err == nil {
					m.keep(t, r)
				}
			}
		}
	case "groups":
		p := m.people[one(t, "whose", []IdentityID{"ann", "ben", "dot", "bot"})]
		p.Groups = [][]string{{"oncall"}, {"oncall", "leads"}, {"frozen", "oncall"}, {"leads"}}[rapid.IntRange(0, 3).Draw(t, "groups")]
		m.people[p.ID()] = p
	case "bounds":
		n := rapid.IntRange(1, 240).Draw(t, "max")
		m.docs.Templates[0].Duration = DurationBounds{Default: minutes(n), Max: minutes(n)}
	case "approval":
		m.docs.Templates[0].Approval = ApprovalDefinition{Automatic: true}
		if rapid.Bool().Draw(t, "in stages") {
			m.docs.Templates[0].Approval = ApprovalDefinition{Stages: m.docs.Templates[2].Approval.Stages[:1]}
		}
	}
	m.docs.Revision++
	m.declare(t)
	m.redecide(t)
}

func (m *lifecycle) redecide(t *rapid.T) {
	for _, id := range m.grantIDs(func(g Grant) bool { _, goesOn := g.DueAt(); return goesOn }) {
		g := m.grants[id]
		r := m.requests[g.Request]
		denial := m.set.Redecide(m.question(r, &g), len(r.Approvals) > 0)
		judged, came := g.Reconsider(denial, *m.set.Templates[g.Template], m.now)
		if came == MustEnd {
			if !m.rules.wrong(g) {
				t.Fatalf("grant %s of %s ends although nothing is wrong with it: %s", id, g.Identity, denial.Why)
			}
			m.end(t, id, denial.EndReason())
			continue
		}
		m.put(t, judged)
	}
	m.rules.settled(t)
}

func TestRequestsAndGrantsKeepTheirPromisesTogether(t *testing.T) {
	want := slices.Concat(declaredCodes(t, "request.go", "RequestState"), declaredCodes(t, "grant.go", "GrantState"))
	want = append(want, "escalated", "extended", "kept", "delegated", string(ReasonCooldown), string(ReasonMaxConcurrent), string(ReasonScheduleTooFar), string(ReasonExtensionTooLong))
	reached := lifecycleStates{}
	missing := func(what string) bool { return reached[what] == 0 }
	for range 5 { // once is nearly always enough to see everything
		rapid.Check(t, func(t *rapid.T) { newLifecycle(t, reached).run(t) })
		if !slices.ContainsFunc(want, missing) {
			return
		}
	}
	t.Errorf("it never came to some of %v, so the rules about it held of nothing: %v", want, reached)
}

func (m *lifecycle) run(t *rapid.T) {
	actions := map[string]func(*rapid.T){
		"":    m.rules.hold,
		"ask": m.ask, "ask again": m.ask, "speak": m.speak, "speak up": m.speak, "speak out": m.speak,
		"work": m.work, "work on": m.work, "work hard": m.work, "work late": m.work,
		"pass": m.pass, "extend": m.extend, "extend more": m.extend, "withdraw": m.withdraw, "cancel": m.cancel, "edit": m.edit, "edit again": m.edit,
		"close the event": func(t *rapid.T) {
			if rapid.IntRange(0, 7).Draw(t, "really") == 0 {
				m.closeEvent(t)
			}
		},
	}
	for range 3 { // each is some 30 steps
		t.Repeat(actions)
	}
}
