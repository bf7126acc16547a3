package governance

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// Documents is the declared policy of one revision, as it is stored.
type Documents struct {
	Revision     int64
	Attributes   []Attribute
	Applications []Application
	Entitlements []Entitlement
	Policies     []EligibilityPolicy
	Rules        []SoDRule
	Templates    []GrantTemplate
	Delegations  []Delegation
}

// PolicySet is the declared policy of one revision, compiled and indexed by
// entitlement, so that a decision costs what its own entitlements carry. It is
// immutable and safe for concurrent use.
type PolicySet struct {
	Revision     int64
	Attributes   Attributes
	Applications map[ApplicationID]*Application
	Entitlements map[EntitlementID]*Entitlement
	Rules        map[RuleID]*SoDRule
	Templates    map[TemplateID]*GrantTemplate

	policies map[PolicyID]*compiledPolicy
	allows   map[EntitlementID][]*compiledPolicy
	denies   map[EntitlementID][]*compiledPolicy
	// delegations are by who stands in, sorted by name.
	delegations map[IdentityID][]Delegation
	// namings are what applications say of their accounts, compiled when it is first
	// asked for.
	namings map[ApplicationID]func() (naming, error)
	// separation is the index of the rules, without inclusions.
	separation *SoDIndex
}

type compiledPolicy struct {
	EligibilityPolicy
	program *policyenv.Policy
}

// judge evaluates the policy and says how it came out; the code is
// ReasonPolicyNoMatch or ReasonPolicyError unless it matched.
func (p *compiledPolicy) judge(in *policyenv.Input, id EntitlementID) (Reason, bool) {
	explanation := p.program.Explain(in)
	reason := Reason{Policy: p.ID(), Entitlement: id, Parts: partsOf(explanation.Parts)}
	switch {
	case explanation.Err != nil:
		reason.Code, reason.Message = ReasonPolicyError, fmt.Sprintf("policy %q could not be evaluated for %q, which denies: %s", p.ID(), id, explanation.Err)
	case !explanation.Result:
		reason.Code, reason.Message = ReasonPolicyNoMatch, fmt.Sprintf("policy %q does not match for %q", p.ID(), id)
		for _, part := range reason.Parts {
			if part.Outcome == string(condition.OutcomeFalse) {
				reason.Message += fmt.Sprintf(": %q is false (line %d, column %d)", part.Text, part.Line, part.Column)
			}
		}
	}
	return reason, explanation.Result && explanation.Err == nil
}

func partsOf(explained []condition.Part) []Part {
	parts := make([]Part, len(explained))
	for i, part := range explained {
		parts[i] = Part{
			Line: part.Range.Start.Line, Column: part.Range.Start.Column, Text: part.Text, Outcome: string(part.Outcome),
			Values: valuesOf(part.Values), Behind: part.Behind, Decided: decidedOf(part.Decided),
		}
		if part.Err != nil {
			parts[i].Error = part.Err.Error()
		}
	}
	return parts
}

// NewPolicySet compiles documents. Its error is a stored object that no longer
// compiles, which means that the store was changed by other hands.
func NewPolicySet(docs Documents) (*PolicySet, error) { return (&PolicySet{}).Next(docs) }

// Next compiles the documents of another revision, as [NewPolicySet] does, and
// takes over from s what it has compiled of the same documents already: what a
// change of one policy costs does not grow with the size of all of them.
func (s *PolicySet) Next(docs Documents) (*PolicySet, error) {
	next := &PolicySet{
		Revision:     docs.Revision,
		Attributes:   NewAttributes(docs.Attributes),
		Applications: make(map[ApplicationID]*Application, len(docs.Applications)),
		Entitlements: make(map[EntitlementID]*Entitlement, len(docs.Entitlements)),
		Rules:        make(map[RuleID]*SoDRule, len(docs.Rules)),
		Templates:    make(map[TemplateID]*GrantTemplate, len(docs.Templates)),
		policies:     make(map[PolicyID]*compiledPolicy, len(docs.Policies)),
		allows:       map[EntitlementID][]*compiledPolicy{},
		denies:       map[EntitlementID][]*compiledPolicy{},
		delegations:  map[IdentityID][]Delegation{},
		namings:      make(map[ApplicationID]func() (naming, error), len(docs.Applications)),
		separation:   NewSoDIndex(docs.Rules, nil),
	}
	if !reflect.DeepEqual(s.Attributes.list, next.Attributes.list) {
		s = &PolicySet{} // what was compiled with other attributes is compiled again
	}
	for _, a := range docs.Applications {
		next.Applications[a.ID()] = &a
		next.namings[a.ID()] = s.namingOf(a, next.Attributes)
	}
	for _, e := range docs.Entitlements {
		next.Entitlements[e.ID()] = &e
	}
	for _, t := range docs.Templates {
		next.Templates[t.ID()] = &t
	}
	for _, p := range docs.Policies {
		compiled, err := s.compiled(p, next.Attributes)
		if err != nil {
			return nil, fmt.Errorf("compile eligibility policy %s: %w", p.ID(), err)
		}
		next.addPolicy(compiled)
	}
	for _, index := range []map[EntitlementID][]*compiledPolicy{next.allows, next.denies} {
		for _, policies := range index {
			slices.SortFunc(policies, func(a, b *compiledPolicy) int { return cmp.Compare(a.Name, b.Name) })
		}
	}
	for _, r := range docs.Rules {
		next.Rules[r.ID()] = &r
	}
	for _, d := range docs.Delegations {
		next.delegations[d.To] = append(next.delegations[d.To], d)
	}
	for _, delegations := range next.delegations {
		slices.SortFunc(delegations, func(a, b Delegation) int { return cmp.Compare(a.Name, b.Name) })
	}
	return next, nil
}

// namingOf takes over what is compiled of the same documents already.
func (s *PolicySet) namingOf(a Application, attributes Attributes) func() (naming, error) {
	if known := s.Applications[a.ID()]; known != nil && known.AccountName == a.AccountName && known.Correlation == a.Correlation {
		return s.namings[a.ID()]
	}
	return namingOf(a, attributes.list)
}

func (s *PolicySet) compiled(p EligibilityPolicy, attributes Attributes) (*compiledPolicy, error) {
	if known := s.policies[p.ID()]; known != nil && reflect.DeepEqual(known.EligibilityPolicy, p) {
		return known, nil
	}
	program, err := p.compile(attributes.list)
	return &compiledPolicy{EligibilityPolicy: p, program: program}, err
}

func (s *PolicySet) addPolicy(p *compiledPolicy) {
	s.policies[p.ID()] = p
	index := s.allows
	if p.Effect == PolicyDeny {
		index = s.denies
	}
	for _, id := range p.Entitlements {
		index[id] = append(index[id], p)
	}
}

// Separation is the index of the declared rules under inclusions, for questions
// about many identities at once.
func (s *PolicySet) Separation(in Inclusions) *SoDIndex { return s.separation.with(in) }

// Policy returns a declared policy.
func (s *PolicySet) Policy(id PolicyID) (EligibilityPolicy, bool) {
	p, ok := s.policies[id]
	if !ok {
		return EligibilityPolicy{}, false
	}
	return p.EligibilityPolicy, true
}

// Conjuncts are the parts of a declared policy's condition, without outcomes;
// none when there is no such policy.
func (s *PolicySet) Conjuncts(id PolicyID) []Part {
	policy, ok := s.policies[id]
	if !ok {
		return nil
	}
	explained := policy.program.Explain(&policyenv.Input{}).Parts
	parts := make([]Part, len(explained))
	for i, part := range explained {
		parts[i] = Part{Line: part.Range.Start.Line, Column: part.Range.Start.Column, Text: part.Text}
	}
	return parts
}

// CheckReferences reports the references of an object that lead nowhere in the
// set, or somewhere that makes no sense. identityExists answers for
// identities, which are not part of the set.
func (s *PolicySet) CheckReferences(object Object, identityExists func(IdentityID) bool) Problems {
	var p Problems
	entitlements := func(field string, ids []EntitlementID) {
		for n, id := range ids {
			if s.Entitlements[id] == nil {
				p.add(fmt.Sprintf("%s[%d]", field, n), CodeUnknownReference, "no entitlement %q is declared; declare it with stint_entitlement", id)
			}
		}
	}
	identity := func(field string, id IdentityID) {
		if id != "" && !identityExists(id) {
			p.add(field, CodeUnknownReference, "no identity %q is declared; declare it with stint_identity", id)
		}
	}
	switch o := object.(type) {
	case Attribute, Application, EventSource: // refer to no other object
	case BusinessEvent:
		identity("assignee", o.Assignee)
	case Identity:
		identity("owner", o.Owner)
		identity("manager", o.Manager)
	case Entitlement:
		if s.Applications[o.Application] == nil {
			p.add("application", CodeUnknownReference, "no application %q is declared; declare it with stint_application", o.Application)
		}
		identity("owner", o.Owner)
	case EligibilityPolicy:
		entitlements("entitlements", o.Entitlements)
	case SoDRule:
		for _, name := range slices.Sorted(maps.Keys(o.Duties)) {
			entitlements(fmt.Sprintf("duties[%q].entitlements", name), o.Duties[name].Entitlements)
		}
	case GrantTemplate:
		entitlements("entitlements", o.Entitlements)
		s.checkTemplate(&p, o)
		if o.BreakGlass != nil {
			for i, id := range o.BreakGlass.Reviewers.Identities {
				identity(fmt.Sprintf("break_glass.reviewers.identities[%d]", i), id)
			}
		}
		for n, stage := range o.Approval.Stages {
			field := fmt.Sprintf("approval.stages[%d]", n)
			for i, id := range stage.Approvers.Identities {
				identity(fmt.Sprintf("%s.approvers.identities[%d]", field, i), id)
			}
			if stage.Escalation == nil {
				continue
			}
			for i, id := range stage.Escalation.Approvers.Identities {
				identity(fmt.Sprintf("%s.escalation.approvers.identities[%d]", field, i), id)
			}
		}
	case Delegation:
		identity("from", o.From)
		identity("to", o.To)
		for n, id := range o.Templates {
			if s.Templates[id] == nil {
				p.add(fmt.Sprintf("templates[%d]", n), CodeUnknownReference, "no grant template %q is declared; declare it with stint_grant_template", id)
			}
		}
	default:
		p.add("", CodeInvalid, "the references of a %T are not known", object)
	}
	return append(p, s.Attributes.Check(object)...)
}

func (s *PolicySet) checkTemplate(p *Problems, t GrantTemplate) {
	for n, id := range t.EligibilityPolicies {
		field := fmt.Sprintf("eligibility_policies[%d]", n)
		policy, ok := s.policies[id]
		switch {
		case !ok:
			p.add(field, CodeUnknownReference, "no eligibility policy %q is declared; declare it with stint_eligibility_policy", id)
		case policy.Effect != PolicyAllow:
			p.add(field, CodeInvalid, "policy %q has effect deny and opens nothing; list policies with effect allow (a deny policy applies to its entitlements by itself)", id)
		}
	}
	for n, id := range t.Entitlements {
		opened := slices.ContainsFunc(s.allows[id], func(p *compiledPolicy) bool {
			return slices.Contains(t.EligibilityPolicies, p.ID())
		})
		if !opened && s.Entitlements[id] != nil {
			p.add(fmt.Sprintf("entitlements[%d]", n), CodeInvalid, "none of the template's eligibility policies names %q, so nobody could ever request it; add it to a policy or take it out", id)
		}
	}
}
