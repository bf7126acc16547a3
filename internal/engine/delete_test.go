package engine_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (h *harness) destroy(kind governance.Kind, id string, revoke bool) error {
	h.t.Helper()
	stored, err := h.engine.Catalog.Get(h.t.Context(), kind, id)
	if err != nil {
		h.t.Fatal(err)
	}
	// The deletion waits for the target, and the worker for time.
	done := make(chan error, 1)
	go func() { done <- h.engine.Catalog.Delete(h.t.Context(), by, kind, id, stored.Version, revoke) }()
	var deleted *error
	h.until("the deletion has come to its end", func() bool {
		select {
		case err := <-done:
			deleted = &err
		default:
		}
		return deleted != nil
	})
	return *deleted
}

// Whatever is deleted, access that rests on it is over in the target, or still
// watched: its grant lives, with everything that it needs to end.
func TestDeletionNeverStrandsAccess(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(governance.Attribute{Object: governance.IdentityAttribute, Name: "team", Type: governance.StringAttribute, Description: "x"})
		h.put(governance.SoDRule{Name: "apart", Mode: governance.SoDRecord, Limit: 1, Duties: map[string]governance.Duty{
			"read": {Entitlements: []governance.EntitlementID{reader}}, "pay": {Entitlements: []governance.EntitlementID{payer}}}})
		h.put(governance.Delegation{Name: "away", From: "carol", To: "bob", EndsAt: h.clock.Now().Add(time.Hour)})
		h.put(governance.EligibilityPolicy{Name: "freeze", Effect: governance.PolicyDeny, Entitlements: []governance.EntitlementID{payer}, Condition: `identity.name == "nobody"`})
		h.put(governance.BusinessEvent{Name: "audit", Kind: governance.Engagement, EndsAt: h.clock.Now().Add(8 * time.Hour)})
		h.pager()
		kept := h.granted("bob", "", dba)
		forEvent := h.granted("alice", "audit", reader)

		stays := func(what string, err error, list ...string) {
			t.Helper()
			if !fault.Is(err, fault.InUse) {
				t.Errorf("%s is deleted: %v", what, err)
				return
			}
			for _, one := range list {
				if !strings.Contains(err.Error(), one) {
					t.Errorf("the refusal of %s does not name %s: %v", what, one, err)
				}
			}
			if h.grant(kept).State != governance.GrantActive {
				t.Errorf("the refused deletion of %s has ended a grant", what)
			}
		}
		stays("the application", h.destroy(governance.KindApplication, "billing", false), string(dba))
		stays("the application, told to revoke", h.destroy(governance.KindApplication, "billing", true), string(dba))
		stays("the entitlement", h.destroy(governance.KindEntitlement, string(dba), false), "oncall", "auto")
		stays("the policy", h.destroy(governance.KindPolicy, "oncall", false), "auto")
		stays("the policy, told to revoke", h.destroy(governance.KindPolicy, "oncall", true), "auto")
		stays("the template", h.destroy(governance.KindTemplate, "auto", false), string(kept), string(forEvent), "billing/bob holds billing/role/billing_admin")
		stays("the identity", h.destroy(governance.KindIdentity, "bob", false), "away") // a delegation names him
		for kind, id := range map[governance.Kind]string{
			governance.KindRule: "apart", governance.KindDelegation: "away", governance.KindAttribute: "identity/team",
			governance.KindPolicy: "freeze", governance.KindEventSource: "pager",
		} {
			if err := h.destroy(kind, id, false); err != nil {
				t.Errorf("delete %s %s, on which no access rests: %v", kind, id, err)
			}
		}
		stays("the identity alone", h.destroy(governance.KindIdentity, "bob", false), string(kept))
		if err := h.destroy(governance.KindBusinessEvent, "audit", false); err != nil {
			t.Errorf("delete the event: %v", err)
		}
		h.ended(forEvent, governance.EndEventClosed, governance.OutcomeRemoved)
		if h.grant(kept).State != governance.GrantActive {
			t.Fatalf("the grant that nothing was deleted of is %s", h.grant(kept).State)
		}

		if err := h.destroy(governance.KindIdentity, "bob", true); err != nil {
			t.Errorf("delete the identity and revoke: %v", err)
		}
		if g := h.grant(kept); g.State != governance.GrantEnded || g.Outcome != governance.OutcomeRemoved || h.administers("bob") {
			t.Errorf("the identity is gone, its grant is %s (%s), in the target: %t", g.State, g.Outcome, h.administers("bob"))
		}
		again := h.granted("alice", "", dba)
		if err := h.destroy(governance.KindTemplate, "auto", true); err != nil {
			t.Errorf("delete the template and revoke: %v", err)
		}
		if g := h.grant(again); g.State != governance.GrantEnded || h.administers("alice") {
			t.Errorf("the template is gone, its grant is %s", g.State)
		}

		// An entitlement that nothing gives any more, while a grant is kept to its end.
		h.put(governance.GrantTemplate{
			Name: "kept", Entitlements: []governance.EntitlementID{dba, reader}, EligibilityPolicies: []governance.PolicyID{"oncall"},
			Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(8 * time.Hour)},
			ActivateWithin: governance.Duration(15 * time.Minute), Justification: governance.JustificationOptional,
			Approval: governance.ApprovalDefinition{Automatic: true}, OnIneligible: governance.IneligibleFlag,
		})
		view := h.request("alice", "kept", "", dba)
		h.untilState(view.Grants[0], governance.GrantActive)
		without := func(ids []governance.EntitlementID) []governance.EntitlementID {
			return slices.DeleteFunc(slices.Clone(ids), func(id governance.EntitlementID) bool { return id == dba })
		}
		for _, name := range []string{"kept", "approved"} {
			change(h, governance.KindTemplate, name, func(g *governance.GrantTemplate) { g.Entitlements = without(g.Entitlements) })
		}
		change(h, governance.KindPolicy, "oncall", func(p *governance.EligibilityPolicy) { p.Entitlements = without(p.Entitlements) })
		h.settled()
		if err := h.destroy(governance.KindEntitlement, string(dba), false); !fault.Is(err, fault.InUse) || !strings.Contains(err.Error(), string(view.Grants[0])) {
			t.Errorf("the entitlement is deleted under a live grant: %v", err)
		}
		if err := h.destroy(governance.KindEntitlement, string(dba), true); err != nil {
			t.Errorf("delete the entitlement and revoke: %v", err)
		}
		if g := h.grant(view.Grants[0]); g.State != governance.GrantEnded || h.administers("alice") {
			t.Errorf("the entitlement is gone, its grant is %s", g.State)
		}
	})
}

// A target that is down holds a deletion, which then says what still stands; the
// grants end when it is back.
func TestDeletionSaysWhatStillStands(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id := h.granted("alice", "", dba)
		h.target.Stop(t)
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
		defer stop()
		stored, err := h.engine.Catalog.Get(t.Context(), governance.KindTemplate, "auto")
		if err != nil {
			t.Fatal(err)
		}
		err = h.engine.Catalog.Delete(ctx, by, governance.KindTemplate, "auto", stored.Version, true)
		if !fault.Is(err, fault.InUse) || !strings.Contains(err.Error(), "has not confirmed it") || !strings.Contains(err.Error(), string(id)) {
			t.Errorf("with a target that is down: %v", err)
		}
		h.restart()
		h.ended(id, governance.EndRevokedBy, governance.OutcomeRemoved)
		if err := h.destroy(governance.KindTemplate, "auto", true); err != nil {
			t.Errorf("once the target is back: %v", err)
		}
	})
}
