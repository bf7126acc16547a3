package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// member asks the target itself; a role that does not exist is no member.
func (h *harness) member(account, role string) bool {
	h.t.Helper()
	var is bool
	if err := h.admin.QueryRow(h.t.Context(), `SELECT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles a ON a.oid = m.member JOIN pg_roles r ON r.oid = m.roleid WHERE a.rolname = $1 AND r.rolname = $2)`, account, role).Scan(&is); err != nil {
		h.t.Fatal(err)
	}
	return is
}

// newcomer is another on-call engineer with an account.
func (h *harness) newcomer(name string) {
	h.t.Helper()
	h.target.Exec(h.t, "postgres", fmt.Sprintf(`CREATE ROLE %q LOGIN`, name))
	h.put(governance.Identity{Name: name, Type: governance.Human, Groups: []string{"oncall"}})
}

func (h *harness) syncs() {
	h.t.Helper()
	h.clock.Advance(time.Millisecond)
	h.meanwhile("the target is read", func() error {
		_, err := h.engine.Discovery.Sync(h.t.Context(), by, billing)
		return err
	})
}

func TestGrantEndsOnTheAccountThatWasRenamed(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		for _, name := range []string{"unseen", "seen", "away", "twin"} {
			h.newcomer(name)
		}
		change(h, governance.KindApplication, "billing", func(a *governance.Application) {
			a.Correlation, a.Discovery.Interval = `startswith(account.name, identity.name)`, governance.Duration(24*time.Hour)
		})
		h.syncs()
		held := map[string]governance.GrantID{}
		for _, name := range []string{"seen", "away", "twin"} {
			held[name] = h.granted(name, "", dba)
		}
		// twin's name goes to another, who has the right without an end.
		h.target.Exec(t, "postgres", `ALTER ROLE seen RENAME TO seen_too`, `ALTER ROLE away RENAME TO elsewhere`, `ALTER ROLE twin RENAME TO other`,
			`CREATE ROLE twin LOGIN IN ROLE billing_admin`)
		h.syncs()

		h.ended(held["away"], governance.EndIneligible, governance.OutcomeRemoved)
		h.ended(held["twin"], governance.EndIneligible, governance.OutcomeRemoved)
		if h.member("elsewhere", "billing_admin") || h.member("other", "billing_admin") {
			t.Error("who is not the identity's account any more has kept the right")
		}
		if !h.member("twin", "billing_admin") {
			t.Error("another lost a right for having the name")
		}
		if g := h.grant(held["seen"]); g.State != governance.GrantActive || g.Account != "billing/seen_too" {
			t.Errorf("the grant of an account that is still hers is %s on %s: %s", g.State, g.Account, g.EndDetail)
		}
		standing := h.findings(governance.FindingStandingPrivilege)
		if standing["billing/seen_too "+string(dba)] || !standing["billing/twin "+string(dba)] {
			t.Errorf("standing are %v", standing)
		}
		if found := h.evidenceOf("grant.renamed", string(held["seen"])); len(found) != 1 || found[0].Data["was_account"] != "billing/seen" {
			t.Errorf("evidence of the new name: %+v", found)
		}

		unseen := h.granted("unseen", "", dba)
		h.target.Exec(t, "postgres", `ALTER ROLE unseen RENAME TO "un-seen"`)
		h.clock.Advance(time.Hour)
		h.ended(unseen, governance.EndExpired, governance.OutcomeRemoved)
		h.ended(held["seen"], governance.EndExpired, governance.OutcomeRemoved)
		if h.member("un-seen", "billing_admin") || h.member("seen_too", "billing_admin") {
			t.Error("an account that was renamed has kept the right")
		}
	})
}

func TestGrantEndsWhenItsRightIsRenamedOrDropped(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		renamed, dropped, anew := h.granted("alice", "", dba), h.granted("alice", "", reader), h.granted("bob", "", payer)
		h.target.Exec(t, "postgres", `ALTER ROLE billing_admin RENAME TO billing_root`, `DROP ROLE billing_read`,
			`DROP ROLE payments`, `CREATE ROLE payments`, `GRANT payments TO bob`)
		h.syncs()
		h.ended(renamed, governance.EndIneligible, governance.OutcomeRemoved)
		h.ended(dropped, governance.EndIneligible, governance.OutcomeRemovedElsewhere)
		h.ended(anew, governance.EndIneligible, governance.OutcomeRemovedElsewhere)
		if h.member("alice", "billing_root") {
			t.Error("the right that was renamed is held on")
		}
		if !h.member("bob", "payments") {
			t.Error("a right that is called the same was taken for the one that was granted")
		}
		if detail := h.grant(anew).EndDetail; !strings.Contains(detail, "is another") {
			t.Errorf("the grant of what was made anew ended because %s", detail)
		}
		h.syncs()
		if standing := h.findings(governance.FindingStandingPrivilege); !standing["billing/bob "+string(payer)] || standing["billing/alice billing/role/billing_root"] {
			t.Errorf("standing are %v", standing)
		}
		for _, id := range []governance.GrantID{renamed, dropped, anew} {
			if found := h.evidenceOf("grant.resurfaced", string(id)); len(found) != 0 {
				t.Errorf("a right that is gone is said to have come back: %+v", found)
			}
		}
	})
}

// Administering a role brings membership along; hers stood before, and stays.
func TestWhatStoodBeforeStaysUnderItsNewName(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.asStint(`GRANT billing_admin TO alice`)
		h.syncs()
		id := h.granted("alice", "", dbaAdm)
		if stood := h.grant(id).Stood; !slices.Equal(stood, []governance.EntitlementID{dba}) {
			t.Fatalf("before it stood %v", stood)
		}
		h.target.Exec(t, "postgres", `ALTER ROLE billing_admin RENAME TO billing_root`)
		h.syncs()
		if stood := h.grant(id).Stood; !slices.Equal(stood, []governance.EntitlementID{"billing/role/billing_root"}) {
			t.Errorf("before it stood %v", stood)
		}
		h.ended(id, governance.EndIneligible, governance.OutcomeRemoved)
		if !h.member("alice", "billing_root") {
			t.Error("what stood before is gone")
		}
	})
}

func TestGrantEndsWhenItsRightIsDroppedAndNobodyLooks(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		dropped, renamed := h.granted("alice", "", payer), h.granted("alice", "", dba)
		h.target.Exec(t, "postgres", `DROP ROLE payments`, `ALTER ROLE billing_admin RENAME TO billing_root`)
		for _, id := range []governance.GrantID{dropped, renamed} {
			if _, err := h.engine.Access.Revoke(t.Context(), by, id, ""); err != nil {
				t.Fatal(err)
			}
		}
		h.ended(dropped, governance.EndRevokedBy, governance.OutcomeRemovedElsewhere)
		h.ended(renamed, governance.EndRevokedBy, governance.OutcomeRemoved)
		if h.member("alice", "billing_root") {
			t.Error("the right that was renamed is held on")
		}
	})
}

func TestGrantEndsWithItsAccount(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		for _, name := range []string{"dropped", "locked"} {
			h.newcomer(name)
		}
		h.syncs()
		dropped, locked := h.granted("dropped", "", dba), h.granted("locked", "", dba)
		h.target.Exec(t, "postgres", `DROP ROLE dropped`, `ALTER ROLE locked NOLOGIN`)
		h.syncs()
		h.ended(dropped, governance.EndIneligible, governance.OutcomeRemovedElsewhere)
		h.ended(locked, governance.EndIneligible, governance.OutcomeRemoved)
		if h.member("locked", "billing_admin") {
			t.Error("a role that may no longer log in has kept the right")
		}
	})
}

func TestRequestNamesWhichOfSeveralAccounts(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.target.Exec(t, "postgres", `CREATE ROLE alice_batch LOGIN`)
		change(h, governance.KindApplication, "billing", func(a *governance.Application) {
			a.Correlation = `account.name == identity.name || startswith(account.name, identity.name)`
		})
		h.syncs()
		denied := h.request("alice", "auto", "", dba)
		denials := denied.Decision.Denials()
		if denied.State != governance.RequestDenied || len(denials) != 1 || denials[0].Code != governance.ReasonAccountAmbiguous ||
			!strings.Contains(denials[0].Message, "billing/alice billing/alice_batch") {
			t.Fatalf("without an account the request is %s: %+v", denied.State, denials)
		}
		ask := askAuto("alice", dba)
		ask.Account = "billing/alice_batch"
		view, err := h.engine.Access.Request(t.Context(), actor("alice"), ask)
		if err != nil || len(view.Grants) != 1 {
			t.Fatalf("with an account: %v %+v", err, view.Decision.Denials())
		}
		h.untilState(view.Grants[0], governance.GrantActive)
		if !h.member("alice_batch", "billing_admin") || h.member("alice", "billing_admin") {
			t.Error("the right is not on the account that was named")
		}
	})
}
