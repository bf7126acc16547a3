package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/token"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func lasting(d time.Duration) *governance.Duration { return new(governance.Duration(d)) }

func (h *harness) statusOf(id governance.IdentityID) governance.Status {
	h.t.Helper()
	stored, err := h.engine.Catalog.Get(h.t.Context(), governance.KindIdentity, string(id))
	if err != nil {
		h.t.Fatal(err)
	}
	return stored.Person.Status
}

func (h *harness) untilStatus(id governance.IdentityID, status governance.Status) {
	h.t.Helper()
	h.until(string(id)+" is "+string(status), func() bool { return h.statusOf(id) == status })
}

// about is how bad a finding about an identity is; empty when there is none.
func (h *harness) about(id governance.IdentityID, kind governance.FindingKind) governance.Risk {
	h.t.Helper()
	list, _, err := h.engine.Discovery.Findings(h.t.Context(), "", kind)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range list {
		if f.Identity == id {
			return f.Severity
		}
	}
	return ""
}

func (h *harness) untilFound(id governance.IdentityID, kind governance.FindingKind, severity governance.Risk) {
	h.t.Helper()
	h.until(string(kind)+" of "+string(id)+" is "+string(severity), func() bool { return h.about(id, kind) == severity })
}

// meanwhile does something that may have to wait for what the engine does, and
// lets time pass.
func (h *harness) meanwhile(what string, do func() error) {
	h.t.Helper()
	did := make(chan error, 1)
	go func() { did <- do() }()
	h.until(what, func() bool {
		select {
		case err := <-did:
			if err != nil {
				h.t.Errorf("%s: %v", what, err)
			}
			return true
		default:
			return false
		}
	})
}

// forHours requests a right through the automatic template and waits for it.
func (h *harness) forHours(who string, hours int, id governance.EntitlementID) governance.GrantID {
	h.t.Helper()
	ask := askAuto(who, id)
	ask.Duration = lasting(time.Duration(hours) * time.Hour)
	view, err := h.engine.Access.Request(h.t.Context(), actor(who), ask)
	if err != nil || len(view.Grants) != 1 {
		h.t.Fatalf("request of %s: %v %+v", who, err, view.Decision.Reasons)
	}
	h.untilState(view.Grants[0], governance.GrantActive)
	return view.Grants[0]
}

func TestAgentThatIsNotAttestedLosesItsAccess(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.clock.Advance(48 * time.Hour) // what is demanded is not demanded of the past
		change(h, governance.KindIdentity, "deploy-bot", func(i *governance.Identity) { i.AttestEvery = lasting(8 * time.Hour) })
		h.clock.Advance(5 * time.Hour)
		held := h.forHours("deploy-bot", 8, dba)
		if got := h.about("deploy-bot", governance.FindingAttestationDue); got != "" {
			t.Errorf("attestation is spoken of too early, as %s", got)
		}
		h.clock.Advance(time.Hour)
		h.untilFound("deploy-bot", governance.FindingAttestationDue, governance.RiskMedium)
		h.clock.Advance(time.Hour + 55*time.Minute)
		pending := h.request("deploy-bot", "approved", "", payer)
		h.clock.Advance(5 * time.Minute)
		h.untilStatus("deploy-bot", governance.Suspended)
		h.endedBecause(held, `its owner "alice" did not attest until`)
		if view, err := h.engine.Access.GetRequest(t.Context(), pending.ID); err != nil || view.State != governance.RequestInvalidated {
			t.Errorf("what was asked for is %s: %v", view.State, err)
		}
		if got := h.about("deploy-bot", governance.FindingAttestationDue); got != governance.RiskHigh {
			t.Errorf("the overdue attestation is %q", got)
		}
		if denied := h.request("deploy-bot", "auto", "", dba); denied.State != governance.RequestDenied {
			t.Errorf("a request meanwhile is %s", denied.State)
		}
		if _, err := h.engine.Catalog.Status(t.Context(), by, "deploy-bot", governance.Active); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "stint identity attest deploy-bot") {
			t.Errorf("to activate it is answered with: %v", err)
		}
		if _, err := h.engine.Catalog.Attest(t.Context(), actor("bob"), "deploy-bot", ""); !fault.Is(err, fault.Forbidden) {
			t.Errorf("another attests: %v", err)
		}
		if _, err := h.engine.Catalog.Attest(t.Context(), actor("alice"), "alice", ""); !fault.Is(err, fault.Conflict) {
			t.Errorf("a human is attested: %v", err)
		}
		stored, err := h.engine.Catalog.Attest(t.Context(), actor("alice"), "deploy-bot", "it deploys")
		if err != nil || stored.Person.Status != governance.Active {
			t.Fatalf("after it is attested: %+v %v", stored.Person, err)
		}
		if got := h.about("deploy-bot", governance.FindingAttestationDue); got != "" {
			t.Errorf("the finding stays, as %s", got)
		}
		h.granted("deploy-bot", "", dba)
		changes := h.evidenceOf("identity.status_changed", "deploy-bot")
		if len(changes) != 2 || changes[0].Data["cause"] != "time" || changes[0].Actor != "stint" || changes[1].Data["cause"] != "attested" || changes[1].Actor != "alice" {
			t.Errorf("evidence of the changes: %+v", changes)
		}
	})
}

func TestAttestationDoesNotLiftWhatPeopleSet(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		change(h, governance.KindIdentity, "deploy-bot", func(i *governance.Identity) { i.AttestEvery = lasting(time.Hour) })
		if _, err := h.engine.Catalog.Status(t.Context(), by, "deploy-bot", governance.Suspended); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(2 * time.Hour)
		h.untilFound("deploy-bot", governance.FindingAttestationDue, governance.RiskHigh)
		if stored, err := h.engine.Catalog.Attest(t.Context(), actor("alice"), "deploy-bot", ""); err != nil || stored.Person.Status != governance.Suspended {
			t.Fatalf("after it is attested: %+v %v", stored.Person, err)
		}
		if stored, err := h.engine.Catalog.Status(t.Context(), by, "deploy-bot", governance.Active); err != nil || stored.Person.Status != governance.Active {
			t.Fatalf("after it is activated: %+v %v", stored.Person, err)
		}
	})
}

func TestContractorLeavesWhenTheTimeIsOver(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		end := h.clock.Now().Add(6 * time.Hour)
		change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.ValidUntil = &end })
		h.untilFound("alice", governance.FindingExpiringIdentity, governance.RiskMedium)
		own, bots := h.forHours("alice", 8, dba), h.forHours("deploy-bot", 8, reader)
		h.stop() // the end comes while nobody looks
		h.clock.Advance(7 * time.Hour)
		h.start()
		h.untilStatus("alice", governance.Left)
		h.ended(own, governance.EndIdentityLeft, governance.OutcomeRemoved)
		h.endedBecause(bots, `the owner "alice"`)
		if got := h.about("alice", governance.FindingExpiringIdentity); got != "" {
			t.Errorf("it is still said to come, as %s", got)
		}
		if got := h.about("deploy-bot", governance.FindingOrphanedIdentity); got != governance.RiskHigh {
			t.Errorf("her agent is said to be orphaned: %q", got)
		}
		if _, err := h.engine.Catalog.Status(t.Context(), by, "alice", governance.Active); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "valid_until") {
			t.Errorf("to activate her is answered with: %v", err)
		}
		// Another edit does not bring her back, a later end does.
		change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.Groups = append(i.Groups, "more") })
		if got := h.statusOf("alice"); got != governance.Left {
			t.Errorf("after an edit she is %s", got)
		}
		change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.ValidUntil = new(h.clock.Now().Add(100 * 24 * time.Hour)) })
		if got := h.statusOf("alice"); got != governance.Active {
			t.Errorf("with a later end she is %s", got)
		}
		if got := h.about("deploy-bot", governance.FindingOrphanedIdentity); got != "" {
			t.Errorf("her agent is still said to be orphaned, as %s", got)
		}
		h.granted("alice", "", dba)
	})
}

func TestIdentityIsNotDeclaredToHaveEnded(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		past := h.clock.Now().Add(-time.Second)
		_, err := h.engine.Catalog.Put(t.Context(), by, governance.Identity{Name: "eve", Type: governance.Human, Groups: []string{}, ValidUntil: &past}, catalog.Precondition{Create: true})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "stint identity leave eve") {
			t.Errorf("an end that is past is answered with: %v", err)
		}
	})
}

func TestAgentThatIsNotUsedIsSuspended(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		change(h, governance.KindIdentity, "deploy-bot", func(i *governance.Identity) { i.UnusedAfter = lasting(8 * time.Hour) })
		_, secret, err := h.engine.Tokens.Create(t.Context(), by, token.New{Name: "ci", Identity: "deploy-bot"})
		if err != nil {
			t.Fatal(err)
		}
		h.target.Exec(t, "postgres", `ALTER ROLE "deploy-bot" PASSWORD 'bot'`)
		calls := map[string]func() error{
			"a call": func() error { _, err := h.engine.Tokens.Authenticate(t.Context(), secret); return err },
			"a call that is answered from memory": func() error {
				_, err := h.engine.Sessions.Authenticate(t.Context(), secret)
				return err
			},
			"a session in the target": func() error {
				session, err := pgx.Connect(t.Context(), h.target.URLFor("postgres", "deploy-bot", "bot"))
				if err != nil {
					return err
				}
				h.meanwhile("the target is read", func() error {
					_, err := h.engine.Discovery.Sync(t.Context(), by, billing)
					return err
				})
				return session.Close(t.Context())
			},
			"a request": func() error {
				_, err := h.engine.Access.Request(t.Context(), actor("deploy-bot"), askAuto("deploy-bot", reader))
				return err
			},
		}
		// The request comes last: the session is one that no revocation ends.
		for _, name := range []string{"a call", "a call that is answered from memory", "a session in the target", "a request"} {
			h.clock.Advance(6*time.Hour + time.Minute)
			h.untilFound("deploy-bot", governance.FindingUnusedIdentity, governance.RiskMedium)
			if err := calls[name](); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			h.untilFound("deploy-bot", governance.FindingUnusedIdentity, "")
		}
		h.clock.Advance(8 * time.Hour)
		h.untilStatus("deploy-bot", governance.Suspended)
		for _, name := range []string{"a call", "a call that is answered from memory"} {
			if err := calls[name](); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s of a suspended agent: %v", name, err)
			}
		}
		h.clock.Advance(time.Second)
		if got := h.statusOf("deploy-bot"); got != governance.Suspended {
			t.Errorf("a call that was refused brought it back: it is %s", got)
		}
		if stored, err := h.engine.Catalog.Attest(t.Context(), actor("alice"), "deploy-bot", ""); err != nil || stored.Person.Status != governance.Active {
			t.Fatalf("after it is attested: %+v %v", stored.Person, err)
		}
		h.clock.Advance(8 * time.Hour)
		h.untilStatus("deploy-bot", governance.Suspended)
		if stored, err := h.engine.Catalog.Status(t.Context(), by, "deploy-bot", governance.Active); err != nil || stored.Person.Status != governance.Active {
			t.Fatalf("after it is activated: %+v %v", stored.Person, err)
		}
	})
}

func TestAgentIsOrphanedUntilItHasAnotherOwner(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		if _, err := h.engine.Catalog.Status(t.Context(), by, "alice", governance.Left); err != nil {
			t.Fatal(err)
		}
		if got := h.about("deploy-bot", governance.FindingOrphanedIdentity); got != governance.RiskHigh {
			t.Errorf("the agent of one who left is said to be orphaned: %q", got)
		}
		change(h, governance.KindIdentity, "deploy-bot", func(i *governance.Identity) { i.Owner = "bob" })
		if got := h.about("deploy-bot", governance.FindingOrphanedIdentity); got != "" {
			t.Errorf("with another owner it is still said to be orphaned, as %s", got)
		}
		held := h.granted("deploy-bot", "", dba)
		if _, err := h.engine.Catalog.Status(t.Context(), by, "bob", governance.Suspended); err != nil {
			t.Fatal(err)
		}
		if got := h.about("deploy-bot", governance.FindingOrphanedIdentity); got != governance.RiskHigh {
			t.Errorf("the agent of one who is suspended is said to be orphaned: %q", got)
		}
		h.endedBecause(held, `the owner "bob"`)
		stored, err := h.engine.Catalog.Get(t.Context(), governance.KindIdentity, "deploy-bot")
		if err != nil {
			t.Fatal(err)
		}
		if err := h.engine.Catalog.Delete(t.Context(), by, governance.KindIdentity, "deploy-bot", stored.Version, false); err != nil {
			t.Fatal(err)
		}
		if got := h.about("deploy-bot", governance.FindingOrphanedIdentity); got != "" {
			t.Errorf("an agent that is gone is said to be orphaned, as %s", got)
		}
		if found := h.evidenceOf("identity.findings_changed", "deploy-bot"); len(found) != 4 {
			t.Errorf("%d records of what was found, want 4", len(found))
		}
	})
}
