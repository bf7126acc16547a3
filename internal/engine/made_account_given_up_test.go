package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/operations"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// accountStands has dora hold a right in an account that Stint has made for her.
func (h *harness) accountStands() governance.GrantID {
	h.t.Helper()
	h.declareMaking()
	h.put(governance.Identity{Name: "emil", Type: governance.Human, Groups: []string{}})
	id := h.request("dora", "newcomer", "", reader).Grants[0]
	h.untilState(id, governance.GrantActive)
	return id
}

// makesRole makes a role as Stint makes an account, under a mark.
func (h *harness) makesRole(name string, mark governance.MadeAccountID) {
	h.t.Helper()
	h.asStint(fmt.Sprintf(`CREATE ROLE %s LOGIN`, name))
	h.asStint(fmt.Sprintf(`COMMENT ON ROLE %s IS 'Made by Stint for a grant that ends; do not change this comment. Mark: %s'`, name, mark))
}

// failing is the operation of a kind on an account, once it was tried in vain.
func (h *harness) failing(kind grants.OperationKind) (operation operations.Operation) {
	h.t.Helper()
	h.until(string(kind)+" has failed", func() bool {
		for _, o := range h.open(operations.Filter{Application: billing, Failing: true, Kind: kind}) {
			operation = o
		}
		return operation.ID != ""
	})
	return operation
}

// mayOnlyGrant lets Stint give and take the right, and neither make nor remove accounts.
func (h *harness) mayOnlyGrant() {
	h.t.Helper()
	h.target.Exec(h.t, "postgres", `GRANT billing_read TO stint WITH ADMIN OPTION`, `ALTER ROLE stint NOCREATEROLE`)
}

func (h *harness) retires(first, second string) {
	h.t.Helper()
	if _, err := h.engine.Discovery.Sync(h.t.Context(), by, billing); err == nil {
		h.t.Fatal("a target that is down was read")
	}
	if _, err := h.engine.Operations.ProposeRetire(h.t.Context(), actor(first), billing, "scrapped"); err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.engine.Operations.ConfirmRetire(h.t.Context(), actor(second), billing); err != nil {
		h.t.Fatal(err)
	}
}

func TestReinstatedApplicationTakesUpTheAccountsThatWereGivenUp(t *testing.T) {
	onBothStores(t, func(_ *testing.T, h *harness) {
		h.accountStands()
		h.target.Stop(h.t)
		h.retires("alice", "emil")
		if a := h.madeAccount("billing/dora"); a.State != governance.AccountAbandoned || !h.findings(governance.FindingAccountLeft)["billing/dora "] {
			h.t.Errorf("the account is %s, and findings say %v", a.State, h.findings(governance.FindingAccountLeft))
		}
		h.restart()
		h.reinstates(operations.Reinstated{Grants: 1, Accounts: 1})
	})
}

func TestAccountThatWasGivenUpStaysAFindingWhenItsApplicationIsRemoved(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.accountStands()
		h.target.Stop(t)
		h.retires("alice", "emil")
		if err := h.destroy(governance.KindTemplate, "newcomer", false); err != nil {
			t.Fatal(err)
		}
		h.removeAll()
		if left := h.findings(governance.FindingAccountLeft); !left["billing/dora "] {
			t.Errorf("the account may still be there, and nothing says so: %v", left)
		}
	})
}

// It is a role that nobody can log in to by then, and not listed as an account.
func TestReinstatedApplicationRemovesAnAccountThatWasLocked(t *testing.T) {
	onBothStores(t, func(_ *testing.T, h *harness) {
		id := h.accountStands()
		h.target.Exec(h.t, "postgres", `CREATE TABLE notes (n int)`, `ALTER TABLE notes OWNER TO dora`)
		h.returned("dora", id)
		h.untilAccountIs("billing/dora", governance.AccountLocked)
		h.target.Stop(h.t)
		h.retires("alice", "emil")
		h.restart()
		h.target.Exec(h.t, "postgres", `DROP TABLE notes`)
		h.clock.Advance(time.Second) // what was given up before the read counts as seen
		h.reinstates(operations.Reinstated{})
	})
}

// reinstates has the application governed again, with dora's account gone for it.
func (h *harness) reinstates(want operations.Reinstated) {
	h.t.Helper()
	taken, err := h.engine.Operations.Reinstate(h.t.Context(), by, billing)
	if err != nil || taken != want {
		h.t.Errorf("reinstated: %+v, %v, want %+v", taken, err, want)
	}
	h.untilRoleIsGone("dora")
	h.untilAccountIs("billing/dora", governance.AccountRemoved)
	if left := h.findings(governance.FindingAccountLeft); len(left) > 0 {
		h.t.Errorf("findings: %v", left)
	}
	again := h.request("dora", "newcomer", "", reader).Grants[0]
	h.untilState(again, governance.GrantActive)
}

func TestAccountThatIsGivenUpByTwoPeopleIsAFindingUntilItIsTakenUpAgain(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		id := h.accountStands()
		ops, ctx := h.engine.Operations, t.Context()
		h.mayOnlyGrant()
		h.returned("dora", id)
		h.ended(id, governance.EndReturned, governance.OutcomeRemoved)
		operation := h.failing(grants.OperationRemoveAccount)
		if _, err := ops.ProposeAbandon(ctx, actor("dora"), operation.ID, "I keep it"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("whose account it is proposes: %v", err)
		}
		if _, err := ops.ProposeAbandon(ctx, actor("alice"), operation.ID, "nobody may"); err != nil {
			t.Fatal(err)
		}
		if _, err := ops.ConfirmAbandon(ctx, actor("alice"), operation.ID); !fault.Is(err, fault.Forbidden) {
			t.Errorf("one person gives it up: %v", err)
		}
		if _, err := ops.ConfirmAbandon(ctx, actor("emil"), operation.ID); err != nil {
			t.Fatal(err)
		}
		if state := h.madeAccount("billing/dora").State; state != governance.AccountAbandoned {
			t.Errorf("the account is %s", state)
		}
		if g := h.grant(id); g.AbandonedAt != nil || g.Outcome != governance.OutcomeRemoved {
			t.Errorf("its right was read and is gone, and the grant is %s, abandoned at %v", g.Outcome, g.AbandonedAt)
		}
		if left, given := h.findings(governance.FindingAccountLeft), h.findings(governance.FindingAbandoned); !left["billing/dora "] || len(given) > 0 {
			t.Errorf("findings: left %v, abandoned %v", left, given)
		}
		records := h.evidenceOf("account.abandoned", "billing/dora")
		if len(records) != 1 || records[0].Actor != "emil" || !strings.Contains(h.evidenceText(records[0]), `"proposed_by":"alice"`) {
			t.Errorf("evidence: %+v", records)
		}
		h.target.Exec(t, "postgres", `ALTER ROLE stint CREATEROLE`)
		h.sync()
		if exists, _ := h.role("dora"); !exists {
			t.Error("what was given up is removed unasked")
		}
		next, err := ops.Retry(ctx, by, operation.ID)
		if err != nil || next == operation.ID {
			t.Fatalf("take it up again: %s, %v", next, err)
		}
		h.untilRoleIsGone("dora")
		h.untilAccountIs("billing/dora", governance.AccountRemoved)
		if left := h.findings(governance.FindingAccountLeft); len(left) > 0 {
			t.Errorf("findings: %v", left)
		}
		if _, err := ops.Retry(ctx, by, operation.ID); !fault.Is(err, fault.Conflict) {
			t.Errorf("take it up once more: %v", err)
		}
	})
}

// Somebody else has removed the account that was given up, or locked it.
func TestAccountThatWasGivenUpAndIsSeenNoMoreIsOver(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		id := h.accountStands()
		h.mayOnlyGrant()
		h.returned("dora", id)
		operation := h.failing(grants.OperationRemoveAccount)
		if _, err := h.engine.Operations.ProposeAbandon(t.Context(), actor("alice"), operation.ID, "nobody may"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.engine.Operations.ConfirmAbandon(t.Context(), actor("emil"), operation.ID); err != nil {
			t.Fatal(err)
		}
		h.target.Exec(t, "postgres", `ALTER ROLE dora NOLOGIN`, `ALTER ROLE stint CREATEROLE`)
		h.sync()
		h.untilRoleIsGone("dora")
		h.untilAccountIs("billing/dora", governance.AccountRemoved)
	})
}

// What makes an account can be ended, and not given up: nobody would watch what it does.
func TestMakingAnAccountIsNotGivenUpButEnded(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declareMaking()
		h.put(governance.Identity{Name: "emil", Type: governance.Human, Groups: []string{}})
		h.target.Stop(t)
		id := h.request("dora", "newcomer", "", reader).Grants[0]
		operation := h.failing(grants.OperationMakeAccount)
		if _, err := h.engine.Operations.ProposeAbandon(t.Context(), actor("alice"), operation.ID, "it never answers"); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "end it first: stint revoke") {
			t.Errorf("it is given up: %v", err)
		}
		if _, err := h.engine.Access.Revoke(t.Context(), by, id, ""); err != nil {
			t.Fatal(err)
		}
		h.untilState(id, governance.GrantCancelled)
		h.clock.Advance(time.Minute)
		operation = h.failing(grants.OperationRemoveAccount)
		if _, err := h.engine.Operations.ProposeAbandon(t.Context(), actor("alice"), operation.ID, "it never answers"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.engine.Operations.ConfirmAbandon(t.Context(), actor("emil"), operation.ID); err != nil {
			t.Fatal(err)
		}
		if left := h.findings(governance.FindingAccountLeft); !left["billing/dora "] || len(h.open(operations.Filter{})) > 0 {
			t.Errorf("findings %v, still to be done %+v", left, h.open(operations.Filter{}))
		}
		h.restart()
		h.sync()
		h.untilAccountIs("billing/dora", governance.AccountRemoved)
		if left := h.findings(governance.FindingAccountLeft); len(left) > 0 {
			t.Errorf("it was never made, and is a finding: %v", left)
		}
	})
}

// A call that comes after all reads makes an account again that was seen gone.
func TestAccountThatCameBackIsRemovedWithTheNextRead(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		id := h.accountStands()
		mark := h.madeAccount("billing/dora").ID
		h.returned("dora", id)
		h.untilAccountIs("billing/dora", governance.AccountRemoved)
		h.clock.Advance(time.Minute)
		h.until("it was read a second time", func() bool { return !h.queued(id, grants.OperationRemoveAccount) })
		h.makesRole("dora", mark)
		h.sync()
		h.untilRoleIsGone("dora")
		h.until("it is over again", func() bool { return h.madeAccount("billing/dora").State == governance.AccountRemoved })
		if course := h.courseOf("billing/dora"); !slices.Contains(course, "account.resurfaced") {
			t.Errorf("nothing tells of it: %v", course)
		}
	})
}

func TestMadeAccountIsFollowedWhereItWasRenamed(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		id := h.accountStands()
		h.target.Exec(t, "postgres", `ALTER ROLE dora RENAME TO theodora`)
		h.sync()
		// By the correlation it is not hers any more.
		h.ended(id, governance.EndIneligible, governance.OutcomeRemoved)
		h.untilRoleIsGone("theodora")
		h.untilAccountIs("billing/theodora", governance.AccountRemoved)
		if left := h.findings(governance.FindingAccountLeft); len(left) > 0 {
			t.Errorf("findings: %v", left)
		}
		again := h.request("dora", "newcomer", "", reader).Grants[0]
		h.untilState(again, governance.GrantActive)

		// Renamed, its comment gone, and another in its place: it is known by its OID.
		h.target.Exec(t, "postgres", `COMMENT ON ROLE dora IS NULL`, `ALTER ROLE dora RENAME TO theodora`, `CREATE ROLE dora LOGIN`)
		h.returned("dora", again)
		h.ended(again, governance.EndReturned, governance.OutcomeRemoved)
		h.untilRoleIsGone("theodora")
		if exists, login := h.role("dora"); !exists || !login {
			t.Error("a role that somebody else has made was taken away")
		}
	})
}

func TestRestoredStateRemovesTheAccountsOfWhatItTakesBack(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declareMaking()
		begins := h.clock.Now().Add(10 * time.Hour)
		view, err := h.engine.Access.Request(t.Context(), actor("dora"), access.Ask{Identity: "dora", Template: "newcomer", Entitlements: []governance.EntitlementID{reader}, NotBefore: &begins})
		if err != nil || len(view.Grants) != 1 {
			t.Fatalf("it came to %+v, %v", view, err)
		}
		planned := h.grant(view.Grants[0]).Grant
		now := h.clock.Now()
		planned.ActivatedAt = &now
		h.fromBackup()
		// After the backup the planned grant was given in an account that was made for it,
		// and one for emil, of which the backup has nothing.
		unknown := planned
		unknown.ID, unknown.Identity, unknown.Account, unknown.MadeAccount = "0199ffff-0000-7000-8000-00000000000e", "emil", "billing/emil", "0199ffff-0000-7000-8000-00000000000f"
		for _, g := range []*governance.Grant{&planned, &unknown} {
			_, name, _ := g.Account.Split()
			h.makesRole(name, g.MadeAccount)
			h.asStint(`GRANT billing_read TO ` + name)
			if err := h.admin.QueryRow(t.Context(), `SELECT oid::text FROM pg_roles WHERE rolname = $1`, name).Scan(&g.AccountUID); err != nil {
				t.Fatal(err)
			}
			h.stood(*g)
		}
		// One whose grant stands in no ledger: its mark may be another engine's.
		h.makesRole("stray", "0199ffff-0000-7000-8000-000000000010")
		h.start()
		h.untilRoleIsGone("dora")
		h.untilRoleIsGone("emil")
		for _, id := range []governance.GrantID{planned.ID, unknown.ID} {
			h.ended(id, governance.EndBackupRestored, governance.OutcomeRemoved)
		}
		h.untilAccountIs("billing/dora", governance.AccountRemoved)
		h.untilAccountIs("billing/emil", governance.AccountRemoved)
		h.sync()
		if left := h.findings(governance.FindingAccountLeft); len(left) != 1 || !left["billing/stray "] {
			t.Errorf("findings: %v", left)
		}
		if exists, login := h.role("stray"); !exists || !login {
			t.Error("an account that this engine does not know was taken away")
		}
		h.verifyEvidence()
	})
}
