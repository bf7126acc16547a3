// Package decision measures a whole decision, separation of duties included,
// beside ever more policies that have nothing to do with it.
package decision

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

const (
	application  = governance.ApplicationID("billing")
	entitlements = 10_000
	rules        = 1_000
	// carried is how many policies each entitlement carries that carries any.
	carried = 10
	// held is how many entitlements the requester has already.
	held = 10
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func entitlement(n int) governance.EntitlementID {
	return governance.NewEntitlementID(application, "role", fmt.Sprintf("role_%d", n))
}

// Estate declares that many policies, ten to an entitlement, and 1,000 rules on
// 10,000 entitlements.
func Estate(policies int) (*governance.PolicySet, error) {
	docs := governance.Documents{
		Revision:     1,
		Applications: []governance.Application{{Name: string(application)}},
		Templates:    []governance.GrantTemplate{template()},
	}
	for n := range entitlements {
		docs.Entitlements = append(docs.Entitlements, governance.Entitlement{
			Application: application, Kind: "role", NativeID: fmt.Sprintf("role_%d", n),
			Risk: governance.RiskHigh, Standing: governance.StandingForbidden,
		})
	}
	for n := range policies {
		docs.Policies = append(docs.Policies, policy(n))
	}
	for n := range rules {
		docs.Rules = append(docs.Rules, rule(n))
	}
	set, err := governance.NewPolicySet(docs)
	if err != nil {
		return nil, fmt.Errorf("build an estate of %d policies: %w", policies, err)
	}
	return set, nil
}

func policyName(n int) string { return fmt.Sprintf("policy-%d", n) }

// policy is one of the ten of its entitlement; of these the last is for the
// on-call team, the others for teams that the requester is not in.
func policy(n int) governance.EligibilityPolicy {
	team := "sre-oncall"
	if n%carried < carried-1 {
		team = fmt.Sprintf("team-%d", n%carried)
	}
	written, _ := json.Marshal(team)
	return governance.EligibilityPolicy{
		Name: policyName(n), Effect: governance.PolicyAllow,
		Entitlements: []governance.EntitlementID{entitlement(n / carried)},
		Parameters:   map[string]json.RawMessage{"team": written},
		Condition: `identity.type == "human" && contains(identity.groups, param.team)
			&& event != null && event.kind == "incident" && event.severity != null && event.severity <= 2
			&& request.duration <= duration("4h")`,
	}
}

// rule parts ten entitlements into two duties; each entitlement is in one rule.
func rule(n int) governance.SoDRule {
	each := entitlements / rules
	duties := map[string]governance.Duty{}
	for i := range each {
		name := "create"
		if i >= each/2 {
			name = "approve"
		}
		duties[name] = governance.Duty{Entitlements: append(duties[name].Entitlements, entitlement(n*each+i))}
	}
	return governance.SoDRule{Name: fmt.Sprintf("rule-%d", n), Mode: governance.SoDDeny, Limit: 1, IncludeOwned: true, Duties: duties}
}

// template lists the ten policies of the first entitlement.
func template() governance.GrantTemplate {
	t := governance.GrantTemplate{
		Name:           "incident-admin",
		Entitlements:   []governance.EntitlementID{entitlement(0)},
		Duration:       governance.DurationBounds{Default: governance.Duration(time.Hour), Max: governance.Duration(4 * time.Hour)},
		ActivateWithin: governance.Duration(15 * time.Minute),
		BusinessEvent:  &governance.EventRequirement{Kinds: []governance.EventKind{governance.Incident}},
		Justification:  governance.JustificationRequired,
		Approval:       governance.ApprovalDefinition{Automatic: true},
	}
	for n := range carried {
		t.EligibilityPolicies = append(t.EligibilityPolicies, governance.EligibilityPolicy{Name: policyName(n)}.ID())
	}
	return t
}

// Question is a request for the first entitlement, by somebody on call who holds
// ten others.
func Question() governance.Question {
	severity := int64(2)
	person := governance.Person{
		Identity: governance.Identity{Name: "alice", Type: governance.Human, Groups: []string{"staff", "sre-oncall"}},
		Status:   governance.Active,
	}
	account := governance.NewAccountID(application, "alice")
	holdings := make([]governance.Holding, held)
	for n := range holdings {
		// Every rule has ten entitlements, so each of these is in another.
		holdings[n] = governance.Holding{Identity: person.ID(), Account: account, Entitlement: entitlement((n + 1) * entitlements / (held + 1))}
	}
	return governance.Question{
		Now: noon, Identity: person, Template: template().ID(),
		Entitlements:  []governance.EntitlementID{entitlement(0)},
		Justification: "INC-42", EventRef: "inc-42",
		Event: &governance.OpenEvent{
			BusinessEvent: governance.BusinessEvent{Name: "inc-42", Kind: governance.Incident, Severity: &severity, EndsAt: noon.Add(8 * time.Hour)},
			ID:            "inc-42", OpenedAt: noon.Add(-time.Hour),
		},
		Accounts: []governance.AccountID{account},
		Held:     holdings,
	}
}
