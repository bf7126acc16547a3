package governance

import (
	"errors"
	"strings"
	"testing"
)

func parties(change func(*Parties)) Parties {
	active := func(name string, kind IdentityType) Person {
		return Person{Identity: Identity{Name: name, Type: kind}, Status: Active}
	}
	p := Parties{Requester: active("alice", Human), Approver: active("carol", Human)}
	p.Requester.Manager = "mike"
	p.Approver.Groups = []string{"leads"}
	change(&p)
	return p
}

// agentOf makes the requester an agent that alice owns.
func agentOf(p *Parties) {
	owner := p.Requester
	p.Requester = Person{Identity: Identity{Name: "bot", Type: Agent, Owner: "alice"}, Status: Active}
	p.RequesterOwner = &owner
}

func TestWhoMayApprove(t *testing.T) {
	named := ApprovalStage{Name: "lead", Approvers: Approvers{Identities: []IdentityID{"carol", "alice", "bot"}, Groups: []string{"leads"}, Relations: []Relation{Manager}}}
	confirm := ApprovalStage{Name: "lead", Approvers: Approvers{Relations: []Relation{Owner}}}
	owner := ApprovalStage{Name: "lead", Approvers: Approvers{Relations: []Relation{EntitlementOwner}}}
	manager := ApprovalStage{Name: "lead", Approvers: Approvers{Relations: []Relation{Manager}}}
	for _, c := range []struct {
		name    string
		stage   ApprovalStage
		change  func(*Parties)
		refusal string // empty when the approver may
	}{
		{"named by identity", ApprovalStage{Name: "lead", Approvers: Approvers{Identities: []IdentityID{"carol"}}}, func(*Parties) {}, ""},
		{"named by group", ApprovalStage{Name: "lead", Approvers: Approvers{Groups: []string{"other", "leads"}}}, func(*Parties) {}, ""},
		{"named as manager", manager, func(p *Parties) { p.Requester.Manager = "carol" }, ""},
		{"named as manager of the owner", manager, func(p *Parties) { p.Requester.Manager = "carol"; agentOf(p) }, ""},
		{"manager of somebody else", manager, func(*Parties) {}, `stage "lead" does not name carol`},
		{"manager where the owner is unknown", manager, func(p *Parties) { agentOf(p); p.RequesterOwner = nil }, `stage "lead" does not name carol`},
		{"manager where only groups are named", ApprovalStage{Name: "lead", Approvers: Approvers{Groups: []string{"owners"}}}, func(p *Parties) { p.Requester.Manager = "carol" }, `stage "lead" does not name carol`},
		{"in no named group", ApprovalStage{Name: "lead", Approvers: Approvers{Groups: []string{"Leads", "lead"}}}, func(*Parties) {}, `stage "lead" does not name carol`},
		{"the bootstrap identity", named, func(p *Parties) { p.Bootstrap = true }, "the bootstrap identity can neither request nor approve"},
		{"suspended", named, func(p *Parties) { p.Approver.Status = Suspended }, "carol is suspended"},
		{"gone", named, func(p *Parties) { p.Approver.Status = Left }, "carol is left"},
		{"an agent", named, func(p *Parties) { p.Approver.Type = Agent }, "carol is of type agent; only people approve"},
		{"the requester", named, func(p *Parties) { p.Approver = p.Requester }, "nobody approves a request of their own"},
		{"the requester's owner", named, func(p *Parties) { p.Approver = p.Requester; agentOf(p) }, "alice owns the requester bot, which makes the request theirs"},
		{"another person for an agent", named, agentOf, ""},
		{"owner of the agent, to confirm", confirm, func(p *Parties) { p.Approver = p.Requester; agentOf(p) }, ""},
		{"owner of another agent", confirm, agentOf, `stage "lead" does not name carol`},
		{"owner where a person requests", confirm, func(*Parties) {}, `stage "lead" does not name carol`},
		{"owner of all entitlements", owner, func(p *Parties) { p.EntitlementOwners = []IdentityID{"carol", "carol"} }, ""},
		{"owner of one entitlement of two", owner, func(p *Parties) { p.EntitlementOwners = []IdentityID{"carol", "dave"} }, `stage "lead" does not name carol`},
		{"owner of one entitlement beside one without", owner, func(p *Parties) { p.EntitlementOwners = []IdentityID{"carol", ""} }, `stage "lead" does not name carol`},
		{"entitlements that nobody owns", owner, func(*Parties) {}, `stage "lead" does not name carol`},
		{"the requester owns the entitlement", owner, func(p *Parties) { p.Approver = p.Requester; p.EntitlementOwners = []IdentityID{"alice"} }, "nobody approves a request of their own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := pending(c.stage).MayApprove(parties(c.change))
			if c.refusal == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if !errors.Is(err, ErrNotApprover) || !strings.HasSuffix(err.Error(), ": "+c.refusal) {
				t.Errorf("got %v, want a refusal: %s", err, c.refusal)
			}
		})
	}
}

// delegator is somebody whose place carol may take, for whom the stage is named.
func delegator(change func(*Person)) Person {
	p := Person{Identity: Identity{Name: "dora", Type: Human, Groups: []string{"owners"}}, Status: Active}
	change(&p)
	return p
}

func TestADelegateSpeaksInTheDelegatorsPlace(t *testing.T) {
	owners := ApprovalStage{Name: "owner", Approvers: Approvers{Groups: []string{"owners"}}}
	both := ApprovalStage{Name: "owner", Approvers: Approvers{Groups: []string{"owners", "leads"}}}
	confirm := ApprovalStage{Name: "owner", Approvers: Approvers{Relations: []Relation{Owner}}}
	doraSpoke := []Approval{{Voice: Voice{Approver: "dora"}, Approved: true}}
	carolSpoke := []Approval{{Voice: Voice{Approver: "carol"}, Approved: true}}
	for _, c := range []struct {
		name      string
		stage     ApprovalStage
		approvals []Approval
		change    func(*Parties)
		behalf    IdentityID
		refusal   string
	}{
		{"for one who is named", owners, nil, func(*Parties) {}, "dora", ""},
		{"in one's own right first", both, nil, func(*Parties) {}, "", ""},
		{"for another after one's own word", both, carolSpoke, func(*Parties) {}, "dora", ""},
		{"for one who has spoken", owners, doraSpoke, func(*Parties) {}, "", `does not name carol`},
		{"for nobody who is named", owners, nil, func(p *Parties) { p.Delegators = []Person{delegator(func(d *Person) { d.Groups = nil })} }, "", `does not name carol`},
		{"for one who is suspended", owners, nil, func(p *Parties) { p.Delegators = []Person{delegator(func(d *Person) { d.Status = Suspended })} }, "", `does not name carol`},
		{"for the requester", owners, nil, func(p *Parties) { p.Delegators = []Person{delegator(func(d *Person) { d.Name = "alice" })} }, "", `does not name carol`},
		{"for the requester's owner", owners, nil, func(p *Parties) {
			agentOf(p)
			p.Delegators = []Person{delegator(func(d *Person) { d.Name = "alice" })}
		}, "", `does not name carol`},
		{"for an owner who is to confirm", confirm, nil, func(p *Parties) {
			agentOf(p)
			p.Delegators = []Person{delegator(func(d *Person) { d.Name = "alice" })}
		}, "", `does not name carol`},
		{"the requester, for one who is named", owners, nil, func(p *Parties) { p.Approver = p.Requester }, "", "nobody approves a request of their own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			request := pending(c.stage)
			request.Approvals = c.approvals
			p := parties(func(p *Parties) { p.Delegators = []Person{delegator(func(*Person) {})}; c.change(p) })
			voice, err := request.MayApprove(p)
			if voice.OnBehalfOf != c.behalf || (err == nil) != (c.refusal == "") {
				t.Fatalf("%+v, %v; want on behalf of %q, refusal %q", voice, err, c.behalf, c.refusal)
			}
			if err != nil && (!errors.Is(err, ErrNotApprover) || !strings.HasSuffix(err.Error(), c.refusal)) {
				t.Errorf("got %v, want a refusal: %s", err, c.refusal)
			}
		})
	}
}

func TestEscalationNamesMoreApproversAndNoEarlier(t *testing.T) {
	request := pending(escalating("lead"))
	chief := parties(func(p *Parties) { p.Approver.Groups = []string{"chiefs"} })
	if _, err := request.MayApprove(chief); !errors.Is(err, ErrNotApprover) {
		t.Errorf("before the escalation: %v", err)
	}
	escalated, changed := request.TimeOut(*request.Deadline)
	if !changed || !escalated.Escalated {
		t.Fatalf("timed out to %+v", escalated)
	}
	for name, p := range map[string]Parties{"the escalation's": chief, "the stage's": parties(func(*Parties) {})} {
		if _, err := escalated.MayApprove(p); err != nil {
			t.Errorf("%s approver after the escalation: %v", name, err)
		}
	}
}
