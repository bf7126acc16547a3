package engine_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

var (
	employment = governance.Attribute{Object: governance.IdentityAttribute, Name: "employment", Type: governance.StringAttribute, Description: "How the identity is employed."}
	region     = governance.Attribute{Object: governance.EventAttribute, Name: "region", Type: governance.StringAttribute, Description: "Where it happens."}
)

func values(name, value string) map[string]json.RawMessage {
	return map[string]json.RawMessage{name: json.RawMessage(value)}
}

func (h *harness) version(kind governance.Kind, id string) int64 {
	h.t.Helper()
	stored, err := h.engine.Catalog.Get(h.t.Context(), kind, id)
	if err != nil {
		h.t.Fatal(err)
	}
	return stored.Version
}

func (h *harness) update(o governance.Object) error {
	h.t.Helper()
	_, err := h.engine.Catalog.Put(h.t.Context(), by, o, catalog.Precondition{Version: h.version(o.ObjectKind(), o.Key())})
	return err
}

func (h *harness) remove(kind governance.Kind, id string) error {
	h.t.Helper()
	return h.engine.Catalog.Delete(h.t.Context(), by, kind, id, h.version(kind, id), false)
}

func TestAGuardrailReadsADeclaredAttribute(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(employment)
		h.put(region)
		h.put(governance.EligibilityPolicy{
			Name: "no-contractors", Effect: governance.PolicyDeny, Entitlements: []governance.EntitlementID{dba},
			Condition: `identity.attributes.employment != null && identity.attributes.employment == "contractor"
				&& (event == null || event.attributes.region == null || event.attributes.region != "home")`,
		})
		if view := h.request("alice", "auto", "", dba); len(view.Grants) != 1 {
			t.Errorf("without a value alice is refused: %+v", view.Decision.Reasons)
		}
		bob := governance.Identity{Name: "bob", Type: governance.Human, Groups: []string{"leads", "oncall"}, Attributes: values("employment", `"contractor"`)}
		if err := h.update(bob); err != nil {
			t.Fatal(err)
		}
		if view := h.request("bob", "auto", "", dba); view.State != governance.RequestDenied || len(view.Decision.Denials()) != 1 || view.Decision.Denials()[0].Policy != "no-contractors" {
			t.Errorf("the contractor's request is %s: %+v", view.State, view.Decision.Reasons)
		}
		if _, err := h.engine.Access.OpenEvent(t.Context(), by, governance.BusinessEvent{
			Name: "inc-1", Kind: governance.Incident, EndsAt: h.clock.Now().Add(time.Hour), Attributes: values("region", `"home"`),
		}); err != nil {
			t.Fatal(err)
		}
		if view := h.request("bob", "auto", "inc-1", dba); len(view.Grants) != 1 {
			t.Errorf("the contractor at home is refused: %+v", view.Decision.Reasons)
		}
	})
}

func TestOnlyDeclaredAttributesAreStored(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(employment)
		soon := h.clock.Now().Add(time.Hour)
		for _, c := range []struct {
			o           governance.Object
			field, says string
		}{
			{governance.Identity{Name: "x", Type: governance.Human, Groups: []string{}, Attributes: values("employmnet", `"y"`)}, `attributes["employmnet"]`, `did you mean "employment"?`},
			{governance.Identity{Name: "x", Type: governance.Human, Groups: []string{}, Attributes: values("employment", `3`)}, `attributes["employment"]`, "quotes"},
			{governance.BusinessEvent{Name: "x", Kind: governance.Task, EndsAt: soon, Attributes: values("employment", `"y"`)}, `attributes["employment"]`, "business_event"},
			{governance.EligibilityPolicy{Name: "p", Effect: "allow", Entitlements: []governance.EntitlementID{dba}, Condition: `identity.attributes.employmnet != null`}, "condition", "1:1: there is no identity.attributes.employmnet"},
			{governance.EligibilityPolicy{Name: "p", Effect: "allow", Entitlements: []governance.EntitlementID{dba}, Condition: `identity.attributes.employment != null && identity.attributes.employment == 3`}, "condition", "in quotes"},
		} {
			_, err := h.engine.Catalog.Put(t.Context(), by, c.o, catalog.Precondition{Create: true})
			var refused *fault.Error
			if !errors.As(err, &refused) || len(refused.Problems) != 1 || refused.Problems[0].Field != c.field || !strings.Contains(refused.Problems[0].Message, c.says) {
				t.Errorf("%s: %v; want %s to say %q", c.o.ObjectKind(), err, c.field, c.says)
			}
		}
		_, err := h.engine.Access.OpenEvent(t.Context(), by, governance.BusinessEvent{Name: "inc-1", Kind: governance.Incident, EndsAt: soon, Attributes: values("region", `"eu"`)})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), `attributes["region"]: no attribute "region" is declared for object business_event`) {
			t.Errorf("open an event: %v", err)
		}
	})
}

func TestAnAttributeInUseStays(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.put(h.application())
		h.put(employment)
		h.put(region)
		soon := h.clock.Now().Add(time.Hour)
		h.put(governance.Identity{Name: "alice", Type: governance.Human, Groups: []string{}, Attributes: values("employment", `"employee"`)})
		h.put(governance.Entitlement{Application: billing, Kind: "role", NativeID: "billing_admin", Risk: governance.RiskHigh, Standing: governance.StandingForbidden})
		h.put(governance.EligibilityPolicy{Name: "staff", Effect: "allow", Entitlements: []governance.EntitlementID{dba}, Condition: `identity.attributes.employment != null`})
		h.put(governance.BusinessEvent{Name: "audit", Kind: governance.Task, EndsAt: soon, Attributes: values("region", `"eu"`)})
		opened, err := h.engine.Access.OpenEvent(t.Context(), by, governance.BusinessEvent{Name: "inc-1", Kind: governance.Incident, EndsAt: soon, Attributes: values("region", `"eu"`)})
		if err != nil {
			t.Fatal(err)
		}
		inUse := func(id governance.AttributeID, users ...string) {
			t.Helper()
			err := h.remove(governance.KindAttribute, string(id))
			var refused *fault.Error
			if !errors.As(err, &refused) || refused.Code != fault.InUse || len(refused.Problems) != len(users) {
				t.Fatalf("delete %s: %v; want it in use by %v", id, err, users)
			}
			for i, user := range users {
				if refused.Problems[i].Message != user {
					t.Errorf("delete %s: in use by %q, want %q", id, refused.Problems[i].Message, user)
				}
			}
		}
		inUse(employment.ID(), `eligibility_policy "staff"`, `identity "alice"`)
		inUse(region.ID(), `business_event "`+string(opened.ID)+`"`, `business_event "audit"`)
		for _, gone := range []error{
			h.remove(governance.KindPolicy, "staff"),
			h.update(governance.Identity{Name: "alice", Type: governance.Human, Groups: []string{}}),
			h.remove(governance.KindBusinessEvent, "audit"),
		} {
			if gone != nil {
				t.Fatal(gone)
			}
		}
		if err := h.remove(governance.KindAttribute, string(employment.ID())); err != nil {
			t.Errorf("nothing uses it: %v", err)
		}
		inUse(region.ID(), `business_event "`+string(opened.ID)+`"`)
		if _, err := h.engine.Access.CloseEvent(t.Context(), by, "inc-1"); err != nil {
			t.Fatal(err)
		}
		if err := h.remove(governance.KindAttribute, string(region.ID())); err != nil {
			t.Errorf("its events are over: %v", err)
		}
	})
}

func TestAnAttributeKeepsItsType(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.put(employment)
		changed := employment
		changed.Description = "How somebody is employed."
		if err := h.update(changed); err != nil {
			t.Errorf("another description: %v", err)
		}
		changed.Type = governance.BoolAttribute
		var refused *fault.Error
		if err := h.update(changed); !errors.As(err, &refused) || len(refused.Problems) != 1 || refused.Problems[0].Field != "type" {
			t.Errorf("another type: %v", err)
		}
	})
}

func TestAccountsAreCorrelatedByAnAttribute(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.put(governance.Attribute{Object: governance.IdentityAttribute, Name: "login", Type: governance.StringAttribute, Description: "The login name."})
		a := h.application()
		a.Correlation = `identity.attributes.login != null && account.name == identity.attributes.login`
		h.put(a)
		h.put(governance.Identity{Name: "Alice Adams", Type: governance.Human, Groups: []string{}, Attributes: values("login", `"alice"`)})
		if h.findings(governance.FindingOrphanAccount)["billing/alice "] {
			t.Error("alice's login is declared and her account is an orphan")
		}
		if err := h.update(governance.Identity{Name: "Alice Adams", Type: governance.Human, Groups: []string{}}); err != nil {
			t.Fatal(err)
		}
		if !h.findings(governance.FindingOrphanAccount)["billing/alice "] {
			t.Error("alice's login is gone and her account is no orphan")
		}
		if err := h.remove(governance.KindAttribute, "identity/login"); !fault.Is(err, fault.InUse) || !strings.Contains(err.Error(), `application "billing"`) {
			t.Errorf("delete the attribute: %v", err)
		}
	})
}

// An event is opened with an attribute while that is deleted: one of the two is
// refused, whichever comes first.
func TestNoEventIsOpenedWithAnAttributeThatGoes(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		for range 20 {
			h.put(region)
			version := h.version(governance.KindAttribute, string(region.ID()))
			opened, removed := make(chan error, 1), make(chan error, 1)
			go func() {
				_, err := h.engine.Access.OpenEvent(t.Context(), by, governance.BusinessEvent{
					Name: "inc-1", Kind: governance.Incident, EndsAt: h.clock.Now().Add(time.Hour), Attributes: values("region", `"eu"`),
				})
				opened <- err
			}()
			go func() {
				removed <- h.engine.Catalog.Delete(t.Context(), by, governance.KindAttribute, string(region.ID()), version, false)
			}()
			one, other := <-opened, <-removed
			if (one == nil) == (other == nil) {
				t.Fatalf("opened: %v; removed: %v", one, other)
			}
			if one == nil {
				if _, err := h.engine.Access.CloseEvent(t.Context(), by, "inc-1"); err != nil {
					t.Fatal(err)
				}
				if err := h.remove(governance.KindAttribute, string(region.ID())); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
