package engine_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/authorization"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/token"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func may(who string, action string, id governance.EntitlementID) authorization.Question {
	return authorization.Question{
		Subject: authorization.Subject{Type: authorization.TypeIdentity, ID: governance.IdentityID(who)},
		Action:  action, Resource: authorization.Resource{Type: authorization.TypeEntitlement, ID: id},
	}
}

func evaluate(t *testing.T, e *engine.Engine, q authorization.Question) bool {
	t.Helper()
	yes, err := e.Authorization.Evaluate(t.Context(), q)
	if err != nil {
		t.Fatalf("%s %s %s: %v", q.Subject.ID, q.Action, q.Resource.ID, err)
	}
	return yes
}

func (h *harness) may(who, action string, id governance.EntitlementID) bool {
	h.t.Helper()
	return evaluate(h.t, h.engine, may(who, action, id))
}

func (h *harness) expect(want bool, who, action string, id governance.EntitlementID, why string) {
	h.t.Helper()
	if got := h.may(who, action, id); got != want {
		h.t.Errorf("may %s %s %s: %t; %s", who, action, id, got, why)
	}
}

// standing redeclares whether an entitlement may be held without an end.
func (h *harness) standing(id governance.EntitlementID, standing governance.Standing) {
	h.t.Helper()
	stored, err := h.engine.Catalog.Get(h.t.Context(), governance.KindEntitlement, string(id))
	if err != nil {
		h.t.Fatal(err)
	}
	entitlement := stored.Object.(governance.Entitlement)
	entitlement.Standing = standing
	h.replace(governance.KindEntitlement, entitlement)
}

func (h *harness) status(who governance.IdentityID, status governance.Status) {
	h.t.Helper()
	for {
		_, err := h.engine.Catalog.Status(h.t.Context(), by, who, status)
		if err == nil {
			return
		}
		if !fault.Is(err, fault.Conflict) { // a grant of theirs was just moving
			h.t.Fatal(err)
		}
	}
}

// another opens a second engine on the harness's database, without workers.
func (h *harness) another() *engine.Engine {
	h.t.Helper()
	e, err := h.openEngine()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := e.Close(); err != nil {
			h.t.Error(err)
		}
	})
	return e
}

func TestUseIsWhatPolicyStandsBehind(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.asStint(`GRANT billing_write TO bob`)
		h.asStint(`GRANT billing_read TO carol`)
		h.sync()
		h.expect(false, "bob", authorization.Use, writer, "it stands and is declared forbidden")
		h.expect(false, "carol", authorization.Use, reader, "it stands and is declared forbidden")

		h.standing(reader, governance.StandingAllowed)
		h.expect(true, "carol", authorization.Use, reader, "it may stand")
		h.expect(true, "bob", authorization.Use, reader, "it may stand, and another right includes it")
		h.expect(false, "bob", authorization.Use, writer, "only what it includes may stand")
		h.expect(false, "alice", authorization.Use, reader, "it is others who hold it")

		grant := h.granted("alice", "", dba)
		for _, id := range []governance.EntitlementID{dba, writer, reader} {
			h.expect(true, "alice", authorization.Use, id, "a grant gives it")
		}
		h.expect(false, "alice", authorization.Use, payer, "no grant gives it")
		h.expect(false, "bob", authorization.Use, dba, "the grant is another's")
		h.expect(false, "deploy-bot", authorization.Use, dba, "the grant is its owner's")

		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), grant, ""); err != nil {
			t.Fatal(err)
		}
		h.expect(false, "alice", authorization.Use, dba, "the grant was given back")
		h.expect(false, "alice", authorization.Use, writer, "the grant that gave it was given back")
	})
}

func TestUseEndsWhenWhatItRestsOnEnds(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.asStint(`GRANT billing_read TO alice`)
		h.sync()
		h.standing(reader, governance.StandingAllowed)
		h.granted("alice", "", dba)
		uses := func(want bool, why string) {
			t.Helper()
			h.expect(want, "alice", authorization.Use, reader, why)
			h.expect(want, "alice", authorization.Use, dba, why)
		}
		uses(true, "nothing has ended")

		h.target.Exec(t, "postgres", `ALTER ROLE alice CONNECTION LIMIT 0`)
		h.sync()
		uses(false, "the account is disabled")
		h.target.Exec(t, "postgres", `ALTER ROLE alice CONNECTION LIMIT -1`)
		h.sync()
		uses(true, "the account is back")

		h.asStint(`REVOKE billing_admin FROM alice`)
		h.sync()
		h.expect(false, "alice", authorization.Use, dba, "it was removed in the target")
		h.expect(true, "alice", authorization.Use, reader, "it was not")

		h.standing(reader, governance.StandingForbidden)
		h.expect(false, "alice", authorization.Use, reader, "it may not stand any more")
		h.standing(reader, governance.StandingAllowed)
		h.expect(true, "alice", authorization.Use, reader, "it may stand again")
		h.status("alice", governance.Suspended)
		uses(false, "the identity is suspended")
	})
}

func TestUseIsOfTheSubjectThatIsAskedAbout(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.standing(reader, governance.StandingAllowed)
		h.asStint(`GRANT billing_read TO alice`)
		h.asStint(`GRANT billing_read TO "deploy-bot"`)
		h.sync()
		for _, c := range []struct {
			subject, who string
			want         bool
		}{
			{"identity", "alice", true}, {"human", "alice", true}, {"agent", "alice", false}, {"user", "alice", false}, {"", "alice", false},
			{"identity", "deploy-bot", true}, {"agent", "deploy-bot", true}, {"human", "deploy-bot", false}, {"workload", "deploy-bot", false},
			{"identity", "nobody", false}, {"identity", "", false},
		} {
			q := may(c.who, authorization.Use, reader)
			q.Subject.Type = c.subject
			if got := evaluate(t, h.engine, q); got != c.want {
				t.Errorf("%s %q may use it: %t", c.subject, c.who, got)
			}
		}
		q := may("alice", authorization.Use, reader)
		q.Resource.Type = "role"
		if evaluate(t, h.engine, q) || h.may("alice", "hold", reader) || h.may("alice", authorization.Use, "billing/role/nothing") {
			t.Error("something unknown is answered with yes")
		}
	})
}

func TestRequestIsAnsweredByEligibility(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(governance.EligibilityPolicy{Name: "short", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{reader}, Condition: `request.duration <= duration("30m")`})
		h.put(governance.GrantTemplate{
			Name: "brief", Entitlements: []governance.EntitlementID{reader}, EligibilityPolicies: []governance.PolicyID{"short"},
			Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(time.Hour)},
			ActivateWithin: governance.Duration(15 * time.Minute), Justification: governance.JustificationRequired,
			Approval: governance.ApprovalDefinition{Automatic: true},
		})
		h.put(governance.EligibilityPolicy{Name: "broken", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{dbaAdm}, Condition: `identity.name == "carol" && request.break_glass`})
		h.breakable(func(t *governance.GrantTemplate) {
			t.Entitlements, t.EligibilityPolicies = []governance.EntitlementID{dbaAdm}, []governance.PolicyID{"broken"}
		})
		span := func(d time.Duration) *governance.Duration { return new(governance.Duration(d)) }
		later, past := h.clock.Now().Add(time.Hour), h.clock.Now().Add(-time.Hour)
		for why, c := range map[string]struct {
			who   string
			id    governance.EntitlementID
			given authorization.Given
			want  bool
		}{
			"a policy opens it":                    {"alice", dba, authorization.Given{}, true},
			"a template without its policy":        {"alice", dba, authorization.Given{Template: "brief"}, false},
			"an unknown template":                  {"alice", dba, authorization.Given{Template: "nothing"}, false},
			"not in the group, but short is":       {"carol", reader, authorization.Given{}, true},
			"not in the group":                     {"carol", dba, authorization.Given{}, false},
			"short enough":                         {"carol", reader, authorization.Given{Duration: span(30 * time.Minute)}, true},
			"too long for the policy":              {"carol", reader, authorization.Given{Duration: span(31 * time.Minute)}, false},
			"too long for the template":            {"alice", dba, authorization.Given{Duration: span(9 * time.Hour)}, false},
			"a justification":                      {"carol", reader, authorization.Given{Justification: "because"}, true},
			"an event that is not open":            {"alice", dba, authorization.Given{BusinessEvent: "INC-1"}, false},
			"whether by break-glass is open":       {"carol", dbaAdm, authorization.Given{}, true},
			"by break-glass":                       {"carol", dbaAdm, authorization.Given{BreakGlass: true}, true},
			"by break-glass, where there is none":  {"alice", dba, authorization.Given{BreakGlass: true}, false},
			"at a later time, where there is none": {"alice", dba, authorization.Given{NotBefore: &later}, false},
			"at a time that is past":               {"alice", dba, authorization.Given{NotBefore: &past}, true},
			"the bootstrap identity":               {"bootstrap", dba, authorization.Given{}, false},
			"an identity that nobody has declared": {"nobody", dba, authorization.Given{}, false},
			"an entitlement that no template has":  {"alice", "billing/role/pg_monitor", authorization.Given{}, false},
		} {
			q := may(c.who, authorization.Request, c.id)
			q.Given = c.given
			if got := evaluate(t, h.engine, q); got != c.want {
				t.Errorf("%s: %t", why, got)
			}
		}
		h.status("alice", governance.Suspended)
		h.expect(false, "alice", authorization.Request, dba, "the identity is suspended")
	})
}

func TestGrantIsOfNoUseFromItsEndOn(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		grant := h.grant(h.granted("alice", "", dba))
		h.until("the mark follows", h.marked)
		h.stop() // nothing revokes it any more
		e := h.another()
		use := may("alice", authorization.Use, dba)
		h.clock.Advance(grant.NotAfter.Sub(h.clock.Now()) - time.Microsecond)
		if !evaluate(t, e, use) {
			t.Error("the grant is of no use before its end")
		}
		h.clock.Advance(time.Microsecond)
		if evaluate(t, e, use) {
			t.Error("the grant is of use at its end")
		}
		if g, err := e.Access.GetGrant(t.Context(), grant.ID); err != nil || g.State != governance.GrantActive {
			t.Errorf("the grant is %s, %v; this is about one that nobody has revoked yet", g.State, err)
		}
	})
}

func TestNothingIsOfUseFromTheIdentitysEndOn(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		end := h.clock.Now().Add(30 * time.Minute)
		change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.ValidUntil = &end })
		h.granted("alice", "", dba)
		h.stop() // nobody writes that she has left
		e := h.another()
		use := may("alice", authorization.Use, dba)
		h.clock.Advance(end.Sub(h.clock.Now()) - time.Microsecond)
		if !evaluate(t, e, use) {
			t.Error("the grant is of no use before her end")
		}
		h.clock.Advance(time.Microsecond)
		if evaluate(t, e, use) || evaluate(t, e, may("alice", authorization.Request, reader)) {
			t.Error("she uses or requests something at her end")
		}
	})
}

func TestClockThatWasSetBackRevivesNoGrant(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		grant := h.grant(h.granted("alice", "", dba))
		h.stop()
		h.clock.Advance(grant.NotAfter.Sub(h.clock.Now()))
		h.rewriteMark(h.clock.Now())
		e := h.another()
		h.clock.Advance(-30 * time.Minute)
		if evaluate(t, e, may("alice", authorization.Use, dba)) {
			t.Error("the grant is of use again")
		}
	})
}

func (h *harness) rewriteMark(at time.Time) {
	h.t.Helper()
	h.rewrite(fmt.Sprintf(`UPDATE state SET clock_mark = %d`, at.UnixMicro()))
}

// A change that another process makes is known when the bound has passed, one
// of this process at once.
func TestChangesOfOtherProcessesAreKnownWithinTheBound(t *testing.T) {
	onReplicas(t, func(t *testing.T, h *harness) {
		h.declare()
		h.standing(reader, governance.StandingAllowed)
		h.asStint(`GRANT billing_read TO alice`)
		h.sync()
		token, secret, err := h.engine.Tokens.Create(t.Context(), by, token.New{Name: "pep", Identity: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		h.until("the mark follows", h.marked)
		h.stop()
		near, far := h.another(), h.another()
		use := may("alice", authorization.Use, reader)
		admitted := func(e *engine.Engine) bool {
			t.Helper()
			_, err := e.Sessions.Authenticate(t.Context(), secret)
			if err != nil && !fault.Is(err, fault.Unauthenticated) {
				t.Fatal(err)
			}
			return err == nil
		}
		for name, e := range map[string]*engine.Engine{"near": near, "far": far} {
			if !evaluate(t, e, use) || !admitted(e) {
				t.Fatalf("%s: alice uses nothing", name)
			}
		}
		if _, err := near.Tokens.Revoke(t.Context(), by, token.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := near.Catalog.Status(t.Context(), by, "alice", governance.Suspended); err != nil {
			t.Fatal(err)
		}
		if evaluate(t, near, use) || admitted(near) {
			t.Error("the process that took it away does not know at once")
		}
		h.clock.Advance(journal.Staleness + time.Microsecond)
		if evaluate(t, far, use) || admitted(far) {
			t.Error("the other process does not know within the bound")
		}
	})
}

func TestAnswersFromMemoryEndWhenChangesCannotBeSeen(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.granted("alice", "", dba)
		h.stop()
		e, err := h.openEngine()
		if err != nil {
			t.Fatal(err)
		}
		use := may("alice", authorization.Use, dba)
		if !evaluate(t, e, use) {
			t.Error("the grant is of no use")
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(journal.Staleness + time.Microsecond)
		if yes, err := e.Authorization.Evaluate(t.Context(), use); err == nil || yes {
			t.Errorf("without its database it answers %t, %v", yes, err)
		}
	})
}

func TestTokenFromMemoryExpiresOnTime(t *testing.T) {
	h := newHarness(t, filepath.Join(t.TempDir(), "stint.db"))
	h.declare()
	end := h.clock.Now().Add(time.Hour)
	_, secret, err := h.engine.Tokens.Create(t.Context(), by, token.New{Name: "pep", Identity: "alice", Roles: []token.Role{token.Auditor}, ExpiresAt: &end})
	if err != nil {
		t.Fatal(err)
	}
	for _, unknown := range []string{"", "stint_", secret + "x", "Bearer"} {
		if _, err := h.engine.Sessions.Authenticate(t.Context(), unknown); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%q: %v", unknown, err)
		}
	}
	h.clock.Advance(end.Sub(h.clock.Now()) - time.Microsecond)
	session, err := h.engine.Sessions.Authenticate(t.Context(), secret)
	if err != nil || session.Actor.Identity != "alice" || !session.Has(token.Auditor) {
		t.Errorf("before its end: %+v, %v", session, err)
	}
	h.clock.Advance(time.Microsecond)
	if _, err := h.engine.Sessions.Authenticate(t.Context(), secret); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("at its end: %v", err)
	}
}

func TestWhatIsTakenAwayIsGoneForAllWhoAskAtTheSameTime(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.standing(reader, governance.StandingAllowed)
		h.asStint(`GRANT billing_read TO alice`)
		h.sync()
		use := may("alice", authorization.Use, reader)
		var asking errgroup.Group
		var enough atomic.Bool
		for range 4 {
			asking.Go(func() error {
				for !enough.Load() {
					if _, err := h.engine.Authorization.Evaluate(t.Context(), use); err != nil {
						return err
					}
				}
				return nil
			})
		}
		for range 20 {
			for _, status := range []governance.Status{governance.Suspended, governance.Active} {
				h.status("alice", status)
				if got := evaluate(t, h.engine, use); got != (status == governance.Active) {
					t.Errorf("%s, and the answer is %t", status, got)
				}
				h.clock.Advance(journal.Staleness / 2)
			}
		}
		enough.Store(true)
		if err := asking.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// Searches against every candidate, while the estate changes at random.
func TestSearchFindsExactlyWhatEvaluationPermits(t *testing.T) {
	onBothStores(t, func(_ *testing.T, h *harness) {
		h.declare()
		h.put(governance.BusinessEvent{Name: "INC-1", Kind: governance.Incident, EndsAt: h.clock.Now().Add(24 * time.Hour)})
		random := rand.New(rand.NewPCG(1, 2))
		for _, given := range []authorization.Given{{}, {Template: "auto", Duration: new(governance.Duration(time.Hour)), Justification: "why"}, {BusinessEvent: "INC-1"}} {
			h.disturb(random)
			h.compareSearches(given)
		}
	})
}

var (
	everyone   = []governance.IdentityID{"alice", "bob", "bootstrap", "carol", "deploy-bot", "nobody"}
	everything = []governance.EntitlementID{dba, dbaAdm, reader, writer, payer, "billing/role/nothing"}
)

// disturb changes rights in the target, policy, grants and identities.
func (h *harness) disturb(random *rand.Rand) {
	h.t.Helper()
	roles := map[string]governance.EntitlementID{"billing_read": reader, "billing_write": writer, "billing_admin": dba, "payments": payer}
	for role, id := range roles {
		h.standing(id, []governance.Standing{governance.StandingAllowed, governance.StandingForbidden}[random.IntN(2)])
		for _, who := range []string{"alice", "bob", "carol", "deploy-bot"} {
			switch random.IntN(6) {
			case 0, 1:
				h.asStint(fmt.Sprintf(`GRANT %s TO %q`, role, who))
			case 2:
				h.asStint(fmt.Sprintf(`REVOKE %s FROM %q`, role, who))
			}
		}
	}
	h.sync()
	who := []string{"alice", "bob", "deploy-bot"}[random.IntN(3)]
	if view := h.request(who, "auto", "", roles[[]string{"billing_read", "billing_write", "billing_admin"}[random.IntN(3)]]); len(view.Grants) == 1 {
		h.until("the grant has begun", func() bool { return h.grant(view.Grants[0]).State != governance.GrantScheduled })
	}
	for _, who := range []governance.IdentityID{"alice", "bob", "carol"} {
		h.status(who, []governance.Status{governance.Active, governance.Active, governance.Suspended}[random.IntN(3)])
	}
	h.clock.Advance(20 * time.Minute)
}

func (h *harness) compareSearches(given authorization.Given) {
	h.t.Helper()
	ctx, z := h.t.Context(), h.engine.Authorization
	permits := func(q authorization.Question) bool { return evaluate(h.t, h.engine, q) }
	for _, action := range []string{authorization.Use, authorization.Request, "hold"} {
		for _, kind := range []string{"identity", "human", "user"} {
			for _, id := range everything {
				q := authorization.Question{Subject: authorization.Subject{Type: kind}, Action: action, Resource: authorization.Resource{Type: authorization.TypeEntitlement, ID: id}, Given: given}
				search := func() ([]governance.IdentityID, error) { return z.Subjects(ctx, q) }
				same(h.t, q, search, everyone, func(id governance.IdentityID) bool { asked := q; asked.Subject.ID = id; return permits(asked) })
			}
			for _, id := range everyone {
				q := authorization.Question{Subject: authorization.Subject{Type: kind, ID: id}, Action: action, Resource: authorization.Resource{Type: authorization.TypeEntitlement}, Given: given}
				search := func() ([]governance.EntitlementID, error) { return z.Resources(ctx, q) }
				same(h.t, q, search, everything, func(id governance.EntitlementID) bool { asked := q; asked.Resource.ID = id; return permits(asked) })
			}
		}
	}
	for _, who := range everyone {
		for _, id := range everything {
			q := may(string(who), "", id)
			q.Given = given
			search := func() ([]string, error) { return z.Actions(ctx, q) }
			same(h.t, q, search, []string{"hold", "request", "use"}, func(action string) bool { asked := q; asked.Action = action; return permits(asked) })
		}
	}
}

// same compares a search with the evaluation of each candidate. The engine goes on
// to begin and end grants meanwhile, so a difference counts when it stays.
func same[T cmp.Ordered](t *testing.T, q authorization.Question, search func() ([]T, error), candidates []T, permitted func(T) bool) {
	t.Helper()
	var found, want []T
	for range 10 {
		var err error
		if found, err = search(); err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		want = nil
		for _, candidate := range candidates {
			if permitted(candidate) {
				want = append(want, candidate)
			}
		}
		if slices.Sort(want); slices.Equal(found, want) {
			return
		}
	}
	t.Errorf("%+v found %v, evaluation permits %v", q, found, want)
}
