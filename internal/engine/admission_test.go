package engine_test

import (
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func atMost(perIdentity, total int) *governance.ConcurrencyBounds {
	return &governance.ConcurrencyBounds{PerIdentity: &perIdentity, Total: &total}
}

func TestAPauseIsKeptBetweenTheGrantsOfOneIdentity(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.bounded("paused", func(t *governance.GrantTemplate) {
			t.Cooldown, t.ScheduleWithin = span(4*time.Hour), span(24*time.Hour)
		})
		never := h.books("alice", "paused", h.clock.Now().Add(10*time.Hour))
		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), never.Grants[0], ""); err != nil {
			t.Fatal(err)
		}
		first := h.request("alice", "paused", "", dba)
		if len(first.Grants) != 1 {
			t.Fatalf("after one that was cancelled it is %s: %+v", first.State, first.Decision.Reasons)
		}
		h.untilState(first.Grants[0], governance.GrantActive)
		if view := h.request("alice", "paused", "", payer); !denied(view, governance.ReasonCooldown) {
			t.Errorf("beside a live grant it is %s: %+v", view.State, view.Decision.Reasons)
		}
		// Its own pause is not held against a grant that is decided again.
		change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.Groups = append(i.Groups, "staff") })
		h.settled()
		if g := h.grant(first.Grants[0]); g.State != governance.GrantActive {
			t.Fatalf("decided again the grant is %s: %s", g.State, g.EndDetail)
		}
		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), first.Grants[0], ""); err != nil {
			t.Fatal(err)
		}
		h.ended(first.Grants[0], governance.EndReturned, governance.OutcomeRemoved)
		if view := h.request("bob", "paused", "", dba); view.State != governance.RequestGranted {
			t.Errorf("another identity pauses, too: %+v", view.Decision.Reasons)
		}
		over := h.grant(first.Grants[0]).EndedAt.Add(4 * time.Hour)
		h.clock.Advance(over.Sub(h.clock.Now()) - time.Second)
		if view := h.request("alice", "paused", "", dba); !denied(view, governance.ReasonCooldown) {
			t.Errorf("a second too soon it is %s: %+v", view.State, view.Decision.Reasons)
		}
		openings, err := h.engine.Access.Eligible(t.Context(), access.Ask{Identity: "alice", Template: "paused", Entitlements: []governance.EntitlementID{dba}})
		if err != nil || openings.Openings[0].Certainty != governance.Possible {
			t.Errorf("a request for later is told as %+v, %v", openings.Openings, err)
		}
		h.clock.Advance(time.Second)
		if view := h.request("alice", "paused", "", dba); view.State != governance.RequestGranted {
			t.Errorf("after the pause it is %s: %+v", view.State, view.Decision.Reasons)
		}
	})
}

func TestThereAreOnlySoManyLiveGrantsOfATemplate(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		stages := []governance.ApprovalStage{{Name: "manager", Quorum: 1, Approvers: governance.Approvers{Identities: []governance.IdentityID{"carol"}}, Timeout: governance.Duration(24 * time.Hour), OnTimeout: governance.Lapse}}
		h.bounded("few", func(t *governance.GrantTemplate) { t.MaxConcurrent = atMost(2, 3) })
		h.bounded("asked", func(t *governance.GrantTemplate) {
			t.MaxConcurrent, t.Approval = atMost(1, 1), governance.ApprovalDefinition{Stages: stages}
		})
		if view := h.request("alice", "few", "", dba, payer); len(view.Grants) != 2 {
			t.Fatalf("two at once are %s: %+v", view.State, view.Decision.Reasons)
		}
		if view := h.request("alice", "few", "", dba); !denied(view, governance.ReasonMaxConcurrent) {
			t.Errorf("the third of one identity is %s: %+v", view.State, view.Decision.Reasons)
		}
		if view := h.request("bob", "few", "", dba, payer); !denied(view, governance.ReasonMaxConcurrent) {
			t.Errorf("the fourth of all is %s: %+v", view.State, view.Decision.Reasons)
		}
		third := h.request("bob", "few", "", dba).Grants[0]
		h.untilState(third, governance.GrantActive)
		// What was given is not taken by bounds that are tightened later.
		change(h, governance.KindTemplate, "few", func(t *governance.GrantTemplate) { t.MaxConcurrent = atMost(1, 1) })
		h.settled()
		for _, id := range h.live() {
			h.untilState(id, governance.GrantActive)
		}
		if live := h.live(); len(live) != 3 {
			t.Errorf("%d grants are live, want 3", len(live))
		}

		first, second := h.request("alice", "asked", "", dba), h.request("bob", "asked", "", dba)
		if view, err := h.approves("carol", first.ID); err != nil || view.State != governance.RequestGranted {
			t.Fatalf("the first is %s, %v", view.State, err)
		}
		if view, err := h.approves("carol", second.ID); err != nil || view.State != governance.RequestInvalidated {
			t.Errorf("the second, which was sound when it was made, is %s, %v", view.State, err)
		}
	})
}

func TestSimultaneousRequestsCannotBothTakeTheLastPlace(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.target.Stop(t) // grants stay scheduled, and are gone as soon as they end
		other := h.secondEngine()
		h.bounded("one", func(t *governance.GrantTemplate) { t.MaxConcurrent = atMost(1, 1) })
		h.bounded("each", func(t *governance.GrantTemplate) { t.Cooldown = span(time.Hour) })
		request := func(e *engine.Engine, who string, template governance.TemplateID) func() (access.RequestView, error) {
			return func() (access.RequestView, error) {
				return e.Access.Request(t.Context(), actor(who), access.Ask{Identity: governance.IdentityID(who), Template: template, Entitlements: []governance.EntitlementID{dba}})
			}
		}
		h.race(15, request(h.engine, "alice", "one"), request(other, "bob", "one"))
		h.race(5, request(h.engine, "alice", "each"), request(other, "alice", "each"))
	})
}
