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
func (c *Coverage) see(set *governance.PolicySet, q governance.Question, d governance.Decision) {
	for i := range c.Templates {
		if c.Templates[i].Template == q.Template {
			c.Templates[i].Requested = true
		}
	}
	for _, judgement := range set.Judgements(q) {
		at := slices.IndexFunc(c.Policies, func(p PolicyCoverage) bool { return p.Policy == judgement.Policy })
		c.Policies[at].see(judgement)
	}
	violated := map[governance.RuleID]bool{}
	for _, reason := range d.Reasons {
		if reason.Violation != nil {
			violated[reason.Rule] = true
		}
	}
	for i := range c.Rules {
		id := c.Rules[i].Rule
		c.Rules[i].Violated = c.Rules[i].Violated || violated[id]
		c.Rules[i].Upheld = c.Rules[i].Upheld || !violated[id] && touches(set.Rules[id], q)
	}
}

func (p *PolicyCoverage) see(j governance.Judgement) {
	p.Evaluated = true
	for i, part := range j.Parts {
		switch part.Outcome {
		case string(condition.OutcomeTrue):
			p.Conjuncts[i].SeenTrue = true
		case string(condition.OutcomeFalse):
			p.Conjuncts[i].SeenFalse = true
		}
	}
}

// touches reports whether what is asked for is part of one of the rule's duties.
func touches(rule *governance.SoDRule, q governance.Question) bool {
	for _, asked := range q.Entitlements {
		for id := range q.Inclusions.Closure(asked) {
			for _, duty := range rule.Duties {
				if slices.Contains(duty.Entitlements, id) {
					return true
				}
			}
		}
	}
	return false
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
