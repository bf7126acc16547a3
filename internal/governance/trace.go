package governance

import (
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// Trace is everything that a decision weighed, also what did not come to speak.
type Trace struct {
	// Entitlements are those asked for, each with every policy that names it.
	Entitlements []EntitlementTrace `json:"entitlements" nullable:"false"`
	// Rules are the SoD rules of which the request touches a duty, sorted.
	Rules []RuleTrace `json:"sod_rules" nullable:"false"`
	// Bounds are the template's; absent when there is no such template.
	Bounds *BoundsTrace `json:"bounds,omitempty"`
	// NearestMiss is what stands between a denied request and its grant; absent
	// when the request is not denied.
	NearestMiss *NearestMiss `json:"nearest_miss,omitempty"`
}

// EntitlementTrace is one entitlement with the policies that name it: those with
// effect allow, then those with effect deny, each sorted by name.
type EntitlementTrace struct {
	Entitlement EntitlementID `json:"entitlement"`
	Policies    []PolicyTrace `json:"policies" nullable:"false"`
}

// PolicyOutcome is how a policy came out for an entitlement.
type PolicyOutcome string

// The outcomes.
const (
	PolicyMatches PolicyOutcome = "matches"
	PolicyNoMatch PolicyOutcome = "no_match"
	PolicyErrs    PolicyOutcome = "error"
	// PolicyNotListed: it has effect allow, and the template does not list it,
	// so it was not evaluated and cannot open the entitlement.
	PolicyNotListed PolicyOutcome = "not_listed"
)

// PolicyTrace is one policy with its conjuncts.
type PolicyTrace struct {
	Policy  PolicyID      `json:"policy"`
	Effect  PolicyEffect  `json:"effect"`
	Outcome PolicyOutcome `json:"outcome"`
	// Parts are the conjuncts, also those behind the one that ended the
	// evaluation, as far as they can be judged by themselves.
	Parts []Part `json:"parts,omitempty"`
	// Failed and Unjudged number the parts, from 1, that do not hold, and those
	// that cannot be judged while another one does not hold.
	Failed   []int `json:"failed,omitempty"`
	Unjudged []int `json:"unjudged,omitempty"`
}

// RuleTrace is a SoD rule with every duty that the actor touches, the request
// included.
type RuleTrace struct {
	Violation

	Violated bool `json:"violated"`
}

// Decided is the piece of a condition's part that settled what it came to.
type Decided struct {
	Line    int               `json:"line"`
	Column  int               `json:"column"`
	Text    string            `json:"text"`
	Outcome string            `json:"outcome"`
	Values  map[string]string `json:"values,omitempty"`
}

// Trace decides like Decide and tells everything that was weighed.
func (s *PolicySet) Trace(q Question) (Decision, Trace) {
	trace := Trace{Entitlements: []EntitlementTrace{}, Rules: []RuleTrace{}}
	decision := s.decide(q, &trace)
	if template := s.Templates[q.Template]; template != nil {
		trace.Bounds = s.bounds(q, template, decision)
	}
	trace.NearestMiss = trace.nearestMiss(decision)
	return decision, trace
}

func (t *Trace) begin(id EntitlementID) {
	t.Entitlements = append(t.Entitlements, EntitlementTrace{Entitlement: id, Policies: []PolicyTrace{}})
}

func (t *Trace) add(p PolicyTrace) {
	e := &t.Entitlements[len(t.Entitlements)-1]
	e.Policies = append(e.Policies, p)
}

// pass keeps that a policy was passed over because the template does not list it.
func (t *Trace) pass(p *compiledPolicy) {
	t.add(PolicyTrace{Policy: p.ID(), Effect: p.Effect, Outcome: PolicyNotListed})
}

func (t *Trace) judge(p *compiledPolicy, in *policyenv.Input) {
	explanation := p.program.Trace(in)
	told := PolicyTrace{Policy: p.ID(), Effect: p.Effect, Outcome: PolicyNoMatch, Parts: partsOf(explanation.Parts)}
	switch {
	case explanation.Err != nil:
		told.Outcome = PolicyErrs
	case explanation.Result:
		told.Outcome = PolicyMatches
	}
	for i, part := range explanation.Parts {
		switch part.Outcome {
		case condition.OutcomeFalse, condition.OutcomeError:
			told.Failed = append(told.Failed, i+1)
		case condition.OutcomeNotEvaluated:
			told.Unjudged = append(told.Unjudged, i+1)
		}
	}
	t.add(told)
}

// of are the policies for an entitlement.
func (t *Trace) of(id EntitlementID) []PolicyTrace {
	for _, e := range t.Entitlements {
		if e.Entitlement == id {
			return e.Policies
		}
	}
	return nil
}

// BoundsTrace are a template's bounds with what the request brought.
type BoundsTrace struct {
	Duration      DurationTrace      `json:"duration"`
	Justification JustificationTrace `json:"justification"`
	BusinessEvent EventTrace         `json:"business_event"`
	Schedule      ScheduleTrace      `json:"schedule"`
	// Cooldown and Concurrency are absent where the template has no such bound.
	Cooldown    *CooldownTrace     `json:"cooldown,omitempty"`
	Concurrency *ConcurrencyTrace  `json:"concurrency,omitempty"`
	Approval    ApprovalDefinition `json:"approval"`
	// BreakGlass is set when the request comes by break-glass.
	BreakGlass *BreakGlassTrace `json:"break_glass,omitempty"`
}

// DurationTrace says which bound holds a grant's duration.
type DurationTrace struct {
	// Asked is absent when the request names none and the default applies.
	Asked       *Duration `json:"asked,omitempty"`
	Default     Duration  `json:"default"`
	TemplateMax Duration  `json:"template_max"`
	// Entitlements are those asked for that have a bound of their own.
	Entitlements []EntitlementBound `json:"entitlements,omitempty"`
	// Max is the longest that all of them allow; BoundBy is the entitlement that
	// makes it so, absent when it is the template.
	Max     Duration      `json:"max"`
	BoundBy EntitlementID `json:"bound_by,omitempty"`
	Holds   bool          `json:"holds"`
}

// EntitlementBound is an entitlement's own longest duration.
type EntitlementBound struct {
	Entitlement EntitlementID `json:"entitlement"`
	MaxDuration Duration      `json:"max_duration"`
}

// JustificationTrace says whether a justification is demanded and given.
type JustificationTrace struct {
	Demand Justification `json:"demand"`
	Given  bool          `json:"given"`
	Holds  bool          `json:"holds"`
}

// EventTrace says which business event is demanded and given.
type EventTrace struct {
	// Kinds are those of which one is demanded; none when no event is.
	Kinds []EventKind `json:"kinds,omitempty"`
	// Asked is what the request names, Event what was found by it.
	Asked string     `json:"asked,omitempty"`
	Event *OpenEvent `json:"event,omitempty"`
	Holds bool       `json:"holds"`
}

func (s *PolicySet) bounds(q Question, t *GrantTemplate, d Decision) *BoundsTrace {
	holds := func(codes ...ReasonCode) bool {
		return !slices.ContainsFunc(d.Reasons, func(r Reason) bool { return slices.Contains(codes, r.Code) })
	}
	b := &BoundsTrace{
		Duration: DurationTrace{
			Asked: q.Duration, Default: t.Duration.Default, TemplateMax: t.Duration.Max,
			Holds: holds(ReasonDurationTooLong, ReasonDurationInvalid),
		},
		Justification: JustificationTrace{
			Demand: t.Justification, Given: isGiven(q.Justification), Holds: holds(ReasonJustificationRequired, ReasonJustificationTooLong),
		},
		BusinessEvent: EventTrace{
			Asked: q.EventRef, Event: q.Event, Holds: holds(ReasonEventRequired, ReasonEventKind, ReasonEventNotYours, ReasonEventNotOpen),
		},
		Approval: t.Approval,
	}
	b.admission(s, q, t, d, holds)
	if q.BreakGlass {
		b.BreakGlass = &BreakGlassTrace{
			Allows: t.BreakGlass,
			Holds:  holds(ReasonBreakGlassNotAllowed, ReasonBreakGlassLimit, ReasonBreakGlassReviewOverdue, ReasonBreakGlassNoReviewer),
		}
	}
	if t.BusinessEvent != nil {
		b.BusinessEvent.Kinds = t.BusinessEvent.Kinds
	}
	asked := distinct(q.Entitlements)
	for _, id := range asked {
		if e := s.Entitlements[id]; e != nil && e.MaxDuration != nil {
			b.Duration.Entitlements = append(b.Duration.Entitlements, EntitlementBound{id, *e.MaxDuration})
		}
	}
	b.Duration.Max, b.Duration.BoundBy = s.longest(t, asked)
	return b
}

// longest is the longest duration that a template and entitlements allow, and
// the entitlement that makes it so, "" when it is the template.
func (s *PolicySet) longest(t *GrantTemplate, asked []EntitlementID) (longest Duration, boundBy EntitlementID) {
	longest = t.Duration.Max
	for _, id := range asked {
		if e := s.Entitlements[id]; e != nil && e.MaxDuration != nil && *e.MaxDuration < longest {
			longest, boundBy = *e.MaxDuration, id
		}
	}
	return longest, boundBy
}

func decidedOf(d *condition.Decided) *Decided {
	if d == nil {
		return nil
	}
	return &Decided{Line: d.Range.Start.Line, Column: d.Range.Start.Column, Text: d.Text, Outcome: string(d.Outcome), Values: valuesOf(d.Values)}
}

func valuesOf(seen []condition.Value) map[string]string {
	if len(seen) == 0 {
		return nil
	}
	values := make(map[string]string, len(seen))
	for _, value := range seen {
		values[value.Name] = value.Text
	}
	return values
}
