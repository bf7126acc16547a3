package governance

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMakersOfATokenAreAllWhoHadItsSecret(t *testing.T) {
	alice := Identity{Name: "alice", Type: Human}
	bot := Identity{Name: "bot", Type: ServiceAccount, Owner: "alice"}
	for name, c := range map[string]struct {
		by   Identity
		own  Makers
		want Makers
	}{
		"a person with a token of the engine":  {alice, nil, Makers{"alice"}},
		"a person with a token of their own":   {alice, Makers{"alice"}, Makers{"alice"}},
		"a person with a token of another":     {alice, Makers{"bob", "carol"}, Makers{"alice", "bob", "carol"}},
		"a service account, with who owns it":  {bot, Makers{"carol"}, Makers{"bot", "alice", "carol"}},
		"one that nobody answers for but it":   {Identity{Name: "boot", Type: ServiceAccount}, nil, Makers{"boot"}},
		"a token of a token that was its own":  {alice, Makers{"bob", "alice"}, Makers{"alice", "bob"}},
		"a token of another's service account": {alice, Makers{"bot", "bob"}, Makers{"alice", "bot", "bob"}},
	} {
		if got := MakersBy(c.by, c.own); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// Whoever made the token that another speaks with could be that other, on either
// side of a request.
func TestWhoMadeTheOthersTokenIsNoSecondPerson(t *testing.T) {
	leads := ApprovalStage{Name: "lead", Quorum: 2, Approvers: Approvers{Groups: []string{"leads"}}, Timeout: Duration(time.Hour)}
	for _, c := range []struct {
		name      string
		requested Makers
		change    func(*Parties)
		refusal   string
	}{
		{"tokens that the engine made", nil, func(*Parties) {}, ""},
		{"tokens that a third person made", Makers{"boot"}, func(p *Parties) { p.Makers = Makers{"boot"} }, ""},
		{"a token that the approver made for themselves", nil, func(p *Parties) { p.Makers = Makers{"carol"} }, ""},
		{"a token that the requester made", nil, func(p *Parties) { p.Makers = Makers{"bob", "alice"} }, "alice made the token that carol speaks with"},
		{"a token that the requester's owner made", nil, func(p *Parties) { agentOf(p); p.Makers = Makers{"alice"} }, "alice made the token that carol speaks with"},
		{"a request with a token that the approver made", Makers{"carol"}, func(*Parties) {}, "carol made the token that alice speaks with"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := parties(c.change)
			r := pending(leads)
			r.Identity, r.Makers = p.Requester.ID(), c.requested
			voice, err := r.MayApprove(p)
			if c.refusal == "" {
				if err != nil || !slices.Equal(voice.Makers, p.Makers) {
					t.Errorf("speaks as %+v, %v", voice, err)
				}
				return
			}
			if !errors.Is(err, ErrNotApprover) || !strings.Contains(err.Error(), c.refusal) {
				t.Errorf("got %v, want a refusal: %s", err, c.refusal)
			}
			review := Request{ID: "r-1", Identity: r.Identity, Makers: r.Makers, Review: &Review{State: ReviewOpen, Reviewers: leads.Approvers}}
			if _, err := review.MayReview(p); !errors.Is(err, ErrNotApprover) || !strings.Contains(err.Error(), c.refusal) {
				t.Errorf("reviews: got %v, want a refusal: %s", err, c.refusal)
			}
		})
	}
}

func TestOneHandCountsOnceInAStageAndInThoseThatAreToBeDistinct(t *testing.T) {
	lead, owner := stage("lead", 2), stage("owner", 1)
	later := owner
	later.DistinctFrom = []string{"lead"}
	spoken := func(v Voice, stages ...ApprovalStage) Request {
		t.Helper()
		r, _, err := pending(stages...).Approve(v, "", noon)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	one := stage("lead", 1)
	for name, c := range map[string]struct {
		r       Request
		by      Voice
		refused bool
	}{
		"a token that the first made":            {spoken(Voice{Approver: "ann"}, lead), Voice{Approver: "ben", Makers: Makers{"ann"}}, true},
		"the maker of the first's token":         {spoken(Voice{Approver: "ben", Makers: Makers{"boot", "ann"}}, lead), Voice{Approver: "ann"}, true},
		"the maker, in another's place":          {spoken(Voice{Approver: "ben", Makers: Makers{"ann"}}, lead), Voice{Approver: "cid", OnBehalfOf: "ann"}, true},
		"a token that a third made":              {spoken(Voice{Approver: "ann", Makers: Makers{"boot"}}, lead), Voice{Approver: "ben", Makers: Makers{"boot"}}, false},
		"a later stage that is to be distinct":   {spoken(Voice{Approver: "ann"}, one, later), Voice{Approver: "ben", Makers: Makers{"ann"}}, true},
		"a later stage that need not be another": {spoken(Voice{Approver: "ann"}, one, owner), Voice{Approver: "ben", Makers: Makers{"ann"}}, false},
	} {
		_, _, err := c.r.Approve(c.by, "", noon)
		var refused *TransitionError
		if errors.As(err, &refused) != c.refused || c.refused && !strings.Contains(err.Error(), "ann made the token that ben speaks with") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhoIsPastTheirEndApprovesNothing(t *testing.T) {
	leads := ApprovalStage{Name: "lead", Quorum: 1, Approvers: Approvers{Groups: []string{"leads"}}}
	p := parties(func(p *Parties) { p.Approver.ValidUntil, p.Now = &noon, noon })
	if _, err := pending(leads).MayApprove(p); !errors.Is(err, ErrNotApprover) || !strings.HasSuffix(err.Error(), "carol is left") {
		t.Errorf("at the end: %v", err)
	}
	p.Now = noon.Add(-time.Nanosecond)
	if _, err := pending(leads).MayApprove(p); err != nil {
		t.Errorf("just before: %v", err)
	}
}
