package engine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestWhatMayBeRequestedFollowsTheEstate(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(governance.SoDRule{Name: "pay", Mode: governance.SoDDeny, Limit: 1, Duties: map[string]governance.Duty{
			"write": {Entitlements: []governance.EntitlementID{writer}}, "pay": {Entitlements: []governance.EntitlementID{payer}},
		}})
		certainties := func(who string) map[governance.EntitlementID]governance.Certainty {
			t.Helper()
			eligibility, err := h.engine.Access.Eligible(t.Context(), access.Ask{Identity: governance.IdentityID(who), Template: "auto"})
			if err != nil {
				t.Fatal(err)
			}
			out := map[governance.EntitlementID]governance.Certainty{}
			for _, o := range eligibility.Openings {
				out[o.Entitlement] = o.Certainty
			}
			return out
		}
		everything := map[governance.EntitlementID]governance.Certainty{
			reader: governance.Certain, writer: governance.Certain, dba: governance.Certain, dbaAdm: governance.Certain, payer: governance.Certain,
		}
		if diff := cmp.Diff(everything, certainties("alice")); diff != "" {
			t.Errorf("alice, who holds nothing (-want +got):\n%s", diff)
		}
		h.granted("alice", "", writer)
		everything[payer] = governance.Never
		if diff := cmp.Diff(everything, certainties("alice")); diff != "" {
			t.Errorf("alice, who holds a duty (-want +got):\n%s", diff)
		}
		for id, certainty := range certainties("carol") {
			if certainty != governance.Never {
				t.Errorf("carol, whom no policy names: %s is %s", id, certainty)
			}
		}
		h.asStint(`DROP ROLE payments`)
		h.sync()
		if got := certainties("bob")[payer]; got != governance.Never {
			t.Errorf("%s is gone from the target and is %s", payer, got)
		}
		if _, err := h.engine.Access.Eligible(t.Context(), access.Ask{Identity: "nobody"}); !fault.Is(err, fault.NotFound) {
			t.Errorf("of nobody: %v", err)
		}
	})
}
