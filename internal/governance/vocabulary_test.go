package governance

import (
	"slices"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// A condition that compares with a value outside of a closed set is refused, so
// the sets that conditions know must be those of the vocabulary.
func TestConditionsKnowTheValuesOfTheVocabulary(t *testing.T) {
	want := map[string]string{
		"identity.type": "IdentityType", "identity.status": "Status", "event.kind": "EventKind", "entitlement.risk": "Risk",
	}
	for _, v := range policyenv.Variables() {
		typeName, closed := want[v.Name]
		delete(want, v.Name)
		if !closed {
			if len(v.Values) > 0 {
				t.Errorf("%s has the closed set %v; say here which type of the vocabulary it is", v.Name, v.Values)
			}
			continue
		}
		if declared := declaredCodes(t, "declared.go", typeName); !slices.Equal(v.Values, declared) {
			t.Errorf("%s can be %v, and %s has %v", v.Name, v.Values, typeName, declared)
		}
	}
	for name := range want {
		t.Errorf("conditions do not know %s", name)
	}
}

// Each closed set is checked as a whole where it is declared: a value that is
// added to the vocabulary and not to its check would be refused.
func TestChecksAcceptTheWholeVocabulary(t *testing.T) {
	check := map[string]func(string) Object{
		"IdentityType": func(v string) Object {
			if IdentityType(v) == Human {
				return goodIdentity()
			}
			return with(goodAgent(), func(i *Identity) { i.Type = IdentityType(v) })
		},
		"AttributeObject": func(v string) Object {
			return with(goodAttribute(), func(a *Attribute) { a.Object = AttributeObject(v) })
		},
		"AttributeType": func(v string) Object {
			return with(goodAttribute(), func(a *Attribute) { a.Type = AttributeType(v) })
		},
		"Risk": func(v string) Object { return with(goodEntitlement(), func(e *Entitlement) { e.Risk = Risk(v) }) },
		"Standing": func(v string) Object {
			return with(goodEntitlement(), func(e *Entitlement) { e.Standing = Standing(v) })
		},
		"PolicyEffect": func(v string) Object {
			return with(goodPolicy(), func(p *EligibilityPolicy) { p.Effect = PolicyEffect(v) })
		},
		"SoDMode":   func(v string) Object { return with(goodRule(), func(r *SoDRule) { r.Mode = SoDMode(v) }) },
		"EventKind": func(v string) Object { return with(goodEvent(), func(e *BusinessEvent) { e.Kind = EventKind(v) }) },
		"Justification": func(v string) Object {
			return with(goodTemplate(), func(t *GrantTemplate) { t.Justification = Justification(v) })
		},
	}
	for typeName, document := range check {
		values := declaredCodes(t, "declared.go", typeName)
		if len(values) < 2 {
			t.Errorf("%s has the values %v", typeName, values)
		}
		for _, v := range values {
			if err := document(v).Check().Err(); err != nil {
				t.Errorf("%s %q is refused: %v", typeName, v, err)
			}
		}
	}
	for _, outcome := range declaredCodes(t, "grant.go", "Outcome") {
		if outcome == string(OutcomeAbandoned) {
			continue // it is what people say, and nothing that is observed
		}
		if _, err := (Grant{State: GrantRevoking}).Finish(Outcome(outcome), noon); err != nil {
			t.Errorf("outcome %q is refused: %v", outcome, err)
		}
	}
}

func TestGrantsAreLiveUntilTheyAreOver(t *testing.T) {
	over := []GrantState{GrantCancelled, GrantProvisionFailed, GrantEnded}
	for _, state := range declaredCodes(t, "grant.go", "GrantState") {
		if live := GrantState(state).Live(); live == slices.Contains(over, GrantState(state)) {
			t.Errorf("%s is live: %v", state, live)
		}
	}
}
