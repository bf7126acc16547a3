package decision

import (
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func TestTheQuestionIsAllowedByOnePolicyOfTen(t *testing.T) {
	set, err := Estate(100)
	if err != nil {
		t.Fatal(err)
	}
	decision := set.Decide(Question())
	if decision.Effect != governance.Allow {
		t.Fatalf("%s: %+v", decision.Effect, decision.Reasons)
	}
	spoke := map[governance.ReasonCode]int{}
	for _, reason := range decision.Reasons {
		spoke[reason.Code]++
	}
	if spoke[governance.ReasonPolicyAllows] != 1 || spoke[governance.ReasonPolicyNoMatch] != carried-1 {
		t.Errorf("the policies speak otherwise: %v", spoke)
	}
}

func TestSeparationOfDutiesIsAtWork(t *testing.T) {
	set, err := Estate(carried)
	if err != nil {
		t.Fatal(err)
	}
	question := Question()
	question.Held[0].Entitlement = entitlement(entitlements/rules - 1) // the other duty of the same rule
	if decision := set.Decide(question); decision.Effect != governance.Deny {
		t.Errorf("%s: %+v", decision.Effect, decision.Reasons)
	}
}
