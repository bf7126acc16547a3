package engine_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// declareMaking adds dora, who has no account, and the template "newcomer", which
// has one made.
func (h *harness) declareMaking() {
	h.t.Helper()
	h.declare()
	h.put(governance.Identity{Name: "dora", Type: governance.Human, Groups: []string{"oncall"}})
	h.put(h.makingTemplate())
}

func (h *harness) makingTemplate() governance.GrantTemplate {
	return governance.GrantTemplate{
		Name: "newcomer", Entitlements: []governance.EntitlementID{reader, dba}, EligibilityPolicies: []governance.PolicyID{"oncall"},
		Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(8 * time.Hour)},
		ActivateWithin: governance.Duration(15 * time.Minute), ScheduleWithin: span(24 * time.Hour), Justification: governance.JustificationOptional,
		Approval: governance.ApprovalDefinition{Automatic: true}, CreateAccount: true,
	}
}

// role asks the target itself whether there is a role, and whether it may log in.
func (h *harness) role(name string) (exists, login bool) {
	h.t.Helper()
	if err := h.admin.QueryRow(h.t.Context(), `SELECT count(*) > 0, coalesce(bool_or(rolcanlogin), false) FROM pg_roles WHERE rolname = $1`, name).Scan(&exists, &login); err != nil {
		h.t.Fatal(err)
	}
	return exists, login
}

func (h *harness) untilRoleIsGone(name string) {
	h.t.Helper()
	h.until("role "+name+" is gone", func() bool { exists, _ := h.role(name); return !exists })
}

// owners are those that are known of the target, with whose they are.
func (h *harness) owners() map[string]governance.IdentityID {
	h.t.Helper()
	list, _, err := h.engine.Discovery.Accounts(h.t.Context(), billing)
	if err != nil {
		h.t.Fatal(err)
	}
	known := map[string]governance.IdentityID{}
	for _, a := range list {
		known[a.Name] = a.Identity
	}
	return known
}

// untilAccountIs waits until the account that Stint has made is in a state.
func (h *harness) untilAccountIs(account string, states ...governance.MadeAccountState) {
	h.t.Helper()
	h.until("account "+account+" is "+string(states[0]), func() bool { return slices.Contains(states, h.madeAccount(account).State) })
}

// madeAccount is the latest account of the name that Stint has made.
func (h *harness) madeAccount(account string) (latest governance.MadeAccount) {
	h.t.Helper()
	views, err := h.engine.Access.ListGrants(h.t.Context(), access.GrantFilter{})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.engine.Journal.Read(h.t.Context(), func(tx *journal.Tx) (err error) {
		for _, g := range views {
			if g.Account != governance.AccountID(account) || g.MadeAccount == "" || err != nil {
				continue
			}
			body, failed := tx.GetMadeAccount(h.t.Context(), string(g.MadeAccount))
			list, wrong := grants.Accounts([]string{body}, failed)
			if err = wrong; err == nil && list[0].ID >= latest.ID {
				latest = list[0]
			}
		}
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	return latest
}

// courseOf are the kinds of evidence about an account, in order.
func (h *harness) courseOf(account string) []string {
	h.t.Helper()
	if err := h.engine.Journal.Sequence(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	records, err := h.engine.Journal.Records(h.t.Context(), 0, 1_000_000)
	if err != nil {
		h.t.Fatal(err)
	}
	var kinds []string
	for _, r := range records {
		record, err := evidence.Decode(r.Entry.Leaf)
		if err != nil {
			h.t.Fatal(err)
		}
		if record.Subject == (evidence.Subject{Type: "account", ID: account}) {
			kinds = append(kinds, record.Kind)
		}
	}
	return kinds
}

func (h *harness) returned(who string, id governance.GrantID) {
	h.t.Helper()
	if _, err := h.engine.Access.Return(h.t.Context(), actor(who), id, "done"); err != nil {
		h.t.Fatal(err)
	}
}

func TestAccountIsMadeForItsFirstGrantAndRemovedAfterItsLast(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declareMaking()
		view := h.request("dora", "auto", "", reader)
		if len(view.Grants) != 0 || !strings.Contains(view.Decision.Denials()[0].Message, "create_account = true") {
			t.Errorf("it came to %+v", view.Decision)
		}
		list, err := h.engine.Access.Eligible(t.Context(), access.Ask{Identity: "dora"})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range list.Openings {
			if opens := o.Certainty != governance.Never; opens != (o.Template == "newcomer") {
				t.Errorf("dora's opening of %s through %s is %s", o.Entitlement, o.Template, o.Certainty)
			}
		}
		view = h.request("dora", "newcomer", "", reader, dba)
		if len(view.Grants) != 2 || !slices.Equal(view.Decision.Creates, []governance.AccountID{"billing/dora"}) {
			t.Fatalf("the request is %s, creating %v: %+v", view.State, view.Decision.Creates, view.Decision.Reasons)
		}
		for _, id := range view.Grants {
			h.untilState(id, governance.GrantActive)
		}
		if exists, login := h.role("dora"); !exists || !login || !h.administers("dora") {
			t.Error("a grant is active, and its account is not there, or does not hold it")
		}
		if owner := h.owners()["dora"]; owner != "dora" {
			t.Errorf("the account is taken for %q's", owner)
		}
		// What was made for one grant serves another, of a template that makes none.
		more := h.granted("dora", "", writer)
		for _, id := range view.Grants {
			h.returned("dora", id)
			h.untilState(id, governance.GrantEnded)
		}
		h.sync()
		if exists, login := h.role("dora"); !exists || !login {
			t.Error("the account is gone while a grant rests on it")
		}
		h.returned("dora", more)
		h.ended(more, governance.EndReturned, governance.OutcomeRemoved)
		h.untilRoleIsGone("dora")
		h.untilAccountIs("billing/dora", governance.AccountRemoved)
		if _, known := h.owners()["dora"]; known {
			t.Error("an account that was removed is still listed")
		}
		h.clock.Advance(time.Minute)
		h.until("it was read a second time", func() bool { return !h.queued(more, grants.OperationRemoveAccount) })
		h.sync()
		if left := h.findings(governance.FindingAccountLeft); len(left) > 0 {
			t.Errorf("findings: %v", left)
		}
		want := []string{"account.planned", "account.creating", "account.made", "account.removing", "account.removed"}
		if got := h.courseOf("billing/dora"); !slices.Equal(got, want) {
			t.Errorf("evidence of the account: %v, want %v", got, want)
		}
		h.verifyEvidence()
		again := h.request("dora", "newcomer", "", reader).Grants[0]
		h.untilState(again, governance.GrantActive)
	})
}

func TestAccountThatCannotBeMadeEndsItsGrantWithTheReason(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declareMaking()
		h.target.Exec(t, "postgres", `CREATE ROLE dora`) // a group, and so no account that is known
		id := h.request("dora", "newcomer", "", reader).Grants[0]
		h.untilState(id, governance.GrantCancelled)
		if g := h.grant(id); g.EndReason != governance.EndProvisionFailed || !strings.Contains(g.EndDetail, `there is a role "dora" already`) {
			t.Errorf("it ended because %s: %s", g.EndReason, g.EndDetail)
		}
		h.clock.Advance(time.Minute)
		h.untilAccountIs("billing/dora", governance.AccountRemoved)
		if exists, login := h.role("dora"); !exists || login {
			t.Error("a role that somebody else has made was changed")
		}
		h.target.Exec(t, "postgres", `DROP ROLE dora`, `ALTER ROLE stint NOCREATEROLE`)
		id = h.request("dora", "newcomer", "", reader).Grants[0]
		h.untilState(id, governance.GrantCancelled)
		if g := h.grant(id); !strings.Contains(g.EndDetail, "ALTER ROLE \"stint\" CREATEROLE") {
			t.Errorf("it ended because %s", g.EndDetail)
		}
	})
}

func TestAccountThatCannotBeRemovedIsLockedUntilItCan(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declareMaking()
		id := h.request("dora", "newcomer", "", reader).Grants[0]
		h.untilState(id, governance.GrantActive)
		h.target.Exec(t, "postgres", `CREATE TABLE notes (n int)`, `ALTER TABLE notes OWNER TO dora`)
		h.clock.Advance(2 * time.Hour)
		h.ended(id, governance.EndExpired, governance.OutcomeRemoved)
		h.untilAccountIs("billing/dora", governance.AccountLocked)
		if exists, login := h.role("dora"); !exists || login {
			t.Errorf("the role exists %v and may log in %v", exists, login)
		}
		if left := h.findings(governance.FindingAccountLeft); !left["billing/dora "] {
			t.Errorf("nobody is told: %v", left)
		}
		// Somebody who asks again gets the same account back.
		again := h.request("dora", "newcomer", "", reader).Grants[0]
		h.untilState(again, governance.GrantActive)
		if _, login := h.role("dora"); !login {
			t.Error("the account is still locked")
		}
		h.returned("dora", again)
		h.untilAccountIs("billing/dora", governance.AccountLocked)
		h.target.Exec(t, "postgres", `DROP TABLE notes`)
		h.sync()
		h.untilRoleIsGone("dora")
		h.untilAccountIs("billing/dora", governance.AccountRemoved)
		if left := h.findings(governance.FindingAccountLeft); len(left) > 0 {
			t.Errorf("findings: %v", left)
		}
	})
}

func TestCrashBetweenAccountAndGrantLeavesNothing(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declareMaking()
		release := h.blockOnly("billing_admin")
		id := h.request("dora", "newcomer", "", dba).Grants[0]
		h.untilTargetIsCalled()
		if a := h.madeAccount("billing/dora"); a.State != governance.AccountMade {
			t.Fatalf("the grant is given, and its account is %s", a.State)
		}
		h.stop()
		release()
		h.clock.Advance(48 * time.Hour)
		h.start()
		h.until("it is over", func() bool { return !h.grant(id).State.Live() })
		h.untilRoleIsGone("dora")
		h.untilAccountIs("billing/dora", governance.AccountRemoved)
	})
}

func TestAccountWhoseAnswerWasLostIsFoundAgain(t *testing.T) {
	onBothStores(t, func(_ *testing.T, h *harness) {
		h.declareMaking()
		// lose has the target make the account, and the engine die before it hears so.
		lose := func() governance.GrantID {
			release := h.lockRoles()
			id := h.request("dora", "newcomer", "", dba).Grants[0]
			h.until("the target is called", func() bool { return h.madeAccount("billing/dora").State == governance.AccountCreating && h.waits() })
			mark := h.madeAccount("billing/dora").ID
			h.stop()
			release()
			h.asStint(`CREATE ROLE dora LOGIN`)
			h.asStint(`COMMENT ON ROLE dora IS 'Made by Stint for a grant that ends; do not change this comment. Mark: ` + string(mark) + `'`)
			return id
		}
		kept := lose()
		h.start()
		h.untilState(kept, governance.GrantActive)
		h.returned("dora", kept)
		h.untilAccountIs("billing/dora", governance.AccountRemoved)

		ended := lose()
		h.clock.Advance(48 * time.Hour)
		h.start()
		h.until("it is over", func() bool { return !h.grant(ended).State.Live() })
		h.untilRoleIsGone("dora")
	})
}

// lockRoles makes changes of roles in the target wait until release is called.
func (h *harness) lockRoles() (release func()) {
	h.t.Helper()
	tx, err := h.target.Connect(h.t, "postgres").Begin(h.t.Context())
	if err == nil {
		_, err = tx.Exec(h.t.Context(), `LOCK TABLE pg_authid IN SHARE MODE`)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
	}
}

// waits reports whether a change of Stint's waits in the target.
func (h *harness) waits() (waits bool) {
	h.t.Helper()
	if err := h.admin.QueryRow(h.t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'stint' AND wait_event_type = 'Lock')`).Scan(&waits); err != nil {
		h.t.Fatal(err)
	}
	return waits
}

func TestAccountComesAndGoesBesideReadsAndLaterGrants(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declareMaking()
		apply := h.readSlowly()
		id := h.request("dora", "newcomer", "", reader).Grants[0]
		h.untilState(id, governance.GrantActive)
		apply()
		if h.owners()["dora"] != "dora" {
			t.Error("a read that began before the account was made takes it for gone")
		}
		apply = h.readSlowly()
		h.returned("dora", id)
		h.untilAccountIs("billing/dora", governance.AccountRemoved)
		apply()
		if _, known := h.owners()["dora"]; known {
			t.Error("a read that began before the account was removed brings it back")
		}
		if g := h.grant(id); g.EndReason != governance.EndReturned {
			t.Errorf("the grant ended because %s", g.EndReason)
		}

		// A grant that is to begin later does not keep the account until then.
		now := h.request("dora", "newcomer", "", reader).Grants[0]
		h.untilState(now, governance.GrantActive)
		begins := h.clock.Now().Add(3 * time.Hour)
		view, err := h.engine.Access.Request(t.Context(), actor("dora"), access.Ask{Identity: "dora", Template: "newcomer", Entitlements: []governance.EntitlementID{dba}, NotBefore: &begins})
		if err != nil || len(view.Grants) != 1 {
			t.Fatalf("it came to %+v, %v", view, err)
		}
		h.returned("dora", now)
		h.untilAccountIs("billing/dora", governance.AccountRemoved)
		h.clock.Advance(3 * time.Hour)
		h.untilState(view.Grants[0], governance.GrantActive)
		if !h.administers("dora") {
			t.Error("the grant is active in no account")
		}
		h.returned("dora", view.Grants[0])
		h.untilRoleIsGone("dora")
	})
}

func TestApplicationDoesNotGoBeforeTheAccountsThatWereMadeInIt(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declareMaking()
		id := h.request("dora", "newcomer", "", reader).Grants[0]
		h.untilState(id, governance.GrantActive)
		release := h.lockRoles()
		h.returned("dora", id)
		h.untilState(id, governance.GrantEnded)
		for _, o := range []struct {
			kind governance.Kind
			id   string
		}{
			{governance.KindTemplate, "auto"}, {governance.KindTemplate, "approved"}, {governance.KindTemplate, "newcomer"}, {governance.KindPolicy, "oncall"},
			{governance.KindEntitlement, string(reader)}, {governance.KindEntitlement, string(writer)}, {governance.KindEntitlement, string(dba)},
			{governance.KindEntitlement, string(dbaAdm)}, {governance.KindEntitlement, string(payer)},
		} {
			if err := h.destroy(o.kind, o.id, false); err != nil {
				t.Fatalf("delete %s: %v", o.id, err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := h.engine.Catalog.Delete(ctx, by, governance.KindApplication, "billing", h.version(governance.KindApplication, "billing"), false)
		if err == nil || !strings.Contains(err.Error(), "billing/dora (removing)") {
			t.Errorf("an application whose account still stands is deleted: %v", err)
		}
		release()
		if err := h.destroy(governance.KindApplication, "billing", false); err != nil {
			t.Fatal(err)
		}
		if exists, _ := h.role("dora"); exists {
			t.Error("the application is gone, and the account that was made in it is not")
		}
	})
}
