package accesstest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// coverage begins with nothing seen.
func (b *Bench) coverage() Coverage {
	c := Coverage{Policies: []PolicyCoverage{}, Rules: []RuleCoverage{}, Templates: []TemplateCoverage{}}
	for _, policy := range b.docs.Policies {
		covered := PolicyCoverage{Policy: policy.ID(), Conjuncts: []ConjunctCoverage{}}
		for _, part := range b.set.Conjuncts(policy.ID()) {
			covered.Conjuncts = append(covered.Conjuncts, ConjunctCoverage{Line: part.Line, Column: part.Column, Text: part.Text})
		}
		c.Policies = append(c.Policies, covered)
	}
	for _, id := range slices.Sorted(maps.Keys(b.set.Rules)) {
		c.Rules = append(c.Rules, RuleCoverage{Rule: id})
	}
	for _, id := range slices.Sorted(maps.Keys(b.set.Templates)) {
		c.Templates = append(c.Templates, TemplateCoverage{Template: id})
	}
	slices.SortFunc(c.Policies, func(x, y PolicyCoverage) int { return compare(x.Policy, y.Policy) })
	return c
}

// see adds what one decision exercised.
func (c *Coverage) see(template governance.TemplateID, t governance.Trace) {
	for i := range c.Templates {
		c.Templates[i].Requested = c.Templates[i].Requested || c.Templates[i].Template == template
	}
	for _, entitlement := range t.Entitlements {
		for _, policy := range entitlement.Policies {
			at := slices.IndexFunc(c.Policies, func(p PolicyCoverage) bool { return p.Policy == policy.Policy })
			c.Policies[at].see(policy)
		}
	}
	for _, rule := range t.Rules {
		at := slices.IndexFunc(c.Rules, func(r RuleCoverage) bool { return r.Rule == rule.Rule })
		c.Rules[at].Violated = c.Rules[at].Violated || rule.Violated
		c.Rules[at].Upheld = c.Rules[at].Upheld || !rule.Violated
	}
}

// see counts the conjuncts that evaluation reached: what stands behind a false one
// decided nothing.
func (p *PolicyCoverage) see(t governance.PolicyTrace) {
	p.Evaluated = p.Evaluated || t.Outcome != governance.PolicyNotListed
	for i, part := range t.Parts {
		switch {
		case part.Behind:
		case part.Outcome == string(condition.OutcomeTrue):
			p.Conjuncts[i].SeenTrue = true
		case part.Outcome == string(condition.OutcomeFalse):
			p.Conjuncts[i].SeenFalse = true
		}
	}
}

// Gaps lists what no case exercised, in the order of policies, rules, templates.
func (c Coverage) Gaps() []Gap {
	gaps := []Gap{}
	for _, p := range c.Policies {
		object := fmt.Sprintf("policy %q", p.Policy)
		if !p.Evaluated {
			gaps = append(gaps, Gap{object, "was never evaluated"})
			continue
		}
		for _, conjunct := range p.Conjuncts {
			if half := unseen(conjunct.SeenTrue, conjunct.SeenFalse, "true", "false"); half != "" {
				gaps = append(gaps, Gap{object, fmt.Sprintf("%s at %d:%d was never %s", conjunct.Text, conjunct.Line, conjunct.Column, half)})
			}
		}
	}
	for _, r := range c.Rules {
		if half := unseen(r.Violated, r.Upheld, "violated", "touched by a request that it lets pass"); half != "" {
			gaps = append(gaps, Gap{fmt.Sprintf("SoD rule %q", r.Rule), "was never " + half})
		}
	}
	for _, t := range c.Templates {
		if !t.Requested {
			gaps = append(gaps, Gap{fmt.Sprintf("template %q", t.Template), "was never requested"})
		}
	}
	return gaps
}

// unseen names the half that is missing, or both.
func unseen(first, second bool, one, other string) string {
	switch {
	case !first && !second:
		return one + " nor " + other
	case !first:
		return one
	case !second:
		return other
	}
	return ""
}
