package engine_test

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/token"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestGrantBeginsAndEndsByItself(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id := h.granted("alice", "", dba)
		if !h.administers("alice") {
			t.Fatal("the grant is active, but the target does not know")
		}
		if g := h.grant(id); !g.NotAfter.Equal(g.ActivatedAt.Add(time.Hour)) {
			t.Errorf("active from %s until %s, want an hour", g.ActivatedAt, g.NotAfter)
		}
		h.clock.Advance(time.Hour)
		h.ended(id, governance.EndExpired, governance.OutcomeRemoved)
		if h.administers("alice") {
			t.Error("the grant has ended, but the target still has it")
		}
		report := h.verifyEvidence()
		for _, kind := range []string{"request.granted", "grant.scheduled", "grant.provisioning", "grant.activated", "grant.revoking", "grant.ended"} {
			if report.Kinds[kind] != 1 {
				t.Errorf("%d records of %s, want 1", report.Kinds[kind], kind)
			}
		}
	})
}

func TestGrantEndsWhenItsEventCloses(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		event, err := h.engine.Access.OpenEvent(t.Context(), by, governance.BusinessEvent{Name: "INC-1", Kind: governance.Incident, EndsAt: h.clock.Now().Add(24 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		id := h.granted("alice", "INC-1", dba)
		if _, err := h.engine.Access.CloseEvent(t.Context(), by, string(event.ID)); err != nil {
			t.Fatal(err)
		}
		h.ended(id, governance.EndEventClosed, governance.OutcomeRemoved)
		if denied := h.request("alice", "auto", string(event.ID), dba); denied.State != governance.RequestDenied {
			t.Errorf("a request for a closed event is %s", denied.State)
		}
	})
}

func TestEventEndsByTime(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		ends := h.clock.Now().Add(10 * time.Minute)
		if _, err := h.engine.Access.OpenEvent(t.Context(), by, governance.BusinessEvent{Name: "INC-1", Kind: governance.Incident, EndsAt: ends}); err != nil {
			t.Fatal(err)
		}
		id := h.granted("alice", "INC-1", dba)
		if g := h.grant(id); !g.NotAfter.Equal(ends) {
			t.Errorf("grant until %s outlives its event, which ends at %s", g.NotAfter, ends)
		}
		h.clock.Advance(10 * time.Minute)
		h.untilState(id, governance.GrantEnded)
		open, err := h.engine.Access.ListEvents(t.Context(), true)
		if err != nil || len(open) != 0 {
			t.Errorf("open events %v, error %v", open, err)
		}
	})
}

func TestHolderReturnsAndAdministratorRevokes(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		returned, revoked := h.granted("alice", "", dba), h.granted("bob", "", dba)
		if _, err := h.engine.Access.Return(t.Context(), actor("bob"), returned, ""); !fault.Is(err, fault.Forbidden) {
			t.Errorf("bob returned alice's grant: %v", err)
		}
		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), returned, "done"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.engine.Access.Revoke(t.Context(), by, revoked, "no longer"); err != nil {
			t.Fatal(err)
		}
		h.ended(returned, governance.EndReturned, governance.OutcomeRemoved)
		h.ended(revoked, governance.EndRevokedBy, governance.OutcomeRemoved)
		var refused *governance.TransitionError
		if _, err := h.engine.Access.Revoke(t.Context(), by, revoked, ""); !errors.As(err, &refused) {
			t.Errorf("revoking an ended grant: %v", err)
		}
	})
}

func TestApprovalNeedsEveryStageAndOtherPeople(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		request := h.request("alice", "approved", "", dba)
		if request.State != governance.RequestPending {
			t.Fatalf("request is %s", request.State)
		}
		approve := func(who string) (access.RequestView, error) {
			return h.engine.Access.Approve(t.Context(), actor(who), request.ID, "")
		}
		for _, who := range []string{"alice", "bob", "deploy-bot"} {
			if _, err := approve(who); !errors.Is(err, governance.ErrNotApprover) {
				t.Errorf("%s approved the manager's stage: %v", who, err)
			}
		}
		waiting, err := h.engine.Access.ListRequests(t.Context(), access.RequestFilter{Approver: "carol"})
		if err != nil || len(waiting) != 1 {
			t.Errorf("carol waits for %d requests, error %v", len(waiting), err)
		}
		if view, err := approve("carol"); err != nil || view.Stage != 1 {
			t.Fatalf("after the manager: stage %d, error %v", view.Stage, err)
		}
		view, err := approve("bob")
		if err != nil || view.State != governance.RequestGranted || len(view.Grants) != 1 {
			t.Fatalf("after the lead: %s, error %v", view.State, err)
		}
		h.untilState(view.Grants[0], governance.GrantActive)
	})
}

func TestApprovalIsDecidedAgainAtTheEnd(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		request := h.request("alice", "approved", "", dba)
		if _, err := h.engine.Access.Approve(t.Context(), actor("carol"), request.ID, ""); err != nil {
			t.Fatal(err)
		}
		h.replace("identity", governance.Identity{Name: "alice", Type: governance.Human, Manager: "carol", Groups: []string{}})
		view, err := h.engine.Access.Approve(t.Context(), actor("bob"), request.ID, "")
		if err != nil || view.State != governance.RequestInvalidated || len(view.Grants) != 0 {
			t.Errorf("alice left the group, but her request is %s with grants %v, error %v", view.State, view.Grants, err)
		}
	})
}

func TestUnansweredApprovalLapses(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		request := h.request("alice", "approved", "", dba)
		h.clock.Advance(10 * time.Minute)
		h.until("the request lapses", func() bool {
			r, err := h.engine.Access.GetRequest(t.Context(), request.ID)
			return err == nil && r.State == governance.RequestLapsed
		})
		if _, err := h.engine.Access.Approve(t.Context(), actor("carol"), request.ID, ""); err == nil {
			t.Error("a lapsed request was approved")
		}
	})
}

func (h *harness) replace(kind governance.Kind, o governance.Object) {
	h.t.Helper()
	old, err := h.engine.Catalog.Get(h.t.Context(), kind, o.Key())
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.engine.Catalog.Put(h.t.Context(), by, o, catalog.Precondition{Version: old.Version}); err != nil {
		h.t.Fatal(err)
	}
}

func TestSeparationOfDutiesCountsOwnedAgentsAndNestedRoles(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(governance.SoDRule{Name: "apart", Mode: governance.SoDDeny, Limit: 1, IncludeOwned: true, Duties: map[string]governance.Duty{
			"read": {Entitlements: []governance.EntitlementID{reader}}, "pay": {Entitlements: []governance.EntitlementID{payer}},
		}})
		h.granted("deploy-bot", "", writer) // includes billing_read
		view := h.request("alice", "auto", "", payer)
		if view.State != governance.RequestDenied {
			t.Fatalf("alice got both duties, one through her agent's nested role: %s", view.State)
		}
		denials := view.Decision.Denials()
		if len(denials) != 1 || denials[0].Rule != "apart" || len(denials[0].Violation.Touches) != 2 {
			t.Errorf("reasons %+v", denials)
		}
		h.granted("bob", "", payer) // another actor
	})
}

func TestSimultaneousRequestsCannotSlipPastSeparation(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(governance.SoDRule{Name: "apart", Mode: governance.SoDDeny, Limit: 1, IncludeOwned: true, Duties: map[string]governance.Duty{
			"write": {Entitlements: []governance.EntitlementID{writer}}, "pay": {Entitlements: []governance.EntitlementID{payer}},
		}})
		const pairs = 10
		for range pairs {
			views := make(chan access.RequestView, 2)
			for who, id := range map[string]governance.EntitlementID{"alice": writer, "deploy-bot": payer} {
				go func() {
					view, err := h.engine.Access.Request(t.Context(), actor(who), access.Ask{Identity: governance.IdentityID(who), Template: "auto", Entitlements: []governance.EntitlementID{id}})
					if err != nil {
						t.Error(err)
					}
					views <- view
				}()
			}
			var granted []governance.GrantID
			for range 2 {
				granted = append(granted, (<-views).Grants...)
			}
			if len(granted) != 1 {
				t.Fatalf("%d of two conflicting requests were granted, want 1", len(granted))
			}
			h.untilState(granted[0], governance.GrantActive)
			if _, err := h.engine.Access.Revoke(t.Context(), by, granted[0], ""); err != nil {
				t.Fatal(err)
			}
			h.untilState(granted[0], governance.GrantEnded)
		}
	})
}

func TestServersThatStartAtOnceMakeOneFirstToken(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		var secrets [3]string
		var all errgroup.Group
		for i := range secrets {
			all.Go(func() (err error) {
				secrets[i], err = h.engine.Tokens.First(t.Context())
				return err
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		tokens, err := h.engine.Tokens.List(t.Context())
		if err != nil || len(tokens) != 1 || len(secrets[0]+secrets[1]+secrets[2]) == 0 {
			t.Errorf("%d tokens, secrets %q, error %v", len(tokens), secrets, err)
		}
	})
}

func TestBootstrapIdentityCannotRequest(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		if _, err := h.engine.Tokens.Bootstrap(t.Context()); err != nil {
			t.Fatal(err)
		}
		view := h.request("bootstrap", "auto", "", dba)
		if view.State != governance.RequestDenied || view.Decision.Denials()[0].Code != governance.ReasonBootstrapIdentity {
			t.Errorf("bootstrap's request is %s: %+v", view.State, view.Decision.Reasons)
		}
	})
}

func TestSuspendedIdentityLosesItsGrantsAndItsWord(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id := h.granted("alice", "", dba)
		_, secret, err := h.engine.Tokens.Create(t.Context(), by, token.New{Name: "alice", Identity: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.engine.Catalog.Status(t.Context(), by, "alice", governance.Suspended); err != nil {
			t.Fatal(err)
		}
		h.ended(id, governance.EndIneligible, governance.OutcomeRemoved)
		if _, err := h.engine.Tokens.Authenticate(t.Context(), secret); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("her token still opens the door: %v", err)
		}
		for who, code := range map[string]governance.ReasonCode{"alice": governance.ReasonIdentityNotActive, "deploy-bot": governance.ReasonOwnerNotActive} {
			view := h.request(who, "auto", "", dba)
			if view.State != governance.RequestDenied || view.Decision.Denials()[0].Code != code {
				t.Errorf("request of %s is %s: %+v", who, view.State, view.Decision.Denials())
			}
		}
	})
}

func TestAutomaticGrantIsNotActivatedOnceAnApprovalIsDemanded(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.target.Stop(t) // the grant waits
		view := h.request("alice", "auto", "", dba)
		stored, err := h.engine.Catalog.Get(t.Context(), governance.KindTemplate, "auto")
		if err != nil {
			t.Fatal(err)
		}
		template := stored.Object.(governance.GrantTemplate)
		template.Approval = governance.ApprovalDefinition{Stages: []governance.ApprovalStage{{
			Name: "lead", Quorum: 1, Approvers: governance.Approvers{Groups: []string{"leads"}}, Timeout: governance.Duration(time.Hour), OnTimeout: governance.Lapse,
		}}}
		h.replace(governance.KindTemplate, template)
		h.target.Restart(t)
		h.untilState(view.Grants[0], governance.GrantCancelled)
		if g := h.grant(view.Grants[0]); g.EndReason != governance.EndIneligible || g.EndDetail == "" {
			t.Errorf("cancelled because %s, detail %q", g.EndReason, g.EndDetail)
		}
	})
}

func TestOwnerStaysHuman(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		_, err := h.engine.Catalog.Put(t.Context(), by, governance.Identity{Name: "alice", Type: governance.Agent, Owner: "bob", Groups: []string{}}, catalog.Precondition{Version: 1})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("the owner of an agent became an agent: %v", err)
		}
	})
}
