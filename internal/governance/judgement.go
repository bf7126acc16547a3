package governance

import (
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// Judgement is how the condition of one policy came out for one entitlement.
type Judgement struct {
	Policy      PolicyID
	Entitlement EntitlementID
	// Parts are the conjuncts of the condition, in the order in which they stand.
	Parts []Part
}

// Judgements are all the policies that a decision on the question evaluates,
// those that have nothing to say in it included.
func (s *PolicySet) Judgements(q Question) []Judgement {
	template, ok := s.Templates[q.Template]
	if !ok {
		return nil
	}
	d := decider{set: s, q: q}
	d.span(template)
	var judged []Judgement
	for _, id := range distinct(q.Entitlements) {
		entitlement := s.Entitlements[id]
		if entitlement == nil {
			continue
		}
		in := d.input(*entitlement)
		for _, policy := range slices.Concat(s.allows[id], s.denies[id]) {
			if policy.Effect == PolicyAllow && !slices.Contains(template.EligibilityPolicies, policy.ID()) {
				continue
			}
			reason, _ := policy.judge(in, id)
			judged = append(judged, Judgement{Policy: policy.ID(), Entitlement: id, Parts: reason.Parts})
		}
	}
	return judged
}

// Conjuncts are the parts of a declared policy's condition, without outcomes;
// none when there is no such policy.
func (s *PolicySet) Conjuncts(id PolicyID) []Part {
	policy, ok := s.policies[id]
	if !ok {
		return nil
	}
	reason, _ := policy.judge(&policyenv.Input{}, "")
	parts := make([]Part, len(reason.Parts))
	for i, part := range reason.Parts {
		parts[i] = Part{Line: part.Line, Column: part.Column, Text: part.Text}
	}
	return parts
}
