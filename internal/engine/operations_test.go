package engine_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/operations"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// stuck is a grant of alice's whose revocation fails because the target is down.
func (h *harness) stuck() (governance.GrantID, operations.Operation) {
	h.t.Helper()
	for _, name := range []string{"dora", "emil"} {
		h.put(governance.Identity{Name: name, Type: governance.Human, Groups: []string{}})
	}
	id := h.granted("alice", "", dba)
	h.target.Stop(h.t)
	if _, err := h.engine.Access.Revoke(h.t.Context(), by, id, ""); err != nil {
		h.t.Fatal(err)
	}
	var operation operations.Operation
	h.until("its revocation has failed", func() bool {
		for _, o := range h.open(operations.Filter{Application: billing, Failing: true}) {
			if o.Grant == id && o.Kind == grants.OperationRevoke {
				operation = o
			}
		}
		return operation.ID != ""
	})
	return id, operation
}

func (h *harness) open(filter operations.Filter) []operations.Operation {
	h.t.Helper()
	list, err := h.engine.Operations.List(h.t.Context(), filter)
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func (h *harness) restart() {
	h.t.Helper()
	h.target.Restart(h.t)
	h.admin = h.target.Connect(h.t, "postgres")
}

const abandonedAdmin = "billing/alice billing/role/billing_admin"

func TestStuckOperationIsSeenAndNudged(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id, operation := h.stuck()
		if operation.Account != "billing/alice" || operation.Entitlement != dba || operation.Identity != "alice" || operation.LastError == "" || operation.Overdue ||
			!operation.DueSince.Equal(*h.grant(id).RevokingAt) || operation.Proposal != nil {
			t.Errorf("the stuck operation is shown as %+v", operation)
		}
		for name, filter := range map[string]operations.Filter{"another application": {Application: "crm"}, "another kind": {Kind: grants.OperationGrant}, "what is overdue": {Overdue: true}} {
			if list := h.open(filter); len(list) != 0 {
				t.Errorf("%s: %+v", name, list)
			}
		}
		h.clock.Advance(governance.OverdueAfter)
		h.until("it is overdue, and the next try is far off", func() bool {
			list := h.open(operations.Filter{Overdue: true})
			return len(list) == 1 && list[0].NextAt.Sub(h.clock.Now()) > 2*time.Second
		})
		h.restart()
		if next, err := h.engine.Operations.Retry(t.Context(), by, operation.ID); err != nil || next != operation.ID {
			t.Fatalf("nudge: %s, %v", next, err)
		}
		for _, o := range h.open(operations.Filter{Application: billing}) {
			if o.ID == operation.ID && o.NextAt.After(h.clock.Now()) {
				t.Errorf("it waits until %s nevertheless", o.NextAt)
			}
		}
		h.ended(id, governance.EndRevokedBy, governance.OutcomeRemoved)
		if records := h.evidenceOf("operation.retried", string(operation.ID)); len(records) != 1 || records[0].Actor != "carol" {
			t.Errorf("evidence of the nudge: %+v", records)
		}
		if _, err := h.engine.Operations.Retry(t.Context(), by, operation.ID); !fault.Is(err, fault.Conflict) {
			t.Errorf("nudge what is done: %v", err)
		}
		if _, err := h.engine.Operations.Retry(t.Context(), by, "nothing"); !fault.Is(err, fault.NotFound) {
			t.Errorf("nudge nothing: %v", err)
		}
		if _, err := h.engine.Operations.RetryAll(t.Context(), by, "crm"); !fault.Is(err, fault.NotFound) {
			t.Errorf("nudge an unknown application: %v", err)
		}
	})
}

func TestOverdueIsNoticedByTimeAlone(t *testing.T) {
	onBothStores(t, func(_ *testing.T, h *harness) {
		h.declare()
		id, _ := h.stuck()
		before := len(h.evidenceOf("application.findings_changed", "billing"))
		h.clock.Advance(governance.OverdueAfter)
		h.until("the finding stands, and nobody asked for it", func() bool {
			records := h.evidenceOf("application.findings_changed", "billing")
			return len(records) > before && strings.Contains(h.evidenceText(records[len(records)-1]), string(id))
		})
	})
}

func TestStuckOperationIsAbandonedByTwoPeople(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id, operation := h.stuck()
		ops, ctx := h.engine.Operations, t.Context()
		if _, err := ops.ConfirmAbandon(ctx, actor("dora"), operation.ID); !fault.Is(err, fault.Conflict) {
			t.Errorf("confirm what nobody proposed: %v", err)
		}
		if _, err := ops.ProposeAbandon(ctx, actor("alice"), operation.ID, "I keep it"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("the holder proposes: %v", err)
		}
		if _, err := ops.ProposeAbandon(ctx, actor("dora"), operation.ID, " "); !fault.Is(err, fault.Invalid) {
			t.Errorf("propose without a reason: %v", err)
		}
		proposal, err := ops.ProposeAbandon(ctx, actor("dora"), operation.ID, "the server was scrapped")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ops.ProposeAbandon(ctx, actor("emil"), operation.ID, "so say I"); !fault.Is(err, fault.Conflict) {
			t.Errorf("propose it again: %v", err)
		}
		if open := h.open(operations.Filter{Failing: true}); len(open) != 1 || open[0].Proposal == nil || open[0].Proposal.By != "dora" {
			t.Errorf("the proposal is not shown: %+v", open)
		}
		for _, who := range []string{"dora", "alice", "deploy-bot"} {
			if _, err := ops.ConfirmAbandon(ctx, actor(who), operation.ID); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s confirms: %v", who, err)
			}
		}
		h.put(governance.Delegation{Name: "dora-away", From: "dora", To: "carol", EndsAt: h.clock.Now().Add(time.Hour)})
		if _, err := ops.ConfirmAbandon(ctx, actor("carol"), operation.ID); !fault.Is(err, fault.Forbidden) {
			t.Errorf("who stands in for the first confirms: %v", err)
		}
		if h.grant(id).State != governance.GrantRevoking {
			t.Fatalf("one person ended it: %s", h.grant(id).State)
		}
		if _, err := ops.ConfirmAbandon(ctx, actor("emil"), operation.ID); err != nil {
			t.Fatal(err)
		}
		h.ended(id, governance.EndRevokedBy, governance.OutcomeAbandoned)
		if !h.findings(governance.FindingAbandoned)[abandonedAdmin] {
			t.Error("the right may still stand, and nothing says so")
		}
		proposed, ended := h.evidenceOf("operation.abandon_proposed", string(operation.ID)), h.evidenceOf("grant.ended", string(id))
		if len(proposed) != 1 || proposed[0].Actor != "dora" || len(ended) != 1 || ended[0].Actor != "emil" || !strings.Contains(h.evidenceText(ended[0]), `"proposed_by":"dora"`) {
			t.Errorf("evidence: proposed %+v, ended %+v", proposed, ended)
		}
		if proposal.Reason == "" || strings.Contains(h.evidenceText(ended[0]), proposal.Reason) {
			t.Error("free text stands in the log in the clear")
		}

		h.restart()
		h.sync()
		if !h.administers("alice") {
			t.Fatal("what was given up was taken back unasked")
		}
		if !h.findings(governance.FindingAbandoned)[abandonedAdmin] || h.findings(governance.FindingStandingPrivilege)[abandonedAdmin] {
			t.Errorf("it still stands: abandoned %v, standing %v", h.findings(governance.FindingAbandoned), h.findings(governance.FindingStandingPrivilege))
		}
		next, err := ops.Retry(ctx, by, operation.ID)
		if err != nil || next == operation.ID {
			t.Fatalf("take it up again: %s, %v", next, err)
		}
		h.until("it is taken back after all", func() bool { return !h.administers("alice") && len(h.findings(governance.FindingAbandoned)) == 0 })
		if _, err := ops.Retry(ctx, by, operation.ID); !fault.Is(err, fault.Conflict) {
			t.Errorf("take it up once more: %v", err)
		}
		if g := h.grant(id); g.Outcome != governance.OutcomeAbandoned {
			t.Errorf("the outcome is %s now", g.Outcome)
		}
	})
}

func TestAbandonedRightThatIsSeenGoneIsNoFinding(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id, operation := h.stuck()
		h.abandon(operation.ID)
		h.ended(id, governance.EndRevokedBy, governance.OutcomeAbandoned)
		if !h.inLedger(id) {
			t.Error("it may still stand, and has left the ledger")
		}
		if left := h.engine.Recovery.Settle(t.Context()); left.Err != nil || !h.inLedger(id) {
			t.Errorf("it may still stand, and is in no ledger; error %v", left.Err)
		}
		h.restart()
		h.asStint(`REVOKE billing_admin FROM alice`)
		h.sync()
		if h.inLedger(id) {
			t.Error("it was seen gone and is still in the ledger")
		}
		if found := h.findings(governance.FindingAbandoned); len(found) != 0 {
			t.Errorf("it is gone, and a finding: %v", found)
		}
		if n := len(h.evidenceOf("grant.seen_gone", string(id))); n != 1 {
			t.Errorf("%d records say that it was seen gone", n)
		}
	})
}

func (h *harness) abandon(id governance.OperationID) {
	h.t.Helper()
	if _, err := h.engine.Operations.ProposeAbandon(h.t.Context(), actor("dora"), id, "it is gone"); err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.engine.Operations.ConfirmAbandon(h.t.Context(), actor("emil"), id); err != nil {
		h.t.Fatal(err)
	}
}

// What stood because of an abandoned grant did not stand before the next one.
func TestGrantAfterAnAbandonedOneTakesTheRightBack(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		_, operation := h.stuck()
		h.abandon(operation.ID)
		h.restart()
		again := h.granted("alice", "", dba)
		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), again, ""); err != nil {
			t.Fatal(err)
		}
		h.ended(again, governance.EndReturned, governance.OutcomeRemoved)
		if h.administers("alice") {
			t.Error("the abandoned right counts as one that stood before")
		}
	})
}

func TestProposalLapses(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		_, operation := h.stuck()
		if _, err := h.engine.Operations.ProposeAbandon(t.Context(), actor("dora"), operation.ID, "it is gone"); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(governance.ProposalLapses)
		if _, err := h.engine.Operations.ConfirmAbandon(t.Context(), actor("emil"), operation.ID); !fault.Is(err, fault.Conflict) {
			t.Errorf("confirm what has lapsed: %v", err)
		}
		if _, err := h.engine.Operations.ProposeAbandon(t.Context(), actor("emil"), operation.ID, "it is gone"); err != nil {
			t.Errorf("propose it anew: %v", err)
		}
		if _, err := h.engine.Operations.ConfirmAbandon(t.Context(), actor("dora"), operation.ID); err != nil {
			t.Errorf("the first of a lapsed proposal confirms another's: %v", err)
		}
	})
}

func TestProposalIsWithdrawn(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id, operation := h.stuck()
		ops, ctx := h.engine.Operations, t.Context()
		if _, err := ops.WithdrawAbandon(ctx, actor("dora"), operation.ID); !fault.Is(err, fault.Conflict) {
			t.Errorf("withdraw what nobody has proposed: %v", err)
		}
		if _, err := h.engine.Discovery.Sync(ctx, by, billing); err == nil {
			t.Fatal("a target that is down was read")
		}
		for _, c := range []struct {
			record, subject            string
			propose, withdraw, confirm func(who string) error
		}{
			{
				"operation.abandon_withdrawn", string(operation.ID),
				func(who string) error {
					_, err := ops.ProposeAbandon(ctx, actor(who), operation.ID, "it is gone")
					return err
				},
				func(who string) error { _, err := ops.WithdrawAbandon(ctx, actor(who), operation.ID); return err },
				func(who string) error { _, err := ops.ConfirmAbandon(ctx, actor(who), operation.ID); return err },
			},
			{
				"application.retire_withdrawn", string(billing),
				func(who string) error {
					_, err := ops.ProposeRetire(ctx, actor(who), billing, "it is gone")
					return err
				},
				func(who string) error { _, err := ops.WithdrawRetire(ctx, actor(who), billing); return err },
				func(who string) error { _, err := ops.ConfirmRetire(ctx, actor(who), billing); return err },
			},
		} {
			for n, second := range []string{"dora", "emil"} { // who proposed it, and another
				if err := errors.Join(c.propose("dora"), c.withdraw(second)); err != nil {
					t.Errorf("%s: %v", c.record, err)
				}
				if err := c.confirm("emil"); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "nobody has proposed it") {
					t.Errorf("%s: it is confirmed: %v", c.record, err)
				}
				records := h.evidenceOf(c.record, c.subject)
				if len(records) != n+1 || !strings.Contains(h.evidenceText(records[n]), `"proposed_by":"dora"`) {
					t.Errorf("%s: %d records", c.record, len(records))
				}
			}
		}
		if g := h.grant(id); g.State != governance.GrantRevoking {
			t.Errorf("the grant is %s", g.State)
		}
	})
}

// The target answers while the second person speaks: either the worker saw the
// right go, or two people gave it up and it is a finding. Never both, and never
// neither.
func TestWhatIsObservedWinsOverWhatIsAbandoned(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id, operation := h.stuck()
		ops, ctx := h.engine.Operations, t.Context()
		if _, err := ops.ProposeAbandon(ctx, actor("dora"), operation.ID, "it is gone"); err != nil {
			t.Fatal(err)
		}
		h.restart()
		var wait sync.WaitGroup
		var confirmed error
		wait.Go(func() {
			if _, err := ops.Retry(ctx, by, operation.ID); err != nil && !fault.Is(err, fault.Conflict) {
				t.Errorf("nudge: %v", err)
			}
		})
		wait.Go(func() { _, confirmed = ops.ConfirmAbandon(ctx, actor("emil"), operation.ID) })
		wait.Wait()
		h.until("it is over", func() bool { return !h.grant(id).State.Live() })
		switch g := h.grant(id); {
		case confirmed == nil && g.Outcome == governance.OutcomeAbandoned:
		case fault.Is(confirmed, fault.Conflict) && g.Outcome == governance.OutcomeRemoved && g.AbandonedAt == nil:
			if h.administers("alice") || len(h.findings(governance.FindingAbandoned)) != 0 {
				t.Error("it was seen gone, and stands or is a finding")
			}
		default:
			t.Errorf("confirmed: %v; outcome %s", confirmed, g.Outcome)
		}
		if n := len(h.evidenceOf("grant.ended", string(id))); n != 1 {
			t.Errorf("it has ended %d times", n)
		}
		// Once it was seen gone, there is nothing to give up.
		if g := h.grant(id); g.Outcome == governance.OutcomeRemoved {
			if _, err := ops.ConfirmAbandon(ctx, actor("emil"), operation.ID); !fault.Is(err, fault.Conflict) {
				t.Errorf("confirm after the end: %v", err)
			}
		}
	})
}

func TestRetiredApplicationIsGivenUpWholeAndCanBeRemoved(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		active := h.granted("bob", "", reader)
		id, _ := h.stuck()
		probed := func() (value float64, shown bool) {
			value, shown = h.measured()["stint_target_unreachable billing"]
			return value, shown
		}
		h.until("the target is only probed", func() bool { value, _ := probed(); return value == 1 })
		ops, ctx := h.engine.Operations, t.Context()
		if _, err := ops.ProposeRetire(ctx, actor("dora"), billing, "scrapped"); !fault.Is(err, fault.Conflict) {
			t.Errorf("retire what answered when it was last read: %v", err)
		}
		if _, err := h.engine.Discovery.Sync(ctx, by, billing); err == nil {
			t.Fatal("a target that is down was read")
		}
		waiting := h.request("bob", "approved", "", dba)
		if _, err := ops.ProposeRetire(ctx, actor("bob"), billing, "I keep it"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("who holds a grant in it proposes: %v", err)
		}
		if _, err := ops.ProposeRetire(ctx, actor("dora"), billing, "scrapped"); err != nil {
			t.Fatal(err)
		}
		if _, err := ops.ConfirmRetire(ctx, actor("dora"), billing); !fault.Is(err, fault.Forbidden) {
			t.Errorf("one person retires it: %v", err)
		}
		retired, err := ops.ConfirmRetire(ctx, actor("emil"), billing)
		if err != nil || len(retired.Grants) != 2 {
			t.Fatalf("retire: %+v, %v", retired, err)
		}
		h.ended(id, governance.EndRevokedBy, governance.OutcomeAbandoned)
		h.ended(active, governance.EndApplicationRemoved, governance.OutcomeAbandoned)
		if open := h.open(operations.Filter{}); len(open) != 0 {
			t.Errorf("something is still to be done: %+v", open)
		}
		both := map[string]bool{abandonedAdmin: true, "billing/bob billing/role/billing_read": true}
		if found := h.findings(governance.FindingAbandoned); len(found) != 2 || !found[abandonedAdmin] {
			t.Errorf("findings: %v, want %v", found, both)
		}
		refused := h.request("bob", "auto", "", reader)
		if refused.State != governance.RequestDenied || !strings.Contains(refused.Decision.Denials()[0].Message, "is retired") {
			t.Errorf("a request in it is %s: %v", refused.State, refused.Decision.Reasons)
		}
		if _, err := h.engine.Access.Withdraw(ctx, actor("bob"), waiting.ID); err != nil {
			t.Errorf("what waited for approval: %v", err)
		}
		h.clock.Advance(2 * time.Hour)
		h.until("the next discovery would be due", func() bool { return h.marked() })
		if _, err := ops.ConfirmRetire(ctx, actor("emil"), billing); !fault.Is(err, fault.Conflict) {
			t.Errorf("retire it twice: %v", err)
		}
		if n := len(h.evidenceOf("application.retired", "billing")); n != 1 {
			t.Errorf("%d records say that it was retired", n)
		}
		h.removeAll()
		if found := h.findings(governance.FindingAbandoned); len(found) != 2 {
			t.Errorf("the findings went with the application: %v", found)
		}
		h.until("the worker has left it", func() bool { _, shown := probed(); return !shown })
	})
}

// removeAll deletes everything that refers to the application, and it.
func (h *harness) removeAll() {
	h.t.Helper()
	for _, object := range []struct {
		kind governance.Kind
		ids  []string
	}{
		{governance.KindTemplate, []string{"auto", "approved"}}, {governance.KindPolicy, []string{"oncall"}},
		{governance.KindEntitlement, []string{string(reader), string(writer), string(dba), string(dbaAdm), string(payer)}},
		{governance.KindApplication, []string{string(billing)}},
	} {
		for _, id := range object.ids {
			stored, err := h.engine.Catalog.Get(h.t.Context(), object.kind, id)
			if err != nil {
				h.t.Fatal(err)
			}
			if err := h.engine.Catalog.Delete(h.t.Context(), by, object.kind, id, stored.Version, false); err != nil {
				h.t.Fatalf("delete %s %s: %v", object.kind, id, err)
			}
		}
	}
}

// Nobody looks at the findings between the retirement and the removal.
func TestWhatWasGivenUpStaysAFindingHoweverSoonItsApplicationIsRemoved(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.stuck()
		ops, ctx := h.engine.Operations, t.Context()
		if _, err := h.engine.Discovery.Sync(ctx, by, billing); err == nil {
			t.Fatal("a target that is down was read")
		}
		if _, err := ops.ProposeRetire(ctx, actor("dora"), billing, "scrapped"); err != nil {
			t.Fatal(err)
		}
		if _, err := ops.ConfirmRetire(ctx, actor("emil"), billing); err != nil {
			t.Fatal(err)
		}
		h.removeAll()
		if found := h.findings(governance.FindingAbandoned); len(found) != 1 || !found[abandonedAdmin] {
			t.Errorf("findings: %v", found)
		}
	})
}

func TestRetiredApplicationThatAnswersAgainIsReinstated(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id, _ := h.stuck()
		ops, ctx := h.engine.Operations, t.Context()
		if _, err := h.engine.Discovery.Sync(ctx, by, billing); err == nil {
			t.Fatal("a target that is down was read")
		}
		if _, err := ops.Reinstate(ctx, by, billing); !fault.Is(err, fault.Conflict) {
			t.Errorf("reinstate what is not retired: %v", err)
		}
		if _, err := ops.ProposeRetire(ctx, actor("dora"), billing, "scrapped"); err != nil {
			t.Fatal(err)
		}
		if _, err := ops.ConfirmRetire(ctx, actor("emil"), billing); err != nil {
			t.Fatal(err)
		}
		if _, err := ops.Reinstate(ctx, by, billing); !fault.Is(err, fault.TargetFailed) {
			t.Errorf("reinstate what does not answer: %v", err)
		}
		h.restart()
		resumed, err := ops.Reinstate(ctx, by, billing)
		if err != nil || resumed.Grants != 1 {
			t.Fatalf("reinstate: %+v, %v", resumed, err)
		}
		h.until("what had been given up is taken back", func() bool { return !h.administers("alice") && len(h.findings(governance.FindingAbandoned)) == 0 })
		if g := h.grant(id); g.Outcome != governance.OutcomeAbandoned {
			t.Errorf("outcome %s", g.Outcome)
		}
		h.granted("alice", "", reader)
	})
}

func (h *harness) evidenceText(r evidence.Record) string {
	h.t.Helper()
	text, err := json.Marshal(r.Data)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

// The second read proves absence only once no call can be carried out any more.
func TestSecondReadIsNotHurried(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id := h.granted("alice", "", dba)
		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), id, ""); err != nil {
			t.Fatal(err)
		}
		h.ended(id, governance.EndReturned, governance.OutcomeRemoved)
		reads := h.open(operations.Filter{Kind: grants.OperationVerify})
		if len(reads) != 1 || !reads[0].NextAt.After(h.clock.Now()) {
			t.Fatalf("the reads that wait are %+v", reads)
		}
		if n, err := h.engine.Operations.RetryAll(t.Context(), by, billing); err != nil || n != 0 {
			t.Errorf("of all, %d are hurried, %v", n, err)
		}
		if _, err := h.engine.Operations.Retry(t.Context(), by, reads[0].ID); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "prove nothing") {
			t.Errorf("it is hurried: %v", err)
		}
		if after := h.open(operations.Filter{Kind: grants.OperationVerify}); len(after) != 1 || !after[0].NextAt.Equal(reads[0].NextAt) {
			t.Errorf("it waited until %s, and now %+v", reads[0].NextAt, after)
		}
	})
}
