package engine_test

import (
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// bounded declares a template that gives what on-call engineers ask for, and the
// bounds that edit puts on it.
func (h *harness) bounded(name string, edit func(*governance.GrantTemplate)) {
	h.t.Helper()
	t := governance.GrantTemplate{
		Name: name, Entitlements: []governance.EntitlementID{dba, payer}, EligibilityPolicies: []governance.PolicyID{"oncall"},
		Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(8 * time.Hour)},
		ActivateWithin: governance.Duration(15 * time.Minute), Justification: governance.JustificationOptional,
		Approval: governance.ApprovalDefinition{Automatic: true},
	}
	edit(&t)
	h.put(t)
}

func aheadBy(d time.Duration) func(*governance.GrantTemplate) {
	return func(t *governance.GrantTemplate) { t.ScheduleWithin = span(d) }
}

func span(d time.Duration) *governance.Duration {
	s := governance.Duration(d)
	return &s
}

// books asks for billing_admin from a later time on.
func (h *harness) books(who string, template governance.TemplateID, notBefore time.Time) access.RequestView {
	h.t.Helper()
	view, err := h.engine.Access.Request(h.t.Context(), actor(who), access.Ask{
		Identity: governance.IdentityID(who), Template: template, Entitlements: []governance.EntitlementID{dba}, NotBefore: &notBefore,
	})
	if err != nil {
		h.t.Fatalf("%s books %s: %v", who, template, err)
	}
	return view
}

// operation is the one that waits for a grant.
func (h *harness) operation(id governance.GrantID) sqlc.Operation {
	h.t.Helper()
	var found sqlc.Operation
	if err := h.engine.Journal.Read(h.t.Context(), func(tx *journal.Tx) error {
		operations, err := tx.ListOpenOperationsOfGrant(h.t.Context(), string(id))
		if err == nil && len(operations) == 1 {
			found = operations[0]
		}
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	if found.ID == "" {
		h.t.Fatalf("no operation waits for grant %s", id)
	}
	return found
}

func TestAScheduledGrantBeginsAtItsTimeAndNotBefore(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(governance.EligibilityPolicy{Name: "by day", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{dba}, Condition: `contains(identity.groups, "oncall") && hour(request.not_before, "UTC") < 18`})
		h.bounded("booked", func(t *governance.GrantTemplate) {
			t.EligibilityPolicies, t.Entitlements, t.ScheduleWithin = []governance.PolicyID{"by%20day"}, []governance.EntitlementID{dba}, span(24*time.Hour)
		})
		begins := h.clock.Now().Add(8*time.Hour + 30*time.Minute) // 17:30
		if view := h.books("alice", "booked", begins.Add(time.Hour)); !denied(view, governance.ReasonPolicyNoMatch) {
			t.Errorf("access that begins at 18:30 is %s: %+v", view.State, view.Decision.Reasons)
		}
		view := h.books("alice", "booked", begins)
		if view.State != governance.RequestGranted || view.NotBefore == nil {
			t.Fatalf("access that begins at 17:30 is %s: %+v", view.State, view.Decision.Reasons)
		}
		id := view.Grants[0]
		if g := h.grant(id); !g.NotBefore.Equal(begins) || !g.ActivateBy.Equal(begins.Add(15*time.Minute)) || !g.NotAfter.Equal(begins.Add(75*time.Minute)) {
			t.Errorf("it begins at %s, by %s, until %s", g.NotBefore, g.ActivateBy, g.NotAfter)
		}
		operation := h.operation(id)
		if err := h.engine.Journal.Bookkeep(t.Context(), func(tx *journal.Tx) error {
			_, err := tx.DeferOperation(t.Context(), sqlc.DeferOperationParams{ID: operation.ID, NextAt: store.Micros(tx.Now)})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		h.until("an operation that is taken up too early waits again", func() bool {
			again := h.operation(id)
			return again.NextAt == operation.NextAt && again.Attempts == 0
		})
		h.clock.Advance(begins.Sub(h.clock.Now()) - time.Minute)
		h.settled()
		if g := h.grant(id); g.State != governance.GrantScheduled || h.administers("alice") {
			t.Fatalf("a minute before its time the grant is %s", g.State)
		}
		h.clock.Advance(time.Minute)
		h.untilState(id, governance.GrantActive)
		if g := h.grant(id); g.ActivatedAt.Before(begins) || !g.NotAfter.Equal(g.ActivatedAt.Add(time.Hour)) || !h.administers("alice") {
			t.Errorf("active since %s until %s", g.ActivatedAt, g.NotAfter)
		}
		h.clock.Advance(50 * time.Minute) // past 18:00
		change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.Groups = append(i.Groups, "staff") })
		h.settled()
		if g := h.grant(id); g.State != governance.GrantActive {
			t.Errorf("decided again after 18:00, the grant is %s: %s", g.State, g.EndDetail)
		}
		h.clock.Advance(10 * time.Minute)
		h.ended(id, governance.EndExpired, governance.OutcomeRemoved)
	})
}

func TestAScheduledGrantThatIsEligibleNoMoreNeverBegins(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.bounded("booked", aheadBy(24*time.Hour))
		begins := h.clock.Now().Add(2 * time.Hour)
		id := h.books("alice", "booked", begins).Grants[0]
		event := h.opens(governance.BusinessEvent{Name: "INC-1", Kind: governance.Incident, EndsAt: begins.Add(30 * time.Minute)})
		view, err := h.engine.Access.Request(t.Context(), actor("bob"), access.Ask{
			Identity: "bob", Template: "booked", Entitlements: []governance.EntitlementID{dba}, NotBefore: &begins, BusinessEvent: string(event.ID),
		})
		if err != nil || len(view.Grants) != 1 {
			t.Fatalf("%s, %v", view.State, err)
		}
		if g := h.grant(view.Grants[0]); !g.NotAfter.Equal(event.EndsAt) {
			t.Errorf("the grant ends at %s, its event at %s", g.NotAfter, event.EndsAt)
		}
		change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.Groups = []string{} })
		h.untilState(id, governance.GrantCancelled)
		if g := h.grant(id); g.EndReason != governance.EndIneligible || g.EndDetail == "" {
			t.Errorf("cancelled because %s: %q", g.EndReason, g.EndDetail)
		}
		if _, err := h.engine.Access.CloseEvent(t.Context(), by, string(event.ID)); err != nil {
			t.Fatal(err)
		}
		if g := h.grant(view.Grants[0]); g.State != governance.GrantCancelled || g.EndReason != governance.EndEventClosed {
			t.Errorf("its event is over, and the grant is %s because %s", g.State, g.EndReason)
		}
	})
}

func TestWhatIsNotActivatedInTimeLapses(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.bounded("booked", func(t *governance.GrantTemplate) {
			t.ScheduleWithin = span(24 * time.Hour)
			t.Approval = governance.ApprovalDefinition{Stages: []governance.ApprovalStage{{
				Name: "lead", Quorum: 1, Approvers: group("leads"), Timeout: governance.Duration(24 * time.Hour), OnTimeout: governance.Escalate,
				Escalation: &governance.Escalation{Approvers: group("chiefs"), Timeout: governance.Duration(24 * time.Hour)},
			}}}
		})
		begins := h.clock.Now().Add(2 * time.Hour)
		waiting := h.books("alice", "booked", begins)
		approved, err := h.approves("bob", h.books("alice", "booked", begins).ID)
		if err != nil {
			t.Fatal(err)
		}
		release := h.block()
		called := h.request("alice", "auto", "", payer).Grants[0]
		h.untilTargetIsCalled()
		h.stop() // and with it whoever would look after all of them
		release()
		h.target.Stop(t)
		h.clock.Advance(begins.Add(15 * time.Minute).Sub(h.clock.Now()))
		h.start()
		h.untilState(approved.Grants[0], governance.GrantCancelled)
		h.untilState(called, governance.GrantRevoking)
		h.until("the request lapses", func() bool {
			r, err := h.engine.Access.GetRequest(t.Context(), waiting.ID)
			return err == nil && r.State == governance.RequestLapsed && !r.Escalated
		})
		h.target.Restart(t)
		h.admin = h.target.Connect(t, "postgres")
		h.until("what was called for is over", func() bool { return !h.grant(called).State.Live() })
		if g := h.grant(approved.Grants[0]); g.EndReason != governance.EndExpired || h.queued(g.ID, grants.OperationGrant) {
			t.Errorf("it lapsed because %s", g.EndReason)
		}
		var held bool
		if err := h.admin.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_auth_members WHERE member = 'alice'::regrole)`).Scan(&held); err != nil || held {
			t.Errorf("something stands in the target: %v, %v", held, err)
		}
		if late := h.evidenceOf("grant.provisioning", string(approved.Grants[0])); len(late) != 0 {
			t.Errorf("the target was called for it after its time: %v", late)
		}
	})
}
