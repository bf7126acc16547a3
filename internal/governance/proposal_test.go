package governance

import (
	"strings"
	"testing"
	"time"
)

func hand(name string, change ...func(*Hand)) Hand {
	h := Hand{Person: Person{Identity: Identity{Name: name, Type: Human}, Status: Active}}
	for _, c := range change {
		c(&h)
	}
	return h
}

func madeBy(makers ...IdentityID) func(*Hand) { return func(h *Hand) { h.Makers = makers } }

func TestTwoPeopleWhoGainNothingSpeak(t *testing.T) {
	proposal, problems := Propose(ProposalAbandon, "op-1", "ann", Makers{"may", "zoe"}, "the server was scrapped", noon)
	if problems != nil {
		t.Fatal(problems)
	}
	gain := []IdentityID{"gil"}
	for name, c := range map[string]struct {
		first, second Hand
		refused       string
	}{
		"two people":                             {hand("ann"), hand("ben"), ""},
		"one twice":                              {hand("ann"), hand("ann"), "ann has proposed it"},
		"the bootstrap identity":                 {hand("ann"), hand("boot", func(h *Hand) { h.Bootstrap = true }), "bootstrap identity is no person"},
		"an agent":                               {hand("ann"), hand("bot", func(h *Hand) { h.Type, h.Owner = Agent, "ben" }), "this takes two people"},
		"one who was suspended":                  {hand("ann"), hand("ben", func(h *Hand) { h.Status = Suspended }), "ben is suspended"},
		"one who gains":                          {hand("ann"), hand("gil"), "who gains does not decide"},
		"one who stands in":                      {hand("ann"), hand("ben", func(h *Hand) { h.Delegators = []IdentityID{"ann"} }), "one person would speak twice"},
		"one who stands in for no party":         {hand("ann"), hand("ben", func(h *Hand) { h.Delegators = []IdentityID{"zoe"} }), ""},
		"one with a token that the first made":   {hand("ann"), hand("ben", madeBy("boot", "ann")), "ann made the token that ben speaks with"},
		"one who made the first's token":         {hand("ann"), hand("zoe"), "zoe made the token that ann speaks with"},
		"one with a token of one who gains":      {hand("ann"), hand("ben", madeBy("gil")), "gil made the token that ben speaks with"},
		"one with a token that a third made":     {hand("ann"), hand("ben", madeBy("boot", "may")), ""},
		"one who is past the end and not marked": {hand("ann"), hand("ben", func(h *Hand) { h.ValidUntil = &noon }), "ben is left"},
		"a first who left since":                 {hand("ann", func(h *Hand) { h.Status = Left }), hand("ben"), "does not count any more: ann is left"},
	} {
		err := proposal.MaySecond(c.first, c.second, gain, noon)
		if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if hand("gil").MaySpeak(gain, noon) == nil || hand("ann").MaySpeak(gain, noon) != nil {
		t.Error("the first is not judged by what they gain")
	}
}

func TestProposalNeedsAReasonAndLapses(t *testing.T) {
	for _, reason := range []string{"", " \n", strings.Repeat("x", MaxText+1)} {
		if _, problems := Propose(ProposalRetire, "billing", "ann", nil, reason, noon); len(problems) != 1 || problems[0].Field != "reason" {
			t.Errorf("reason %.10q: %v", reason, problems)
		}
	}
	proposal, _ := Propose(ProposalRetire, "billing", "ann", nil, "it is gone", noon)
	if !proposal.LapsesAt.Equal(noon.Add(24 * time.Hour)) {
		t.Errorf("it lapses at %s", proposal.LapsesAt)
	}
}

func TestAbandonedGrantIsOverWithoutAnObservation(t *testing.T) {
	before := true
	for name, c := range map[string]struct {
		g       Grant
		state   GrantState
		outcome Outcome
		given   bool // given up: the right may still stand
	}{
		"never called for":  {given("admin", scheduled), GrantCancelled, "", false},
		"being given":       {given("admin", provisioning), GrantEnded, OutcomeAbandoned, true},
		"active":            {given("admin"), GrantEnded, OutcomeAbandoned, true},
		"being taken back":  {given("admin", revokingSince(noon.Add(-time.Hour))), GrantEnded, OutcomeAbandoned, true},
		"stood before":      {given("admin", func(g *Grant) { g.Preexisting = &before }), GrantEnded, OutcomePreexisting, false},
		"over and unproven": {given("admin", func(g *Grant) { g.State, g.Outcome = GrantEnded, OutcomeRemoved }), GrantEnded, OutcomeRemoved, true},
	} {
		got, err := c.g.Abandon(EndApplicationRemoved, noon)
		if err != nil || got.State != c.state || got.Outcome != c.outcome || (got.AbandonedAt != nil) != c.given || got.State.Live() {
			t.Errorf("%s: %s %q, given up %v, %v", name, got.State, got.Outcome, got.AbandonedAt, err)
		}
	}
}
