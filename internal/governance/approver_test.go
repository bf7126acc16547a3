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
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.stage.MayApprove(parties(c.change))
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
