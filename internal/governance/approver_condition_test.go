package governance

import "testing"

func TestAConditionNamesApproversForEveryEntitlement(t *testing.T) {
	low := Entitlement{Application: "billing", Kind: "role", NativeID: "read", Risk: RiskLow}
	high := Entitlement{Application: "billing", Kind: "role", NativeID: "admin", Risk: RiskHigh}
	set := policySet(t, Documents{Applications: []Application{{Name: "billing"}}, Entitlements: []Entitlement{low, high}})
	requester := Person{Identity: Identity{Name: "alice", Type: Human}, Status: Active}
	peer := Person{Identity: Identity{Name: "bob", Type: Human, Groups: []string{"peers"}}, Status: Active}
	event := &OpenEvent{ID: "e", BusinessEvent: BusinessEvent{Kind: Incident}}
	ask := func(condition string, event *OpenEvent, ids ...EntitlementID) bool {
		r := Request{Entitlements: ids}
		r.Stages = []ApprovalStage{{Name: "s", Quorum: 1, Approvers: Approvers{Condition: condition}}}
		_, err := r.MayApprove(Parties{Requester: requester, Approver: peer, Meets: set.ApproverTest(r, requester, event, noon)})
		return err == nil
	}
	const lowOnly = `contains(approver.groups, "peers") && entitlement.risk == "low"`
	for name, c := range map[string]struct{ got, want bool }{
		"the low one":           {ask(lowOnly, nil, low.ID()), true},
		"both":                  {ask(lowOnly, nil, low.ID(), high.ID()), false},
		"one that is gone":      {ask(lowOnly, nil, low.ID(), "billing/role/gone"), false},
		"none":                  {ask(lowOnly, nil), false},
		"with the event":        {ask(`approver.name == "bob" && event != null`, event, low.ID()), true},
		"without the event":     {ask(`approver.name == "bob" && event != null`, nil, low.ID()), false},
		"what does not compile": {ask(`approver.attributes.gone == "x"`, nil, low.ID()), false},
		"what errs":             {ask(`approver.name == "bob" || cidrcontains("10.0.0.0/8", approver.name)`, nil, low.ID()), true},
		"what errs first":       {ask(`cidrcontains("10.0.0.0/8", approver.name) || approver.name == "bob"`, nil, low.ID()), false},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	own := Request{Entitlements: []EntitlementID{low.ID()}, Stages: []ApprovalStage{{Name: "s", Quorum: 1, Approvers: Approvers{Condition: `approver.name == "alice"`}}}}
	if _, err := own.MayApprove(Parties{Requester: requester, Approver: requester, Meets: set.ApproverTest(own, requester, nil, noon)}); err == nil {
		t.Error("a condition lets the requester approve")
	}
}
