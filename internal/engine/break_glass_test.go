package engine_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// breakable declares a template with a stage of approval and break-glass, once a
// day, which the security group reviews, and the people that it takes.
func (h *harness) breakable(change func(*governance.GrantTemplate)) governance.GrantTemplate {
	h.t.Helper()
	h.put(governance.Identity{Name: "sam", Type: governance.Human, Groups: []string{"security"}})
	template := governance.GrantTemplate{
		Name: "emergency", Entitlements: []governance.EntitlementID{dba}, EligibilityPolicies: []governance.PolicyID{"oncall"},
		Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(8 * time.Hour)},
		ActivateWithin: governance.Duration(15 * time.Minute), Justification: governance.JustificationOptional,
		Approval: governance.ApprovalDefinition{Stages: []governance.ApprovalStage{
			{Name: "lead", Quorum: 1, Approvers: group("leads"), Timeout: governance.Duration(10 * time.Minute), OnTimeout: governance.Lapse},
		}},
		BreakGlass: &governance.BreakGlass{
			Limit: 1, Per: governance.Duration(24 * time.Hour), Reviewers: group("security"), ReviewWithin: governance.Duration(6 * time.Hour),
		},
	}
	change(&template)
	h.put(template)
	return template
}

func asIs(*governance.GrantTemplate) {}

func (h *harness) breaks(who string) access.RequestView {
	h.t.Helper()
	view, err := h.engine.Access.Request(h.t.Context(), actor(who), access.Ask{
		Identity: governance.IdentityID(who), Template: "emergency", Justification: "the ledger is on fire", BreakGlass: true,
	})
	if err != nil {
		h.t.Fatalf("%s breaks the glass: %v", who, err)
	}
	return view
}

func (h *harness) reviews(who string, id governance.RequestID, verdict governance.ReviewState) (access.RequestView, error) {
	return h.engine.Access.Review(h.t.Context(), actor(who), id, verdict, "looked at it")
}

func (h *harness) awaitingReview(who string) []access.RequestView {
	h.t.Helper()
	views, err := h.engine.Access.ListRequests(h.t.Context(), access.RequestFilter{Reviewer: governance.IdentityID(who)})
	if err != nil {
		h.t.Fatal(err)
	}
	return views
}

func TestBreakGlassGivesAtOnceAndLoudly(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.stop()
		var log bytes.Buffer
		h.config.Logger = hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: &log, Mutex: &sync.Mutex{}})
		h.start()
		h.declare()
		h.breakable(asIs)
		if plain := h.request("alice", "emergency", ""); plain.State != governance.RequestPending {
			t.Fatalf("without break-glass the request is %s", plain.State)
		}

		view := h.breaks("alice")
		if view.State != governance.RequestGranted || len(view.Grants) != 1 || view.Review == nil {
			t.Fatalf("the request is %s: %+v", view.State, view.Decision.Reasons)
		}
		if want := h.clock.Now().Add(6 * time.Hour); view.Review.State != governance.ReviewOpen || view.Review.DueAt.After(want) || len(view.Stages) != 0 {
			t.Errorf("the review is %+v, the stages %v", view.Review, view.Stages)
		}
		h.untilState(view.Grants[0], governance.GrantActive)
		if !h.administers("alice") || !h.grant(view.Grants[0]).BreakGlass {
			t.Error("what break-glass gave is not there, or does not say so")
		}

		// What is decided again is no new use of it.
		h.replace(governance.KindIdentity, governance.Identity{Name: "alice", Type: governance.Human, Groups: []string{"oncall", "staff"}})
		h.until("the grant is decided again", func() bool { return h.grant(view.Grants[0]).Basis.IdentityVersion == 2 })
		if g := h.grant(view.Grants[0]); g.State != governance.GrantActive || g.Ineligible != nil {
			t.Errorf("decided again the grant is %s, %+v", g.State, g.Ineligible)
		}

		again := h.breaks("alice")
		if again.State != governance.RequestDenied || !denied(again, governance.ReasonBreakGlassLimit) || again.Review != nil {
			t.Errorf("a second time on the same day: %s, %+v", again.State, again.Decision.Denials())
		}
		h.clock.Advance(24 * time.Hour)
		h.until("the review is overdue", func() bool { return len(h.findings(governance.FindingBreakGlassUnreviewed)) == 1 })
		if late := h.breaks("alice"); !denied(late, governance.ReasonBreakGlassReviewOverdue) || len(late.Decision.Denials()) != 1 {
			t.Errorf("the next day, with a review that is owed: %+v", late.Decision.Denials())
		}

		report := h.verifyEvidence()
		for kind, n := range map[string]int64{"request.break_glass": 1, "request.denied": 2, "request.review_overdue": 1, "request.granted": 0} {
			if report.Kinds[kind] != n {
				t.Errorf("%d records are of kind %s, want %d", report.Kinds[kind], kind, n)
			}
		}
		h.stop()
		for text, n := range map[string]int{"[WARN]  access: break-glass: access was given without approval": 1, "[WARN]  access: break-glass was asked for and refused": 2} {
			if got := strings.Count(log.String(), text); got != n {
				t.Errorf("the log says %d times %q, want %d:\n%s", got, text, n, log.String())
			}
		}
	})
}

func TestABreakGlassReviewTakesAnotherPairOfEyes(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.target.Stop(t) // that something is granted is enough
		for _, name := range []string{"dora", "erin"} {
			h.put(governance.Identity{Name: name, Type: governance.Human, Groups: []string{}})
		}
		h.breakable(func(g *governance.GrantTemplate) {
			g.BreakGlass.Reviewers = governance.Approvers{Identities: []governance.IdentityID{"alice", "sam"}}
		})
		h.delegates("to dora", "alice", "dora", time.Hour)
		h.delegates("to alice", "sam", "alice", time.Hour)
		h.delegates("to erin", "sam", "erin", time.Hour)
		if err := h.engine.Catalog.Delete(t.Context(), by, governance.KindIdentity, "sam", 1, false); !fault.Is(err, fault.InUse) {
			t.Errorf("a reviewer is deleted: %v", err)
		}
		own, bots := h.breaks("alice"), h.breaks("deploy-bot")
		for _, id := range []governance.RequestID{own.ID, bots.ID} {
			for _, who := range []string{"alice", "dora", "deploy-bot", "bob"} {
				if _, err := h.reviews(who, id, governance.ReviewJustified); !errors.Is(err, governance.ErrNotApprover) {
					t.Errorf("%s reviews: %v", who, err)
				}
				if waiting := h.awaitingReview(who); len(waiting) != 0 {
					t.Errorf("for %s waits %v", who, waiting)
				}
			}
		}
		if waiting := h.awaitingReview("erin"); len(waiting) != 2 || waiting[0].OnBehalfOf != "sam" {
			t.Errorf("for the delegate waits %v", waiting)
		}
		if _, err := h.engine.Access.Review(t.Context(), actor("sam"), own.ID, governance.ReviewJustified, " "); !fault.Is(err, fault.Invalid) {
			t.Errorf("a verdict that says nothing: %v", err)
		}
		var refused *governance.TransitionError
		if _, err := h.reviews("sam", h.request("alice", "emergency", "").ID, governance.ReviewJustified); !errors.As(err, &refused) {
			t.Errorf("the review of a request that owes none: %v", err)
		}

		var given atomic.Int32
		var both sync.WaitGroup
		for _, who := range []string{"sam", "erin"} {
			both.Go(func() {
				_, err := h.reviews(who, own.ID, governance.ReviewJustified)
				var late *governance.TransitionError
				switch {
				case err == nil:
					given.Add(1)
				case !errors.As(err, &late) && !fault.Is(err, fault.Conflict):
					t.Errorf("%s reviews: %v", who, err)
				}
			})
		}
		both.Wait()
		reviewed, err := h.engine.Access.GetRequest(t.Context(), own.ID)
		if err != nil || given.Load() != 1 || reviewed.Review.State != governance.ReviewJustified || reviewed.Review.Comment != "looked at it" {
			t.Errorf("%d verdicts were given: %+v, %v", given.Load(), reviewed.Review, err)
		}
		if g := h.grant(own.Grants[0]); !g.State.Live() {
			t.Errorf("justified, and the grant is %s", g.State)
		}
		if waiting := h.awaitingReview("sam"); len(waiting) != 1 || waiting[0].ID != bots.ID {
			t.Errorf("for the reviewer waits %v", waiting)
		}
		if report := h.verifyEvidence(); report.Kinds["request.reviewed"] != 1 {
			t.Errorf("evidence: %v", report.Kinds)
		}
	})
}

// What is owed stays owed: an edit of the template, its deletion, and that of
// whoever made the request take no review away.
func TestAnUnjustifiedBreakGlassEndsAtOnce(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		template := h.breakable(asIs)
		view := h.breaks("deploy-bot")
		h.untilState(view.Grants[0], governance.GrantActive)
		template.BreakGlass.Reviewers, template.BreakGlass.ReviewWithin = group("leads"), governance.Duration(time.Minute)
		h.replace(governance.KindTemplate, template)
		if _, err := h.reviews("bob", view.ID, governance.ReviewUnjustified); !errors.Is(err, governance.ErrNotApprover) {
			t.Errorf("somebody reviews who was made a reviewer later: %v", err)
		}
		if _, err := h.reviews("sam", view.ID, governance.ReviewUnjustified); err != nil {
			t.Fatal(err)
		}
		h.ended(view.Grants[0], governance.EndRevokedBy, governance.OutcomeRemoved)
		if h.administers("deploy-bot") {
			t.Error("the access is still there")
		}

		second := h.breaks("bob")
		h.untilState(second.Grants[0], governance.GrantActive)
		if _, err := h.engine.Access.Return(t.Context(), actor("bob"), second.Grants[0], ""); err != nil {
			t.Fatal(err)
		}
		h.ended(second.Grants[0], governance.EndReturned, governance.OutcomeRemoved)
		for _, gone := range []struct {
			kind governance.Kind
			id   string
		}{{governance.KindTemplate, "emergency"}, {governance.KindIdentity, "bob"}} {
			stored, err := h.engine.Catalog.Get(t.Context(), gone.kind, gone.id)
			if err != nil {
				t.Fatal(err)
			}
			if err := h.engine.Catalog.Delete(t.Context(), by, gone.kind, gone.id, stored.Version, false); err != nil {
				t.Fatal(err)
			}
		}
		h.put(governance.Identity{Name: "lea", Type: governance.Human, Groups: []string{"leads"}})
		if open := h.findings(governance.FindingBreakGlassUnreviewed); len(open) != 0 {
			t.Errorf("before its time the finding is %v", open)
		}
		h.clock.Advance(time.Minute)
		h.until("the review is overdue", func() bool {
			return h.findings(governance.FindingBreakGlassUnreviewed)["billing/bob "+string(dba)]
		})
		if _, err := h.reviews("lea", second.ID, governance.ReviewUnjustified); err != nil {
			t.Fatal(err)
		}
		if open := h.findings(governance.FindingBreakGlassUnreviewed); len(open) != 0 {
			t.Errorf("after the verdict the finding is %v", open)
		}
	})
}

func TestBreakGlassAtOnceStaysWithinItsLimit(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.target.Stop(t)
		h.breakable(func(g *governance.GrantTemplate) { g.BreakGlass.Limit = 2 })
		var granted atomic.Int32
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				view, err := h.engine.Access.Request(t.Context(), actor("alice"), access.Ask{Identity: "alice", Template: "emergency", Justification: "fire", BreakGlass: true})
				if err != nil {
					t.Error(err)
				}
				if view.State == governance.RequestGranted {
					granted.Add(1)
				}
			})
		}
		all.Wait()
		if granted.Load() != 2 {
			t.Errorf("%d of them were granted, and the limit is 2", granted.Load())
		}
	})
}

// A review whose reviewers have all left does not stay overdue for ever: the owner of
// what was asked for, or an administrator, gives it instead of them, and not before.
func TestAReviewFallsBackWhenNoReviewerIsLeft(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.breakable(asIs)
		h.put(governance.Identity{Name: "olga", Type: governance.Human, Groups: []string{}})
		first := h.breaks("alice").ID
		review := func(by journal.Actor, id governance.RequestID) error {
			_, err := h.engine.Access.Review(t.Context(), by, id, governance.ReviewJustified, "looked at it")
			return err
		}
		admin := journal.Actor{Identity: "olga", Admin: true}
		if err := review(admin, first); !errors.Is(err, governance.ErrNotApprover) {
			t.Errorf("before it is overdue: %v", err)
		}
		h.clock.Advance(6 * time.Hour)
		overdue := func(id governance.RequestID) func() bool {
			return func() bool {
				view, err := h.engine.Access.GetRequest(t.Context(), id)
				return err == nil && view.ReviewState() == governance.ReviewOverdue
			}
		}
		h.until("it is overdue", overdue(first))
		if err := review(admin, first); !errors.Is(err, governance.ErrNotApprover) || !strings.Contains(err.Error(), "sam can review it") {
			t.Errorf("while a reviewer is left: %v", err)
		}
		h.status("sam", governance.Left)
		for who, by := range map[string]journal.Actor{
			"somebody": actor("olga"), "the requester": {Identity: "alice", Admin: true}, "the bootstrap identity": {Identity: "bootstrap", Admin: true, Bootstrap: true},
			"one whose token the requester made": {Identity: "olga", Admin: true, Makers: governance.Makers{"alice"}},
		} {
			if err := review(by, first); err == nil {
				t.Errorf("%s reviews it", who)
			}
		}
		if err := review(admin, first); err != nil {
			t.Fatalf("an administrator: %v", err)
		}
		records := h.evidenceOf("request.reviewed", string(first))
		if len(records) != 1 || !strings.Contains(h.evidenceText(records[0]), "instead_of") {
			t.Errorf("evidence of the review: %+v", records)
		}

		h.clock.Advance(24 * time.Hour)
		second := h.breaks("alice").ID
		h.clock.Advance(6 * time.Hour)
		h.until("the next one is overdue", overdue(second))
		if len(h.awaitingReview("olga")) != 0 {
			t.Error("it awaits somebody who owns nothing")
		}
		change(h, governance.KindEntitlement, string(dba), func(e *governance.Entitlement) { e.Owner = "olga" })
		if waiting := h.awaitingReview("olga"); len(waiting) != 1 || waiting[0].ID != second {
			t.Errorf("it does not await the owner: %+v", waiting)
		}
		if err := review(actor("olga"), second); err != nil {
			t.Errorf("the owner: %v", err)
		}
	})
}
