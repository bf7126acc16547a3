package engine_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestDiscoveryFindsWhatNobodyDeclared(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.target.Exec(t, "postgres", `CREATE ROLE legacy LOGIN SUPERUSER`, `GRANT billing_write TO bob`)
		h.declare()
		granted := h.granted("alice", "", dba)
		h.sync()
		standing := h.findings(governance.FindingStandingPrivilege)
		for _, want := range []string{"billing/legacy billing/attribute/superuser", "billing/bob billing/role/billing_write", "billing/stint billing/attribute/createrole"} {
			if !standing[want] {
				t.Errorf("no finding that %s: %v", want, standing)
			}
		}
		if standing["billing/alice billing/role/billing_admin"] {
			t.Error("what Stint granted is taken for standing privilege")
		}
		if orphans := h.findings(governance.FindingOrphanAccount); !orphans["billing/legacy "] || orphans["billing/alice "] {
			t.Errorf("orphans %v", orphans)
		}
		if undeclared := h.findings(governance.FindingUndeclaredEntitlement); !undeclared[" billing/attribute/superuser"] {
			t.Errorf("undeclared %v", undeclared)
		}
		h.asStint(`REVOKE billing_admin FROM alice`)
		h.target.Exec(t, "postgres", `DROP ROLE payments`)
		h.clock.Advance(time.Second)
		h.sync()
		if gone := h.findings(governance.FindingRemovedOutOfBand); !gone["billing/alice billing/role/billing_admin"] {
			t.Errorf("removed out of band: %v", gone)
		}
		if missing := h.findings(governance.FindingMissingEntitlement); !missing[" billing/role/payments"] {
			t.Errorf("missing: %v", missing)
		}
		if _, err := h.engine.Access.Revoke(t.Context(), by, granted, ""); err != nil {
			t.Fatal(err)
		}
		h.ended(granted, governance.EndRevokedBy, governance.OutcomeRemovedElsewhere)
	})
}

func TestFailedDiscoveryChangesNothing(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		before, _, err := h.engine.Discovery.Assignments(t.Context(), billing)
		if err != nil {
			t.Fatal(err)
		}
		h.target.Stop(t)
		if _, err := h.engine.Discovery.Sync(t.Context(), by, billing); !fault.Is(err, fault.TargetFailed) {
			t.Fatalf("error %v", err)
		}
		after, _, err := h.engine.Discovery.Assignments(t.Context(), billing)
		if err != nil || len(after) != len(before) || len(after) == 0 {
			t.Errorf("%d assignments before, %d after a discovery that failed, error %v", len(before), len(after), err)
		}
		stored, err := h.engine.Catalog.Get(t.Context(), governance.KindApplication, "billing")
		if err != nil || stored.SyncError == "" {
			t.Errorf("the failure is not shown: %+v, error %v", stored, err)
		}
	})
}

func TestAccountsFollowTheirIdentities(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.put(h.application())
		if !h.findings(governance.FindingOrphanAccount)["billing/alice "] {
			t.Error("alice's account has no identity yet and is no orphan")
		}
		h.put(governance.Identity{Name: "alice", Type: governance.Human, Groups: []string{}})
		if h.findings(governance.FindingOrphanAccount)["billing/alice "] {
			t.Error("alice is declared and her account is an orphan")
		}
		stored, err := h.engine.Catalog.Get(t.Context(), governance.KindIdentity, "alice")
		if err != nil {
			t.Fatal(err)
		}
		if err := h.engine.Catalog.Delete(t.Context(), by, governance.KindIdentity, "alice", stored.Version, false); err != nil {
			t.Fatal(err)
		}
		if !h.findings(governance.FindingOrphanAccount)["billing/alice "] {
			t.Error("alice is gone and her account is no orphan")
		}
	})
}

func TestApplicationThatCannotBeReadIsNotDeclared(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		a := h.application()
		var config map[string]any
		if err := json.Unmarshal(a.Connector["postgresql"], &config); err != nil {
			t.Fatal(err)
		}
		config["password_ref"] = "env:STINT_SECRET_PAYROLL_PASSWORD"
		a.Connector["postgresql"], _ = json.Marshal(config)
		_, err := h.engine.Catalog.Put(t.Context(), by, a, catalog.Precondition{Create: true})
		if err == nil || !strings.Contains(err.Error(), "outside of the namespace of billing") {
			t.Errorf("another application's secret: %v", err)
		}
		if _, err := h.engine.Catalog.Get(t.Context(), governance.KindApplication, "billing"); !fault.Is(err, fault.NotFound) {
			t.Errorf("half of it was written: %v", err)
		}
	})
}

func TestReferencesMustLeadSomewhere(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		for field, o := range map[string]governance.Object{
			"native_id":                   governance.Entitlement{Application: billing, Kind: "role", NativeID: "billing_rea", Risk: "low", Standing: "allowed"},
			"application":                 governance.Entitlement{Application: "payroll", Kind: "role", NativeID: "x", Risk: "low", Standing: "allowed"},
			"entitlements[0]":             governance.EligibilityPolicy{Name: "p", Effect: "allow", Entitlements: []governance.EntitlementID{"billing/role/x"}, Condition: `identity.name == "x"`},
			"owner":                       governance.Identity{Name: "bot", Type: governance.Agent, Owner: "nobody", Groups: []string{}},
			`duties["a"].entitlements[0]`: governance.SoDRule{Name: "r", Mode: "deny", Limit: 1, Duties: map[string]governance.Duty{"a": {Entitlements: []governance.EntitlementID{"billing/role/x"}}, "b": {Entitlements: []governance.EntitlementID{dba}}}},
		} {
			_, err := h.engine.Catalog.Put(t.Context(), by, o, catalog.Precondition{Create: true})
			var refused *fault.Error
			if !errors.As(err, &refused) || len(refused.Problems) != 1 || refused.Problems[0].Field != field {
				t.Errorf("%s: error %v", field, err)
			}
		}
	})
}

func TestWriteNeedsTheVersionThatWasRead(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		alice := governance.Identity{Name: "alice", Type: governance.Human, Groups: []string{"a"}}
		put := func(pre catalog.Precondition) error {
			_, err := h.engine.Catalog.Put(t.Context(), by, alice, pre)
			return err
		}
		if err := put(catalog.Precondition{Create: true}); !fault.Is(err, fault.AlreadyExists) {
			t.Errorf("created again: %v", err)
		}
		if err := put(catalog.Precondition{Version: 1}); err != nil {
			t.Errorf("update: %v", err)
		}
		if err := put(catalog.Precondition{Version: 1}); !fault.Is(err, fault.VersionMismatch) {
			t.Errorf("update of an older version: %v", err)
		}
	})
}

func TestSnapshotIsTheWholeDeclaredState(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		s, err := h.engine.Catalog.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, stored := range s.Objects[governance.KindIdentity] {
			ids = append(ids, stored.ID)
		}
		if want := []string{"alice", "bob", "carol", "deploy-bot"}; !slices.Equal(ids, want) {
			t.Errorf("identities %v, want %v", ids, want)
		}
		if len(s.Objects[governance.KindEntitlement]) != 5 || len(s.Objects[governance.KindTemplate]) != 2 || s.Revision == 0 {
			t.Errorf("snapshot %+v", s)
		}
	})
}
