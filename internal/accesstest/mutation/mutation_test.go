package mutation_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stint-dev/terraform-provider-stint/internal/accesstest/mutation"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func policy(condition string) governance.EligibilityPolicy {
	return governance.EligibilityPolicy{
		Name: "p", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{"billing/role/a", "billing/role/b"},
		Parameters: map[string]json.RawMessage{"team": json.RawMessage(`"sre"`), "rooms": json.RawMessage(`["a","b"]`), "least": json.RawMessage(`2`)},
		Condition:  condition,
	}
}

// compare shows mutants as lines of name and changed condition;
// STINT_UPDATE_GOLDEN=1 writes what is expected.
func compare(t *testing.T, name, of string, mutants []mutation.Mutant) {
	t.Helper()
	var b strings.Builder
	seen := map[string]bool{}
	for _, m := range mutants {
		b.WriteString(m.Name + "\n")
		if p, ok := m.Object.(governance.EligibilityPolicy); ok && p.Condition != of {
			b.WriteString("    " + strings.Join(strings.Fields(p.Condition), " ") + "\n")
		}
		if seen[m.Name] {
			t.Errorf("two mutants are called %s", m.Name)
		}
		seen[m.Name] = true
	}
	path := filepath.Join("testdata", name)
	if os.Getenv("STINT_UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path) //nolint:gosec // the tests name it
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestConditionIsChangedInEachPlace(t *testing.T) {
	const condition = `contains(identity.groups, param.team)
&& (event == null || event.kind == "incident" && event.severity != null && event.severity < 3)
&& request.duration <= duration("1h") && now < time("2027-01-01T00:00:00Z")
&& !contains(["root", "root"], identity.name)`
	compare(t, "condition.txt", condition, mutation.Of(policy(condition)))
}

func TestSoleConjunctIsDroppedToo(t *testing.T) {
	const condition = `identity.type == "human"`
	compare(t, "sole.txt", condition, mutation.Of(policy(condition)))
}

func TestBoundsAndGuardsOfOtherObjectsAreMoved(t *testing.T) {
	hour := governance.Duration(time.Hour)
	var all []mutation.Mutant
	for _, object := range []governance.Object{
		governance.GrantTemplate{
			Name: "t", Entitlements: []governance.EntitlementID{"billing/role/a"}, EligibilityPolicies: []governance.PolicyID{"p", "q"},
			Duration:      governance.DurationBounds{Default: hour, Max: 2 * hour},
			BusinessEvent: &governance.EventRequirement{Kinds: []governance.EventKind{governance.Incident, governance.Change}},
			Justification: governance.JustificationRequired, Approval: governance.ApprovalDefinition{Stages: []governance.ApprovalStage{{Name: "lead"}, {Name: "owner"}}},
			BreakGlass: &governance.BreakGlass{},
		},
		governance.Entitlement{Application: "billing", Kind: "role", NativeID: "a", MaxDuration: &hour},
		governance.SoDRule{Name: "r", Mode: governance.SoDApprove, Limit: 1, Duties: map[string]governance.Duty{
			"create": {Entitlements: []governance.EntitlementID{"billing/role/a"}}, "approve": {Entitlements: []governance.EntitlementID{"billing/role/b"}},
		}},
		governance.Identity{Name: "alice"},
	} {
		all = append(all, mutation.Of(object)...)
	}
	compare(t, "objects.txt", "", all)
}
