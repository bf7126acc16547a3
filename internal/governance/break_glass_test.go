package governance

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func goodBreakGlass() *BreakGlass {
	return &BreakGlass{Limit: 2, Per: span(30 * 24 * time.Hour), Reviewers: Approvers{Groups: []string{"security"}}, ReviewWithin: span(24 * time.Hour)}
}

func TestBreakGlassIsCheckedWhereItIsDeclared(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*BreakGlass)
		problem string // empty when there is none
	}{
		{"as it should be", func(*BreakGlass) {}, ""},
		{"never", func(b *BreakGlass) { b.Limit = 0 }, "break_glass.limit: 0 is not between 1 and 1000"},
		{"too often", func(b *BreakGlass) { b.Limit = 1001 }, "break_glass.limit: 1001 is not between 1 and 1000"},
		{"within no time", func(b *BreakGlass) { b.Per = 0 }, "break_glass.per: must be longer than 0s"},
		{"within years", func(b *BreakGlass) { b.Per = span(367 * 24 * time.Hour) }, "break_glass.per: 367d is longer than the 366d that is possible"},
		{"reviewed by nobody", func(b *BreakGlass) { b.Reviewers = Approvers{} }, "break_glass.reviewers: name at least one identity, group or relation"},
		{"reviewed by the owner", func(b *BreakGlass) { b.Reviewers.Relations = []Relation{Manager, Owner} }, `break_glass.reviewers.relations: a requester and its owner are one actor, so relation "owner" cannot review`},
		{"reviewed by a relation that is none", func(b *BreakGlass) { b.Reviewers.Relations = []Relation{"friend"} }, "break_glass.reviewers.relations[0]"},
		{"reviewed by a condition that is none", func(b *BreakGlass) { b.Reviewers.Condition = "approver.shoe_size == 43" }, "break_glass.reviewers.condition"},
		{"reviewed at once", func(b *BreakGlass) { b.ReviewWithin = 0 }, "break_glass.review_within: must be longer than 0s"},
		{"reviewed next year", func(b *BreakGlass) { b.ReviewWithin = span(91 * 24 * time.Hour) }, "break_glass.review_within: 91d is longer than the 90d that is possible"},
	} {
		t.Run(c.name, func(t *testing.T) {
			template := goodTemplate()
			template.BreakGlass = goodBreakGlass()
			c.change(template.BreakGlass)
			problems := template.Check()
			if c.problem == "" {
				if len(problems) > 0 {
					t.Errorf("refused: %v", problems)
				}
				return
			}
			if len(problems) != 1 || !strings.HasPrefix(problems.Error(), c.problem) {
				t.Errorf("problems are %v, want %s", problems, c.problem)
			}
		})
	}
}

func TestAConditionOnReviewersReadsDeclaredAttributesOnly(t *testing.T) {
	template := goodTemplate()
	template.BreakGlass = goodBreakGlass()
	template.BreakGlass.Reviewers.Condition = `approver.attributes.desk == "security"`
	if problems := NewAttributes(nil).Check(template); len(problems) != 1 || problems[0].Field != "break_glass.reviewers.condition" {
		t.Errorf("problems are %v", problems)
	}
	if used := AttributesUsed(template); !slices.Equal(used, []AttributeID{"identity/desk"}) {
		t.Errorf("attributes used are %v", used)
	}
}

// owing is a request by break-glass whose review is open until noon tomorrow.
func owing(reviewers Approvers, p Parties) Request {
	b := goodBreakGlass()
	b.Reviewers = reviewers
	r := Request{ID: "r-1", Identity: p.Requester.ID(), State: RequestGranted, BreakGlass: true, CreatedAt: noon}
	return r.OweReview(*b, p.Requester, p.RequesterOwner)
}

func TestWhoMayReview(t *testing.T) {
	named := Approvers{Identities: []IdentityID{"carol", "alice", "bot"}, Relations: []Relation{Manager}}
	person := func(name string) Person {
		return Person{Identity: Identity{Name: name, Type: Human}, Status: Active}
	}
	carolStandsInFor := func(names ...string) func(*Parties) {
		return func(p *Parties) {
			p.Approver = person("dora")
			for _, name := range names {
				p.Delegators = append(p.Delegators, person(name))
			}
		}
	}
	all := func(changes ...func(*Parties)) func(*Parties) {
		return func(p *Parties) {
			for _, change := range changes {
				change(p)
			}
		}
	}
	for _, c := range []struct {
		name       string
		change     func(*Parties)
		onBehalfOf IdentityID
		refusal    string // empty when the approver may
	}{
		{"who is named", func(*Parties) {}, "", ""},
		{"the requester's manager", func(p *Parties) { p.Approver = person("mike") }, "", ""},
		{"the owner's manager", all(agentOf, func(p *Parties) { p.Approver = person("mike") }), "", ""},
		{"who is not named", func(p *Parties) { p.Approver = person("dora") }, "", "the review of request r-1 takes carol or alice or bot or the requester's manager, and dora is not among them"},
		{"the requester", func(p *Parties) { p.Approver = p.Requester }, "", "nobody approves a request of their own"},
		{"the owner of the agent", all(agentOf, func(p *Parties) { p.Approver = person("alice") }), "", "alice owned the requester bot when it was made, which makes the request theirs"},
		{"an agent", func(p *Parties) { p.Approver.Type = Agent }, "", "carol is of type agent; only people approve"},
		{"who is suspended", func(p *Parties) { p.Approver.Status = Suspended }, "", "carol is suspended"},
		{"the bootstrap identity", func(p *Parties) { p.Bootstrap = true }, "", "the bootstrap identity can neither request nor review"},
		{"who stands in for somebody named", carolStandsInFor("carol"), "carol", ""},
		{"who stands in for the requester", carolStandsInFor("alice"), "", "dora is not among them"},
		{"who stands in for the owner of the agent", all(agentOf, carolStandsInFor("alice")), "", "dora is not among them"},
		{"who stands in for the requester and for somebody named", carolStandsInFor("alice", "carol"), "carol", ""},
		{"the requester, standing in for somebody named", func(p *Parties) { p.Approver, p.Delegators = p.Requester, []Person{person("carol")} }, "", "nobody approves a request of their own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := parties(c.change)
			voice, err := owing(named, p).MayReview(p)
			if c.refusal == "" {
				if err != nil || voice.Approver != p.Approver.ID() || voice.OnBehalfOf != c.onBehalfOf {
					t.Errorf("speaks as %+v, %v", voice, err)
				}
				return
			}
			if !errors.Is(err, ErrNotApprover) || !strings.HasSuffix(err.Error(), c.refusal) {
				t.Errorf("got %v, want a refusal: %s", err, c.refusal)
			}
		})
	}
}

func TestReviewersAreThoseOfTheRequestWhenTheRequesterIsGone(t *testing.T) {
	named := Approvers{Identities: []IdentityID{"carol", "alice"}, Relations: []Relation{Manager}}
	for _, agent := range []bool{false, true} {
		then := parties(func(p *Parties) {
			if agent {
				agentOf(p)
			}
		})
		r := owing(named, then)
		for who, may := range map[string]bool{"carol": true, "mike": true, "alice": false, "bot": false} {
			p := Parties{Approver: Person{Identity: Identity{Name: who, Type: Human}, Status: Active}}
			p.Requester, p.RequesterOwner = r.RequesterThen()
			if p.Requester.ID() != r.Identity {
				t.Fatalf("the requester was %s, not %s", r.Identity, p.Requester.ID())
			}
			if _, err := r.MayReview(p); (err == nil) != may {
				t.Errorf("requester %s is gone: %s may review: %v", r.Identity, who, err)
			}
		}
	}
}

func TestAnOwnerAtTheRequestNeverReviewsUnderAnotherOwnerNow(t *testing.T) {
	then := parties(agentOf)
	r := owing(Approvers{Identities: []IdentityID{"alice", "dora"}}, then)
	now := then
	now.Requester.Owner = "zoe"
	now.Approver = Person{Identity: Identity{Name: "alice", Type: Human}, Status: Active}
	if _, err := r.MayReview(now); !errors.Is(err, ErrNotApprover) {
		t.Errorf("alice, who owned the agent: %v", err)
	}
	now.Approver.Name, now.Delegators = "eve", []Person{now.Approver}
	if voice, err := r.MayReview(now); !errors.Is(err, ErrNotApprover) {
		t.Errorf("eve in the place of alice: %+v, %v", voice, err)
	}
}

func TestTheFirstVerdictCounts(t *testing.T) {
	r := owing(Approvers{Identities: []IdentityID{"carol"}}, parties(func(*Parties) {}))
	judged, err := r.Judge(ReviewUnjustified, Voice{Approver: "dora", OnBehalfOf: "carol"}, "nothing burned", noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if v := judged.Review; v.State != ReviewUnjustified || v.Reviewer != "dora" || v.OnBehalfOf != "carol" || v.Comment != "nothing burned" || !v.ReviewedAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("judged: %+v", v)
	}
	if r.Review.State != ReviewOpen {
		t.Error("the request that was judged has changed itself")
	}
	var refused *TransitionError
	if _, err := judged.Judge(ReviewJustified, Voice{Approver: "carol"}, "it did", noon.Add(2*time.Hour)); !errors.As(err, &refused) || refused.State != string(ReviewUnjustified) {
		t.Errorf("a second verdict: %v", err)
	}
	if _, err := (Request{ID: "r-2", State: RequestGranted}).Judge(ReviewJustified, Voice{Approver: "carol"}, "fine", noon); !errors.As(err, &refused) {
		t.Errorf("a verdict on a request that owes none: %v", err)
	}
}

func TestAReviewFallsOverdueOnce(t *testing.T) {
	r := owing(Approvers{Identities: []IdentityID{"carol"}}, parties(func(*Parties) {}))
	due := noon.Add(24 * time.Hour)
	if at := r.DueAt(); at == nil || !at.Equal(due) {
		t.Errorf("it is due at %v", at)
	}
	if _, fell := r.FallOverdue(due.Add(-1)); fell {
		t.Error("it is overdue before its time")
	}
	overdue, fell := r.FallOverdue(due)
	if !fell || overdue.Review.State != ReviewOverdue || overdue.DueAt() != nil {
		t.Fatalf("when its time is over it is %+v", overdue.Review)
	}
	if _, again := overdue.FallOverdue(due.Add(time.Hour)); again {
		t.Error("it falls overdue twice")
	}
	late, err := overdue.Judge(ReviewJustified, Voice{Approver: "carol"}, "it burned", due.Add(time.Hour))
	if err != nil || late.Review.overdue(due.Add(time.Hour)) {
		t.Errorf("judged late: %+v, %v", late.Review, err)
	}
	if _, fell := late.FallOverdue(due.Add(2 * time.Hour)); fell {
		t.Error("it falls overdue with a verdict")
	}
}

func TestAVerdictSaysWhy(t *testing.T) {
	for _, c := range []struct {
		verdict ReviewState
		comment string
		fields  []string
	}{
		{ReviewJustified, "it burned", nil},
		{ReviewUnjustified, "it did not", nil},
		{ReviewJustified, " \n", []string{"comment"}},
		{ReviewOverdue, "late", []string{"verdict"}},
		{"fine", strings.Repeat("x", MaxText+1), []string{"verdict", "comment"}},
	} {
		var fields []string
		for _, problem := range CheckVerdict(c.verdict, c.comment) {
			fields = append(fields, problem.Field)
		}
		if !slices.Equal(fields, c.fields) {
			t.Errorf("%s %.10q: problems with %v, want %v", c.verdict, c.comment, fields, c.fields)
		}
	}
}

// However uses follow each other: no span as long as the limit's has more of them
// than the limit, a use is refused only when it would be one too many, and the
// moment that a refusal names is the first at which it is not.
func TestNoSpanHasMoreBreakGlassThanItsLimit(t *testing.T) {
	w := readWorld(t)
	set := w.policySet(t)
	terms := set.Templates["emergency"].BreakGlass
	ask := func(at time.Time, earlier []Request) Decision {
		return set.Decide(Question{
			Now: at, Identity: *w.person("alice"), Template: "emergency", Entitlements: []EntitlementID{"billing/role/ledger"},
			Accounts: w.Accounts["alice"], Justification: "fire", BreakGlass: true, Broken: earlier,
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		var given []Request
		now := noon
		within := func(at time.Time) int {
			n := 0
			for _, r := range given {
				if at.Sub(r.CreatedAt) < terms.Per.Std() {
					n++
				}
			}
			return n
		}
		for range rapid.IntRange(1, 12).Draw(t, "asks") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20*24).Draw(t, "hours")) * time.Hour)
			allowed := ask(now, shuffled(t, "earlier", given)).Effect == Allow
			if allowed != (within(now) < terms.Limit) {
				t.Fatalf("after %d of %d within %s it is allowed: %v", within(now), terms.Limit, terms.Per, allowed)
			}
			if allowed {
				given = append(given, Request{Template: "emergency", CreatedAt: now, Review: &Review{State: ReviewJustified}})
				continue
			}
			again, _ := terms.usedUp("emergency", given, now)
			if ask(again, given).Effect != Allow || ask(again.Add(-1), given).Effect == Allow {
				t.Fatalf("refused at %s until %s, which is not the first moment at which it is possible again", now, again)
			}
		}
	})
}

// A live grant that break-glass gave is judged as break-glass: nobody has to have
// approved it, its limit is not measured again, and a template that has none any
// more does not keep it.
func TestAGrantByBreakGlassIsJudgedAgainAsSuch(t *testing.T) {
	w := readWorld(t)
	set := w.policySet(t)
	q := Question{
		Now: noon, Identity: *w.person("alice"), Template: "emergency", Entitlements: []EntitlementID{"billing/role/ledger"},
		Accounts: w.Accounts["alice"], Justification: "fire", BreakGlass: true, Admitted: true,
		Broken: []Request{{Template: "emergency", CreatedAt: noon}, {Template: "emergency", CreatedAt: noon, Review: &Review{State: ReviewOpen, DueAt: noon}}},
		Held:   []Holding{{Identity: "alice", Account: "billing/alice", Entitlement: "billing/role/close"}},
	}
	if denial := set.Redecide(q, false); denial != nil {
		t.Errorf("denied: %+v", denial)
	}
	if why := set.Withheld(q, false); why != "" {
		t.Errorf("withheld: %s", why)
	}
	plain := q
	plain.BreakGlass = false
	if denial := set.Redecide(plain, false); denial == nil {
		t.Error("without break-glass it goes on")
	}
	for i := range w.Templates {
		w.Templates[i].BreakGlass = nil
	}
	set = w.policySet(t)
	if denial := set.Redecide(q, false); denial == nil || denial.AtOnce || denial.Reasons[0].Code != ReasonBreakGlassNotAllowed {
		t.Errorf("the template has no break-glass any more: %+v", denial)
	}
}
