package server_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestGrantIsAskedApprovedUsedAndReturnedOverHTTP(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *house) {
		e := furnish(t, h)
		ctx := t.Context()
		if decision, err := e.mia.Decide(ctx, api.DecisionInput{RequestInput: e.request}); err != nil || decision.Effect != governance.Deny || decision.Trace != nil {
			t.Errorf("decision without an incident: %+v, %v", decision, err)
		}
		if explained, err := e.mia.Decide(ctx, api.DecisionInput{RequestInput: e.request, Explain: true}); err != nil || explained.Trace == nil || len(explained.Trace.Entitlements) == 0 || explained.Trace.NearestMiss == nil {
			t.Errorf("explained decision without an incident: %+v, %v", explained, err)
		}
		if _, err := e.zoe.Decide(ctx, api.DecisionInput{RequestInput: e.request, Identity: "mia"}); !client.HasCode(err, api.CodeForbidden) {
			t.Errorf("anyone asks what mia would get: %v", err)
		}
		if decision, err := e.auditor.Decide(ctx, api.DecisionInput{RequestInput: e.request, Identity: "mia"}); err != nil || decision.Effect != governance.Deny {
			t.Errorf("an auditor asks what mia would get: %s, %v", decision.Effect, err)
		}
		if could, err := e.mia.Eligible(ctx, api.EligibilityInput{}); err != nil || len(could.Openings) == 0 || could.Identity != "mia" {
			t.Errorf("what mia could request: %+v, %v", could, err)
		}
		if _, err := e.zoe.Eligible(ctx, api.EligibilityInput{Identity: "mia"}); !client.HasCode(err, api.CodeForbidden) {
			t.Errorf("anyone asks what mia could request: %v", err)
		}
		e.openIncident(t)
		if decision, err := e.mia.Decide(ctx, api.DecisionInput{RequestInput: e.request}); err != nil || decision.Effect != governance.NeedsApproval {
			t.Errorf("decision with one: %+v, %v", decision, err)
		}
		grant := e.granted(t)
		assignments, err := syncThen(t, e).DiscoveredAssignments(ctx, "billing")
		if err != nil || !slices.ContainsFunc(assignments.Items, func(a api.DiscoveredAssignment) bool {
			return a.Identity == "mia" && a.Entitlement == "billing/role/billing_admin" && a.Grant == grant
		}) {
			t.Errorf("the grant is not seen in the target: %+v, %v", assignments.Items, err)
		}
		if _, err := e.mia.Return(ctx, grant, "done"); err != nil {
			t.Fatal(err)
		}
		ended := e.awaitState(t, grant, governance.GrantEnded)
		if ended.EndReason != governance.EndReturned || ended.Outcome != governance.OutcomeRemoved {
			t.Errorf("ended: %s, %s", ended.EndReason, ended.Outcome)
		}
		live, err := e.mia.Grants(ctx, client.GrantFilter{Live: true})
		if err != nil || len(live.Items) != 0 {
			t.Errorf("live grants: %+v, %v", live.Items, err)
		}
	})
}

// syncThen reads the target and returns the client to look with.
func syncThen(t *testing.T, e *estate) *client.Client {
	t.Helper()
	result, err := e.root.Sync(t.Context(), "billing")
	if err != nil || result.Application != "billing" || result.Accounts < 3 || result.FinishedAt.Before(result.StartedAt) {
		t.Fatalf("sync: %+v, %v", result, err)
	}
	return e.root
}

func TestClosedEventAndRevokeEndGrants(t *testing.T) {
	h := build(t, t.TempDir()+"/stint.db")
	e := furnish(t, h)
	event := e.openIncident(t)
	first := e.granted(t)
	if _, err := e.zoe.Revoke(t.Context(), first, ""); !client.HasCode(err, api.CodeForbidden) {
		t.Errorf("anyone revokes: %v", err)
	}
	if _, err := e.admin.Revoke(t.Context(), first, "enough"); err != nil {
		t.Fatal(err)
	}
	if got := e.awaitState(t, first, governance.GrantEnded); got.EndReason != governance.EndRevokedBy {
		t.Errorf("first ended: %s", got.EndReason)
	}
	second := e.granted(t)
	closed, err := e.admin.CloseEvent(t.Context(), "INC-1")
	if err != nil || closed.ID != event.ID || closed.ClosedAt == nil {
		t.Fatalf("close: %+v, %v", closed, err)
	}
	if got := e.awaitState(t, second, governance.GrantEnded); got.EndReason != governance.EndEventClosed {
		t.Errorf("second ended: %s", got.EndReason)
	}
	read, err := client.Get(t.Context(), e.mia, api.BusinessEvents, event.ID)
	if err != nil || read.ClosedAt == nil || read.OpenedAt.IsZero() {
		t.Errorf("read the event: %+v, %v", read, err)
	}
}

func TestRequestsAreSeenByThoseTheyConcern(t *testing.T) {
	h := build(t, t.TempDir()+"/stint.db")
	e := furnish(t, h)
	e.openIncident(t)
	ctx := t.Context()
	request, err := e.mia.Request(ctx, e.request)
	if err != nil {
		t.Fatal(err)
	}
	seen := func(c *client.Client, f client.RequestFilter) int {
		t.Helper()
		listing, err := c.Requests(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		return len(listing.Items)
	}
	for name, tc := range map[string]struct {
		who     *client.Client
		sees    int
		waiting int
	}{"requester": {e.mia, 1, 0}, "approver": {e.leo, 1, 1}, "stranger": {e.zoe, 0, 0}, "auditor": {e.auditor, 1, 0}, "admin": {e.admin, 1, 0}} {
		if got := seen(tc.who, client.RequestFilter{}); got != tc.sees {
			t.Errorf("%s sees %d requests, want %d", name, got, tc.sees)
		}
		if got := seen(tc.who, client.RequestFilter{AwaitingMe: true}); got != tc.waiting {
			t.Errorf("%d wait for the %s, want %d", got, name, tc.waiting)
		}
		if _, err := tc.who.GetRequest(ctx, request.ID); (err == nil) != (tc.sees == 1) {
			t.Errorf("%s reads the request: %v", name, err)
		}
	}
	if _, err := e.zoe.Requests(ctx, client.RequestFilter{Identity: "mia"}); !client.HasCode(err, api.CodeForbidden) {
		t.Errorf("a stranger lists mia's requests: %v", err)
	}
	if _, err := e.zoe.Grants(ctx, client.GrantFilter{Identity: "mia"}); !client.HasCode(err, api.CodeForbidden) {
		t.Errorf("a stranger lists mia's grants: %v", err)
	}
	for name, who := range map[string]*client.Client{"requester": e.mia, "stranger": e.zoe, "admin": e.admin, "bootstrap": e.root} {
		if _, err := who.Approve(ctx, request.ID, ""); !client.HasCode(err, api.CodeForbidden) {
			t.Errorf("%s approves: %v", name, err)
		}
	}
	if _, err := e.zoe.Withdraw(ctx, request.ID); !client.HasCode(err, api.CodeForbidden) {
		t.Errorf("a stranger withdraws: %v", err)
	}
	rejected, err := e.leo.Reject(ctx, request.ID, "not now")
	if err != nil || rejected.State != governance.RequestRejected {
		t.Errorf("reject: %+v, %v", rejected.State, err)
	}
	if _, err := e.leo.GetRequest(ctx, request.ID); err != nil {
		t.Errorf("who has spoken no longer sees the request: %v", err)
	}
	if _, err := e.mia.Withdraw(ctx, request.ID); !client.HasCode(err, api.CodeConflict) {
		t.Errorf("withdraw a rejected request: %v", err)
	}
}

func TestBreakGlassIsSeenAndReviewedByThoseItConcerns(t *testing.T) {
	h := build(t, t.TempDir()+"/stint.db")
	e := furnish(t, h)
	e.openIncident(t)
	ctx := t.Context()
	input := e.request
	input.BreakGlass = true
	owing, err := e.mia.Request(ctx, input)
	if err != nil || owing.State != governance.RequestGranted || owing.Review == nil || len(owing.Grants) != 1 {
		t.Fatalf("request: %+v, %v", owing, err)
	}
	for name, tc := range map[string]struct {
		who   *client.Client
		sees  bool
		owed  int
		known int
	}{"requester": {e.mia, true, 0, 1}, "reviewer": {e.leo, true, 1, 1}, "stranger": {e.zoe, false, 0, 0}, "auditor": {e.auditor, true, 0, 1}} {
		if listing, err := tc.who.Requests(ctx, client.RequestFilter{AwaitingMyReview: true}); err != nil || len(listing.Items) != tc.owed {
			t.Errorf("%s: %d reviews wait, %v", name, len(listing.Items), err)
		}
		if listing, err := tc.who.Requests(ctx, client.RequestFilter{BreakGlass: true, Review: governance.ReviewOpen}); err != nil || len(listing.Items) != tc.known {
			t.Errorf("%s: %d open reviews are seen, %v", name, len(listing.Items), err)
		}
		if listing, err := tc.who.Requests(ctx, client.RequestFilter{Review: governance.ReviewJustified}); err != nil || len(listing.Items) != 0 {
			t.Errorf("%s: %d justified reviews are seen, %v", name, len(listing.Items), err)
		}
		if _, err := tc.who.GetRequest(ctx, owing.ID); (err == nil) != tc.sees {
			t.Errorf("%s reads the request: %v", name, err)
		}
		if _, err := tc.who.GetGrant(ctx, owing.Grants[0]); (err == nil) != tc.sees {
			t.Errorf("%s reads the grant: %v", name, err)
		}
	}
	verdict := api.ReviewInput{Verdict: governance.ReviewJustified, Comment: "it was down"}
	for name, who := range map[string]*client.Client{"requester": e.mia, "stranger": e.zoe, "admin": e.admin, "bootstrap": e.root} {
		if _, err := who.Review(ctx, owing.ID, verdict); !client.HasCode(err, api.CodeForbidden) {
			t.Errorf("%s reviews: %v", name, err)
		}
	}
	if _, err := e.leo.Review(ctx, owing.ID, api.ReviewInput{Verdict: governance.ReviewJustified}); !client.HasCode(err, api.CodeInvalid) {
		t.Errorf("a verdict without a comment: %v", err)
	}
	reviewed, err := e.leo.Review(ctx, owing.ID, verdict)
	if err != nil || reviewed.Review.State != governance.ReviewJustified || reviewed.Review.Reviewer != "leo" {
		t.Fatalf("review: %+v, %v", reviewed.Review, err)
	}
	if _, err := e.leo.Review(ctx, owing.ID, verdict); !client.HasCode(err, api.CodeConflict) {
		t.Errorf("a second verdict: %v", err)
	}
	if _, err := e.leo.GetRequest(ctx, owing.ID); err != nil {
		t.Errorf("who has reviewed no longer sees the request: %v", err)
	}
}

func TestFindingsAndDiscoveryAreListed(t *testing.T) {
	h := build(t, t.TempDir()+"/stint.db")
	e := furnish(t, h)
	ctx := t.Context()
	orphans, err := e.auditor.Findings(ctx, "billing", governance.FindingOrphanAccount)
	if err != nil || !slices.ContainsFunc(orphans.Items, func(f api.Finding) bool { return f.Account == "billing/nobodys" }) {
		t.Errorf("findings: %+v, %v", orphans.Items, err)
	}
	if orphans.ObservedAt.After(time.Now()) || orphans.ObservedAt.IsZero() {
		t.Errorf("observed at %s", orphans.ObservedAt)
	}
	rights, err := e.auditor.DiscoveredEntitlements(ctx, "")
	if err != nil || !slices.ContainsFunc(rights.Items, func(r api.DiscoveredEntitlement) bool {
		return r.ID == "billing/role/billing_admin" && r.Declared && r.Includes != nil
	}) {
		t.Errorf("entitlements: %+v, %v", rights.Items, err)
	}
	accounts, err := e.auditor.DiscoveredAccounts(ctx, "billing")
	if err != nil || !slices.ContainsFunc(accounts.Items, func(a api.DiscoveredAccount) bool { return a.Name == "mia" && a.Identity == "mia" }) {
		t.Errorf("accounts: %+v, %v", accounts.Items, err)
	}
	if _, err := e.mia.DiscoveredAccounts(ctx, ""); !client.HasCode(err, api.CodeForbidden) {
		t.Errorf("anyone reads discovered accounts: %v", err)
	}
	if _, err := e.root.Sync(ctx, "absent"); !client.IsNotFound(err) {
		t.Errorf("sync of an unknown application: %v", err)
	}
}

func TestTargetThatDoesNotAnswerIsToldApart(t *testing.T) {
	h := build(t, t.TempDir()+"/stint.db")
	e := furnish(t, h)
	e.target.Stop(t)
	if _, err := e.root.Sync(t.Context(), "billing"); !client.HasCode(err, api.CodeTargetFailed) {
		t.Errorf("sync with a target that is down: %v", err)
	}
	application, err := client.Get(t.Context(), e.root, api.Applications, "billing")
	if err != nil || application.SyncError == "" || application.SyncedAt == nil {
		t.Errorf("application: %+v, %v", application, err)
	}
}

func TestEvidenceReadOverHTTPVerifies(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *house) {
		h.declare(t, governance.Identity{Name: "ida", Type: governance.Human, Groups: []string{}})
		auditor := h.person(t, "udo", api.RoleAuditor)
		var checkpoint api.EvidenceCheckpoint
		eventually(t, "the sequencing of five records", func() bool {
			var err error
			if checkpoint, err = auditor.EvidenceCheckpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
			opened, err := evidence.OpenCheckpoint([]byte(checkpoint.Note), checkpoint.Key)
			if err != nil {
				t.Fatal(err)
			}
			return opened.Tree.Size >= 5
		})
		entries := func(yield func(evidence.Entry, error) bool) {
			for from := int64(0); ; {
				records, err := auditor.EvidenceRecords(t.Context(), from, 2)
				if err != nil {
					yield(evidence.Entry{}, err)
					return
				}
				if len(records) == 0 {
					return
				}
				for _, r := range records {
					if r.Index != from {
						t.Errorf("record %d came for %d", r.Index, from)
					}
					if !yield(evidence.Entry{Leaf: r.Leaf, Disclosures: []byte(r.Disclosures)}, nil) {
						return
					}
					from++
				}
			}
		}
		report, err := evidence.Verify(entries, evidence.Anchor{Checkpoint: []byte(checkpoint.Note), VerifierKey: checkpoint.Key})
		if err != nil {
			t.Errorf("verify: %+v, %v", report, err)
		}
		if _, err := h.person(t, "eve", api.RoleAdmin).EvidenceCheckpoint(t.Context()); !client.HasCode(err, api.CodeForbidden) {
			t.Errorf("an administrator who is no auditor reads evidence: %v", err)
		}
	})
}

func TestTokenStandsForItsIdentityUntilItIsRevoked(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.declare(t, governance.Identity{Name: "ida", Type: governance.Human, Groups: []string{}})
		made, err := h.root.CreateToken(ctx, api.TokenInput{Name: "laptop", Identity: "ida", Roles: []api.Role{api.RoleAuthor}})
		if err != nil {
			t.Fatal(err)
		}
		ida := h.as(t, made.Secret)
		who, err := ida.WhoAmI(ctx)
		if err != nil || who.Identity != "ida" || who.Bootstrap || who.Token != made.ID || !slices.Equal(who.Roles, []api.Role{api.RoleAuthor}) {
			t.Errorf("who: %+v, %v", who, err)
		}
		if _, err := ida.CreateToken(ctx, api.TokenInput{Name: "x", Identity: "ida"}); !client.HasCode(err, api.CodeForbidden) {
			t.Errorf("an author makes tokens: %v", err)
		}
		listed, err := h.root.Tokens(ctx)
		if err != nil || !slices.ContainsFunc(listed.Items, func(t api.Token) bool {
			return t.ID == made.ID && t.Name == "laptop" && slices.Equal(t.CreatedBy, []governance.IdentityID{"bootstrap"})
		}) {
			t.Errorf("tokens: %+v, %v", listed.Items, err)
		}
		if revoked, err := h.root.RevokeToken(ctx, made.ID); err != nil || revoked.RevokedAt == nil {
			t.Errorf("revoke: %+v, %v", revoked, err)
		}
		if _, err := ida.WhoAmI(ctx); !client.HasCode(err, api.CodeUnauthenticated) {
			t.Errorf("a revoked token: %v", err)
		}
	})
}
