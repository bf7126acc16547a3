package engine_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// apart declares that who writes does not pay.
func (h *harness) apart(mode governance.SoDMode, includeOwned bool) {
	h.t.Helper()
	h.put(governance.SoDRule{Name: "apart", Mode: mode, Limit: 1, IncludeOwned: includeOwned, Duties: map[string]governance.Duty{
		"write": {Entitlements: []governance.EntitlementID{writer}}, "pay": {Entitlements: []governance.EntitlementID{payer}},
	}})
}

// deniedBy checks that a request was denied because of one rule alone.
func deniedBy(t *testing.T, view access.RequestView, rule governance.RuleID) {
	t.Helper()
	denials := view.Decision.Denials()
	if view.State != governance.RequestDenied || len(denials) != 1 || denials[0].Rule != rule {
		t.Errorf("the request is %s, want it denied by rule %s alone: %+v", view.State, rule, denials)
	}
}

// A role that is asked for brings what it includes, and so does one that is held
// by a grant that was not observed yet.
func TestNestedRolesCountOnBothSidesOfARequest(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(governance.SoDRule{Name: "apart", Mode: governance.SoDDeny, Limit: 1, IncludeOwned: true, Duties: map[string]governance.Duty{
			"read": {Entitlements: []governance.EntitlementID{reader}}, "pay": {Entitlements: []governance.EntitlementID{payer}},
		}})
		h.target.Stop(t)
		paying := h.request("alice", "auto", "", payer)
		denied := h.request("deploy-bot", "auto", "", dba) // billing_admin > billing_write > billing_read
		deniedBy(t, denied, "apart")
		if touches := denied.Decision.Denials()[0].Violation.Touches; len(touches) != 2 || !slices.Equal(touches[1].Path, []governance.EntitlementID{dba, writer, reader}) {
			t.Errorf("touches %+v", touches)
		}
		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), paying.Grants[0], ""); err != nil {
			t.Fatal(err)
		}
		if view := h.request("deploy-bot", "auto", "", dba); view.State != governance.RequestGranted {
			t.Fatalf("the request is %s: %+v", view.State, view.Decision.Denials())
		}
		deniedBy(t, h.request("alice", "auto", "", payer), "apart")
	})
}

// What includes what is kept in memory, and another process may find it otherwise.
func TestADecisionKnowsWhatWasLastFoundToBeNested(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(governance.SoDRule{Name: "apart", Mode: governance.SoDDeny, Limit: 1, IncludeOwned: true, Duties: map[string]governance.Duty{
			"read": {Entitlements: []governance.EntitlementID{reader}}, "pay": {Entitlements: []governance.EntitlementID{payer}},
		}})
		other := h.secondEngine()
		asks := func() access.RequestView {
			view, err := other.Access.Request(t.Context(), actor("deploy-bot"), askAuto("deploy-bot", writer))
			if err != nil {
				t.Fatal(err)
			}
			return view
		}
		h.granted("alice", "", payer)
		deniedBy(t, asks(), "apart")
		h.target.Exec(t, "postgres", `REVOKE billing_read FROM billing_write`)
		h.sync()
		asked := asks()
		if asked.State != governance.RequestGranted {
			t.Fatalf("a role counts for what it includes no more: %+v", asked.Decision.Denials())
		}
		if _, err := h.engine.Access.Revoke(t.Context(), by, asked.Grants[0], ""); err != nil {
			t.Fatal(err)
		}
		h.target.Exec(t, "postgres", `GRANT billing_read TO billing_write`)
		h.sync()
		deniedBy(t, asks(), "apart")
	})
}

func TestAScheduledGrantCountsForSeparation(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.apart(governance.SoDDeny, true)
		h.target.Stop(t) // nothing is ever given
		scheduled := h.request("alice", "auto", "", writer)
		if g := h.grant(scheduled.Grants[0]); g.State != governance.GrantScheduled {
			t.Fatalf("the grant is %s", g.State)
		}
		deniedBy(t, h.request("alice", "auto", "", payer), "apart")
		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), scheduled.Grants[0], ""); err != nil {
			t.Fatal(err)
		}
		h.untilState(scheduled.Grants[0], governance.GrantCancelled)
		if view := h.request("alice", "auto", "", payer); view.State != governance.RequestGranted {
			t.Errorf("a cancelled grant counts: %+v", view.Decision.Denials())
		}
	})
}

func TestAGrantCountsForSeparationUntilItIsReadBackAsGone(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.apart(governance.SoDDeny, true)
		id := h.granted("alice", "", writer)
		h.target.Stop(t) // nothing can be taken back
		if _, err := h.engine.Access.Revoke(t.Context(), by, id, ""); err != nil {
			t.Fatal(err)
		}
		h.untilState(id, governance.GrantRevoking)
		deniedBy(t, h.request("alice", "auto", "", payer), "apart")
		h.target.Restart(t)
		h.untilState(id, governance.GrantEnded)
		if view := h.request("alice", "auto", "", payer); view.State != governance.RequestGranted {
			t.Errorf("a grant that ended counts: %+v", view.Decision.Denials())
		}
	})
}

func TestOwnedAgentsAreAnotherActorWhenTheRuleSaysSo(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.apart(governance.SoDDeny, false)
		h.target.Stop(t)
		h.request("deploy-bot", "auto", "", writer)
		if view := h.request("alice", "auto", "", payer); view.State != governance.RequestGranted {
			t.Fatalf("what her agent has counts: %+v", view.Decision.Denials())
		}
		deniedBy(t, h.request("deploy-bot", "auto", "", payer), "apart")
		deniedBy(t, h.request("alice", "auto", "", writer), "apart")
	})
}

func TestTheModeSaysWhatAConflictDoes(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.apart(governance.SoDDeny, true)
		h.target.Stop(t)
		h.request("alice", "auto", "", writer)
		for _, c := range []struct {
			mode           governance.SoDMode
			auto, approved governance.RequestState
			code           governance.ReasonCode
		}{
			{governance.SoDDeny, governance.RequestDenied, governance.RequestDenied, governance.ReasonSoDDenies},
			{governance.SoDApprove, governance.RequestDenied, governance.RequestPending, governance.ReasonSoDNeedsApproval},
			{governance.SoDRecord, governance.RequestGranted, governance.RequestPending, governance.ReasonSoDRecorded},
		} {
			stored, err := h.engine.Catalog.Get(t.Context(), governance.KindRule, "apart")
			if err != nil {
				t.Fatal(err)
			}
			rule := stored.Object.(governance.SoDRule)
			rule.Mode = c.mode
			h.replace(governance.KindRule, rule)
			for template, state := range map[governance.TemplateID]governance.RequestState{"auto": c.auto, "approved": c.approved} {
				view := h.request("alice", template, "", payer)
				said := slices.ContainsFunc(view.Decision.Reasons, func(r governance.Reason) bool { return r.Code == c.code && r.Rule == "apart" })
				if view.State != state || !said {
					t.Errorf("mode %s: through %s the request is %s, want %s and %s: %+v", c.mode, template, view.State, state, c.code, view.Decision.Reasons)
				}
			}
		}
	})
}

// race lets both sides go at the same moment, many times over, and counts what
// each round granted; the grants are given back before the next.
func (h *harness) race(rounds int, sides ...func() (access.RequestView, error)) {
	h.t.Helper()
	for round := range rounds {
		views := make([]access.RequestView, len(sides))
		begin := make(chan struct{})
		var running sync.WaitGroup
		for i, side := range sides {
			running.Go(func() {
				<-begin
				var err error
				if views[i], err = side(); err != nil {
					h.t.Errorf("round %d: %v", round, err)
				}
			})
		}
		close(begin)
		running.Wait()
		granted := slices.Concat(views[0].Grants, views[1].Grants)
		if len(granted) != 1 {
			h.t.Fatalf("round %d: %d of two conflicting requests were granted, want 1 (%s and %s)", round, len(granted), views[0].State, views[1].State)
		}
		if _, err := h.engine.Access.Revoke(h.t.Context(), by, granted[0], ""); err != nil {
			h.t.Fatal(err)
		}
		h.untilState(granted[0], governance.GrantCancelled)
	}
}

// secondEngine opens another engine on the same database, as a replica does. On
// SQLite, which has none, it is the first.
func (h *harness) secondEngine() *engine.Engine {
	h.t.Helper()
	if !store.IsPostgres(h.config.Database) {
		return h.engine
	}
	other, err := h.openEngine()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := other.Close(); err != nil {
			h.t.Error(err)
		}
	})
	return other
}

// twin declares a template like another, so that two requests have nothing in
// common but their actor: a request holds its template, too.
func (h *harness) twin(of governance.TemplateID) governance.TemplateID {
	h.t.Helper()
	stored, err := h.engine.Catalog.Get(h.t.Context(), governance.KindTemplate, string(of))
	if err != nil {
		h.t.Fatal(err)
	}
	template := stored.Object.(governance.GrantTemplate)
	template.Name += "-twin"
	h.put(template)
	return template.ID()
}

func TestSimultaneousRequestsAtTwoEnginesCannotSlipPastSeparation(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.apart(governance.SoDDeny, true)
		h.target.Stop(t) // grants stay scheduled, and are gone as soon as they end
		other, twin := h.secondEngine(), h.twin("auto")
		request := func(e *engine.Engine, who string, template governance.TemplateID, id governance.EntitlementID) func() (access.RequestView, error) {
			return func() (access.RequestView, error) {
				return e.Access.Request(t.Context(), actor(who), access.Ask{Identity: governance.IdentityID(who), Template: template, Entitlements: []governance.EntitlementID{id}})
			}
		}
		h.race(20, request(h.engine, "alice", "auto", writer), request(other, "deploy-bot", twin, payer))
		h.race(20, request(other, "alice", "auto", payer), request(h.engine, "alice", twin, writer))
		h.race(10, request(h.engine, "deploy-bot", "auto", writer), request(h.engine, "alice", twin, payer))
	})
}

// Both requests are sound when they are made; their last approvals meet.
func TestSimultaneousApprovalsCannotSlipPastSeparation(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.apart(governance.SoDDeny, true)
		h.target.Stop(t)
		other, twin := h.secondEngine(), h.twin("approved")
		for range 8 {
			approve := func(e *engine.Engine, who string, template governance.TemplateID, id governance.EntitlementID) func() (access.RequestView, error) {
				request := h.request(who, template, "", id)
				if _, err := h.engine.Access.Approve(t.Context(), actor("carol"), request.ID, ""); err != nil {
					t.Fatal(err)
				}
				return func() (access.RequestView, error) {
					return e.Access.Approve(t.Context(), actor("bob"), request.ID, "")
				}
			}
			h.race(1, approve(h.engine, "alice", "approved", writer), approve(other, "deploy-bot", twin, payer))
		}
	})
}

// An identity that a strict template would let in after two approvals gains
// nothing from a lax template for the same right, and the reverse.
func TestThePolicyOfOneTemplateNeverOpensAnother(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(governance.EligibilityPolicy{Name: "leads", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{dba, reader}, Condition: `contains(identity.groups, "leads")`})
		lax := governance.GrantTemplate{
			Name: "lax", Entitlements: []governance.EntitlementID{dba, reader}, EligibilityPolicies: []governance.PolicyID{"leads"},
			Duration:       governance.DurationBounds{Default: governance.Duration(8 * time.Hour), Max: governance.Duration(8 * time.Hour)},
			ActivateWithin: governance.Duration(15 * time.Minute), Justification: governance.JustificationOptional, Approval: governance.ApprovalDefinition{Automatic: true},
		}
		h.put(lax)
		h.put(governance.Identity{Name: "lena", Type: governance.Human, Groups: []string{"leads"}})
		h.target.Exec(t, "postgres", `CREATE ROLE lena LOGIN`)
		h.sync()
		h.target.Stop(t)
		for _, c := range []struct {
			who      string
			template governance.TemplateID
			ids      []governance.EntitlementID
			want     governance.RequestState
		}{
			{"alice", "approved", []governance.EntitlementID{dba}, governance.RequestPending},
			{"alice", "lax", []governance.EntitlementID{dba}, governance.RequestDenied},
			{"alice", "lax", []governance.EntitlementID{dba, reader}, governance.RequestDenied},
			{"lena", "lax", []governance.EntitlementID{dba}, governance.RequestGranted},
			{"lena", "approved", []governance.EntitlementID{dba}, governance.RequestDenied},
			{"lena", "approved", []governance.EntitlementID{dba, writer}, governance.RequestDenied},
			{"bob", "approved", []governance.EntitlementID{dba}, governance.RequestPending}, // is both; each template on its own terms
			{"bob", "lax", []governance.EntitlementID{dba}, governance.RequestGranted},
		} {
			view := h.request(c.who, c.template, "", c.ids...)
			if view.State != c.want {
				t.Errorf("%s through %s: the request is %s, want %s: %+v", c.who, c.template, view.State, c.want, view.Decision.Reasons)
			}
			for _, reason := range view.Decision.Reasons {
				if listed := map[governance.TemplateID]governance.PolicyID{"approved": "oncall", "lax": "leads"}[c.template]; reason.Policy != "" && reason.Policy != listed {
					t.Errorf("%s through %s: policy %s spoke, which the template does not list", c.who, c.template, reason.Policy)
				}
			}
		}
		_, trace, err := h.engine.Access.Explain(t.Context(), access.Ask{Identity: "alice", Template: "lax", Entitlements: []governance.EntitlementID{dba}})
		if err != nil {
			t.Fatal(err)
		}
		outcomes := map[governance.PolicyID]governance.PolicyOutcome{}
		for _, p := range trace.Entitlements[0].Policies {
			outcomes[p.Policy] = p.Outcome
		}
		if len(outcomes) != 2 || outcomes["oncall"] != governance.PolicyNotListed || outcomes["leads"] != governance.PolicyNoMatch {
			t.Errorf("the trace tells of %v", outcomes)
		}
	})
}
