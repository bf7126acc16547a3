package engine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (h *harness) opens(e governance.BusinessEvent) governance.OpenEvent {
	h.t.Helper()
	opened, err := h.engine.Access.OpenEvent(h.t.Context(), by, e)
	if err != nil {
		h.t.Fatal(err)
	}
	return opened
}

func TestAnEventIsExtendedByWhoDoesNotGain(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		ends := h.clock.Now().Add(time.Hour)
		event := h.opens(governance.BusinessEvent{Name: "INC-1", Kind: governance.Incident, EndsAt: ends})
		held := h.granted("deploy-bot", string(event.ID), dba)
		bound := h.grant(held).NotAfter
		for who, want := range map[string]fault.Code{"deploy-bot": fault.Forbidden, "alice": fault.Forbidden} {
			if _, err := h.engine.Access.ExtendEvent(t.Context(), actor(who), "INC-1", ends.Add(time.Hour), "it goes on"); !fault.Is(err, want) {
				t.Errorf("%s gains and extends: %v", who, err)
			}
		}
		if _, err := h.engine.Access.ExtendEvent(t.Context(), by, "INC-1", ends.Add(time.Hour), " "); !fault.Is(err, fault.Invalid) {
			t.Errorf("without a reason: %v", err)
		}
		if _, err := h.engine.Access.ExtendEvent(t.Context(), by, "INC-1", ends, "it goes on"); !fault.Is(err, fault.Invalid) {
			t.Errorf("to the same end: %v", err)
		}
		extended, err := h.engine.Access.ExtendEvent(t.Context(), by, "INC-1", ends.Add(time.Hour), "it goes on")
		if err != nil || !extended.EndsAt.Equal(ends.Add(time.Hour)) {
			t.Fatalf("extended to %s, %v", extended.EndsAt, err)
		}
		if got := h.grant(held).NotAfter; !got.Equal(bound) {
			t.Errorf("the grant ends at %s, want %s as before", got, bound)
		}
		h.clock.Advance(ends.Sub(h.clock.Now()))
		h.ended(held, governance.EndExpired, governance.OutcomeRemoved)
		if read, err := h.engine.Catalog.Get(t.Context(), governance.KindBusinessEvent, string(event.ID)); err != nil || read.ClosedAt != nil {
			t.Errorf("the extended event is over at its old end: %+v, %v", read, err)
		}
		if _, err := h.engine.Access.CloseEvent(t.Context(), by, "INC-1"); err != nil {
			t.Fatal(err)
		}
		var refused *governance.TransitionError
		if _, err := h.engine.Access.ExtendEvent(t.Context(), by, string(event.ID), ends.Add(5*time.Hour), "it goes on"); !errors.As(err, &refused) {
			t.Errorf("extend a closed event: %v", err)
		}
		if report := h.verifyEvidence(); report.Kinds["business_event.extended"] != 1 {
			t.Errorf("evidence: %v", report.Kinds)
		}
	})
}

func TestTheAuthorOfADeclaredEventExtendsItUnlessTheyGain(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		audit := governance.BusinessEvent{Name: "audit", Kind: governance.Engagement, EndsAt: h.clock.Now().Add(time.Hour)}
		h.put(audit)
		h.granted("alice", "audit", dba)
		later := audit
		later.EndsAt = audit.EndsAt.Add(time.Hour)
		if _, err := h.engine.Access.ExtendEvent(t.Context(), by, "audit", later.EndsAt, "it goes on"); !fault.Is(err, fault.Conflict) {
			t.Errorf("extend a declared event beside its declaration: %v", err)
		}
		if _, err := h.engine.Catalog.Put(t.Context(), actor("alice"), later, catalog.Precondition{Version: 1}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("an author who gains extends: %v", err)
		}
		if _, err := h.engine.Catalog.Put(t.Context(), by, later, catalog.Precondition{Version: 1}); err != nil {
			t.Fatal(err)
		}
		if report := h.verifyEvidence(); report.Kinds["business_event.extended"] != 1 || report.Kinds["business_event.updated"] != 0 {
			t.Errorf("evidence: %v", report.Kinds)
		}
	})
}

func TestAnAssignedTaskServesItsAgentAlone(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.opens(governance.BusinessEvent{Name: "task-1", Kind: governance.Task, Assignee: "deploy-bot", EndsAt: h.clock.Now().Add(time.Hour)})
		if refused := h.request("bob", "auto", "task-1", dba); refused.State != governance.RequestDenied || refused.Decision.Denials()[0].Code != governance.ReasonEventNotYours {
			t.Errorf("bob uses the agent's task: %s, %+v", refused.State, refused.Decision.Denials())
		}
		h.granted("deploy-bot", "task-1", dba)
		if _, err := h.engine.Access.OpenEvent(t.Context(), by, governance.BusinessEvent{Name: "task-2", Kind: governance.Task, Assignee: "nobody", EndsAt: h.clock.Now().Add(time.Hour)}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a task of nobody: %v", err)
		}
		h.put(governance.BusinessEvent{Name: "migration", Kind: governance.Project, Assignee: "bob", EndsAt: h.clock.Now().Add(time.Hour)})
		if err := h.engine.Catalog.Delete(t.Context(), by, governance.KindIdentity, "bob", 1, false); !fault.Is(err, fault.InUse) {
			t.Errorf("delete the assignee of a declared event: %v", err)
		}
	})
}
