package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/token"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// tokenOf makes a token with that of another, and answers whom it lets in.
func (h *harness) tokenOf(maker journal.Actor, name string) journal.Actor {
	h.t.Helper()
	_, secret, err := h.engine.Tokens.Create(h.t.Context(), maker, token.New{Name: name, Identity: governance.IdentityID(name), Roles: []token.Role{token.Admin}})
	if err != nil {
		h.t.Fatal(err)
	}
	session, err := h.engine.Tokens.Authenticate(h.t.Context(), secret)
	if err != nil {
		h.t.Fatal(err)
	}
	if again, err := h.engine.Sessions.Authenticate(h.t.Context(), secret); err != nil || !slices.Equal(again.Actor.Makers, session.Actor.Makers) {
		h.t.Errorf("from memory it was made by %v: %v", again.Actor.Makers, err)
	}
	return session.Actor
}

// Who may make tokens makes one for another, and speaks with it as the second
// person, directly or by a token that was made with that one.
func TestAnAdministratorIsNoSecondPersonByATokenOfTheirMaking(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		ctx, a := t.Context(), h.engine.Access
		alice := h.tokenOf(actor("carol"), "alice")
		bob := h.tokenOf(alice, "bob")
		bobsOwn := h.tokenOf(actor("bob"), "bob")
		if want := (governance.Makers{"alice", "carol"}); !slices.Equal(bob.Makers, want) {
			t.Errorf("made by %v, want %v", bob.Makers, want)
		}
		refused := func(what string, err error, why string) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: %v, want: %s", what, err, why)
			}
		}

		view, err := a.Request(ctx, alice, askApproved("alice", dba))
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Approve(ctx, actor("carol"), view.ID, "")
		refused("who made the requester's token approves", err, "carol made the token that alice speaks with")

		view, err = a.Request(ctx, actor("alice"), askApproved("alice", dba))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Approve(ctx, actor("carol"), view.ID, ""); err != nil {
			t.Fatal(err)
		}
		_, err = a.Approve(ctx, bob, view.ID, "")
		refused("the requester approves with a token of their making", err, "alice made the token that bob speaks with")
		_, err = a.Reject(ctx, bob, view.ID, "")
		refused("nor do they reject", err, "alice made the token that bob speaks with")
		if view, err = a.Approve(ctx, bobsOwn, view.ID, ""); err != nil || view.State != governance.RequestGranted {
			t.Errorf("bob himself: %s, %v", view.State, err)
		}
	})
}

func TestOneHandDoesNotGiveUpWhatTakesTwo(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		_, operation := h.stuck()
		ops, ctx := h.engine.Operations, t.Context()
		second := h.tokenOf(actor("dora"), "emil")
		if _, err := ops.ProposeAbandon(ctx, h.tokenOf(actor("alice"), "dora"), operation.ID, "it is gone"); !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), "alice made the token that dora speaks with") {
			t.Errorf("who gains proposes with a token of their making: %v", err)
		}
		if _, err := ops.ProposeAbandon(ctx, actor("dora"), operation.ID, "it is gone"); err != nil {
			t.Fatal(err)
		}
		if _, err := ops.ConfirmAbandon(ctx, second, operation.ID); !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), "dora made the token that emil speaks with") {
			t.Errorf("the first confirms with a token of their making: %v", err)
		}
		if _, err := ops.ConfirmAbandon(ctx, actor("emil"), operation.ID); err != nil {
			t.Errorf("emil himself: %v", err)
		}
	})
}

// A token stops with its identity at the very moment, before anybody has written
// that it has left.
func TestTokenEndsWithItsIdentity(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		end := h.clock.Now().Add(time.Hour)
		change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.ValidUntil = &end })
		_, secret, err := h.engine.Tokens.Create(t.Context(), by, token.New{Name: "alice", Identity: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		h.stop()
		e := h.another() // nobody brings about what is due
		if _, err := e.Sessions.Authenticate(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(end.Sub(h.clock.Now()))
		if _, err := e.Tokens.Authenticate(t.Context(), secret); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("at its end: %v", err)
		}
		if _, err := e.Sessions.Authenticate(t.Context(), secret); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("at its end, from memory: %v", err)
		}
	})
}

func askApproved(who string, id governance.EntitlementID) access.Ask {
	ask := askAuto(who, id)
	ask.Template = "approved"
	return ask
}
