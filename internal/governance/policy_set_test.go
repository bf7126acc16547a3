package governance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReferencesThatLeadNowhereAreReported(t *testing.T) {
	set := readWorld(t).policySet(t)
	known := func(id IdentityID) bool { return id == "alice" || id == "carol" }
	template := with(goodTemplate(), func(t *GrantTemplate) {
		t.Entitlements = []EntitlementID{"billing/role/admin", "billing/role/nil", "billing/role/read"}
		t.EligibilityPolicies = []PolicyID{"oncall", "freeze", "nil"}
		t.Approval.Stages[0].Approvers.Identities = []IdentityID{"carol", "nil"}
	})
	for _, c := range []struct {
		name string
		o    Object
		want string
	}{
		{"sound application", goodApplication(), ""},
		{"sound event", goodEvent(), ""},
		{"sound identity", goodIdentity(), ""},
		{"sound agent", goodAgent(), ""},
		{"sound entitlement", goodEntitlement(), ""},
		{"sound policy", goodPolicy(), ""},
		{"sound rule", goodRule(), ""},
		{"sound template", goodTemplate(), ""},
		{"identity", Identity{Owner: "nil", Manager: "nil"}, "owner unknown_reference, manager unknown_reference"},
		{"entitlement", Entitlement{Application: "nil", Owner: "nil"}, "application unknown_reference, owner unknown_reference"},
		{"policy", with(goodPolicy(), func(p *EligibilityPolicy) { p.Entitlements = []EntitlementID{"billing/role/read", "billing/role/nil"} }), "entitlements[1] unknown_reference"},
		{"rule", SoDRule{Duties: duties(map[string]string{"b": "billing/role/nil", "a": "billing/role/read x"})}, `duties["a"].entitlements[1] unknown_reference, duties["b"].entitlements[0] unknown_reference`},
		{"template", template, "entitlements[1] unknown_reference, eligibility_policies[1] invalid, eligibility_policies[2] unknown_reference, entitlements[2] invalid, approval.stages[0].approvers.identities[1] unknown_reference"},
		{"break-glass", with(goodTemplate(), func(t *GrantTemplate) {
			t.BreakGlass = goodBreakGlass()
			t.BreakGlass.Reviewers.Identities = []IdentityID{"carol", "nil"}
		}), "break_glass.reviewers.identities[1] unknown_reference"},
		{"a document that is not known", &SoDRule{Duties: duties(map[string]string{"a": "nil"})}, " invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			problems := set.CheckReferences(c.o, known)
			for _, p := range problems {
				got = append(got, p.Field+" "+p.Code)
			}
			if diff := cmp.Diff(c.want, strings.Join(got, ", ")); diff != "" {
				t.Errorf("problems (-want +got):\n%s%v", diff, problems)
			}
		})
	}
}

func TestADeclaredPolicyIsFoundByItsID(t *testing.T) {
	set := readWorld(t).policySet(t)
	if p, ok := set.Policy("freeze"); !ok || p.Effect != PolicyDeny {
		t.Errorf("freeze is %+v, %v", p, ok)
	}
	if _, ok := set.Policy("nil"); ok {
		t.Error("a policy is found that nobody declared")
	}
}

func TestAPolicySetRefusesAStoredPolicyThatDoesNotCompile(t *testing.T) {
	_, err := NewPolicySet(Documents{Policies: []EligibilityPolicy{{Name: "bad one", Effect: PolicyAllow, Condition: "identity.nme"}}})
	if err == nil || !strings.Contains(err.Error(), "compile eligibility policy bad%20one") {
		t.Errorf("got %v", err)
	}
}

func TestTheNextPolicySetHoldsWhatItsDocumentsSay(t *testing.T) {
	policy := func(name string, effect PolicyEffect, condition string) EligibilityPolicy {
		return with(goodPolicy(), func(p *EligibilityPolicy) { p.Name, p.Effect, p.Condition = name, effect, condition }).(EligibilityPolicy)
	}
	kept, gone := policy("kept", PolicyAllow, "identity.name == param.team"), policy("gone", PolicyAllow, "identity.name == param.team")
	before := policySet(t, Documents{Revision: 1, Policies: []EligibilityPolicy{kept, gone, policy("changed", PolicyAllow, "identity.name == param.team")}})
	changed := policy("changed", PolicyDeny, "identity.name != param.team")

	next, err := before.Next(Documents{Revision: 2, Policies: []EligibilityPolicy{changed, kept}})
	if err != nil {
		t.Fatal(err)
	}
	admin := kept.Entitlements[0]
	if len(next.policies) != 2 || len(next.allows[admin]) != 1 || len(next.denies[admin]) != 1 || next.Revision != 2 {
		t.Fatalf("it holds %v", next.policies)
	}
	if next.policies["kept"].program != before.policies["kept"].program {
		t.Error("a policy that did not change was compiled again")
	}
	if got := next.denies[admin][0]; got.Condition != changed.Condition || got.program == before.policies["changed"].program {
		t.Errorf("the changed policy is still %q", got.Condition)
	}
	if len(before.policies) != 3 || before.policies["changed"].Effect != PolicyAllow {
		t.Error("the set that stood before was changed")
	}
}

func TestPoliciesOfAnEntitlementSpeakInTheOrderOfTheirNames(t *testing.T) {
	var docs Documents
	for _, name := range []string{"c", "a", "b"} {
		docs.Policies = append(docs.Policies, with(goodPolicy(), func(p *EligibilityPolicy) { p.Name = name }).(EligibilityPolicy))
	}
	var names []string
	for _, p := range policySet(t, docs).allows[docs.Policies[0].Entitlements[0]] {
		names = append(names, p.Name)
	}
	if got := strings.Join(names, " "); got != "a b c" {
		t.Errorf("they speak as %s", got)
	}
}

// BenchmarkNext changes one of a thousand policies.
func BenchmarkNext(b *testing.B) {
	var docs Documents
	for i := range 1000 {
		docs.Policies = append(docs.Policies, with(goodPolicy(), func(p *EligibilityPolicy) { p.Name = fmt.Sprintf("policy-%d", i) }).(EligibilityPolicy))
	}
	set := policySet(b, docs)
	for b.Loop() {
		changed := &docs.Policies[500]
		changed.Condition = "!(" + goodPolicy().Condition + ")"
		if set.policies[changed.ID()].Condition == changed.Condition {
			changed.Condition = goodPolicy().Condition
		}
		var err error
		if set, err = set.Next(docs); err != nil {
			b.Fatal(err)
		}
	}
}
