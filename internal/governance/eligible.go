package governance

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// Certainty says what would become of a request that is not made yet.
type Certainty string

// The certainties, falling.
const (
	// Certain: policy opens the entitlement whatever the request says within
	// its template's bounds.
	Certain Certainty = "certain"
	// Possible: it depends on the request or on its business event.
	Possible Certainty = "possible"
	// Never: no request and no event would open it now.
	Never Certainty = "never"
)

// Certainties lists them, falling.
func Certainties() []Certainty { return []Certainty{Certain, Possible, Never} }

// Opening is what one template does for one of its entitlements and one identity.
type Opening struct {
	Template    TemplateID    `json:"template"`
	Entitlement EntitlementID `json:"entitlement"`
	Certainty   Certainty     `json:"certainty"`
	// Stages are the names of the approval stages, in order; none when the
	// template approves by itself.
	Stages []string `json:"stages"`
	// BreakGlass: the template gives it past these stages in an emergency.
	BreakGlass bool `json:"break_glass"`
	// EventKinds are the kinds of business event of which one is demanded and
	// may open the entitlement; none when the template demands no event.
	EventKinds []EventKind `json:"event_kinds"`
	// MaxDuration is the longest span that template and entitlement allow.
	MaxDuration Duration `json:"max_duration"`
	// Reasons say what speaks for it, what it depends on, or why it is never.
	Reasons []Reason `json:"reasons"`
}

// Eligible lists what the identity of a question could request: an opening for
// each template and each of its entitlements, sorted by template and
// entitlement. Template and Entitlements of the question, when set, narrow the
// list. Of the request and its event the question says what is known already;
// a duration, a justification, an event or a time that it does not name is
// unknown, and so is break-glass where it does not ask for it.
func (s *PolicySet) Eligible(q Question) []Opening {
	var openings []Opening
	for _, id := range slices.Sorted(maps.Keys(s.Templates)) {
		if q.Template != "" && q.Template != id {
			continue
		}
		template := s.Templates[id]
		for _, entitlement := range slices.Sorted(slices.Values(distinct(template.Entitlements))) {
			if len(q.Entitlements) == 0 || slices.Contains(q.Entitlements, entitlement) {
				openings = append(openings, s.opening(q, template, entitlement))
			}
		}
	}
	return openings
}

func (s *PolicySet) opening(q Question, t *GrantTemplate, id EntitlementID) Opening {
	q.Template, q.Entitlements = t.ID(), []EntitlementID{id}
	d := decider{set: s, q: q}
	d.identity()
	d.entitlements(t)
	d.span(t)
	if q.Duration != nil {
		d.duration(t)
	}
	d.anyAccount(t, id)
	d.admissible(t)
	d.breakGlass(t)
	takesBreakGlass := d.foreseeApproval(t, d.separation())
	eventKnown := q.Event != nil || q.EventRef != ""
	if eventKnown {
		d.event(t)
	}
	outlook := d.foresee(t, id, eventKnown)
	if outlook.certainty == Certain && (takesBreakGlass || d.cools()) {
		outlook.certainty = Possible
	}
	if len(d.decision.Denials()) > 0 {
		outlook.certainty = Never
	}
	o := Opening{
		Template: t.ID(), Entitlement: id, Certainty: outlook.certainty, Stages: []string{}, BreakGlass: t.BreakGlass != nil, EventKinds: append([]EventKind{}, outlook.kinds...),
		MaxDuration: d.decision.MaxDuration, Reasons: append(d.decision.Reasons, outlook.reasons...),
	}
	for _, stage := range t.Approval.Stages {
		o.Stages = append(o.Stages, stage.Name)
	}
	return o
}

// outlook is what the policies for one entitlement come to before a request.
type outlook struct {
	certainty Certainty
	reasons   []Reason
	// kinds are the kinds of event that leave a chance, where one is demanded.
	kinds []EventKind
}

// anyAccount is accounts for a requester who has yet to say which account is
// meant: with several it is a matter of the request, and no obstacle.
func (d *decider) anyAccount(t *GrantTemplate, id EntitlementID) {
	application, _, _, err := id.Split()
	if candidates := d.candidates(application); err == nil && len(candidates) > 1 {
		d.say(Depends, d.ambiguous(application, id, candidates))
		d.hold(candidates[0], id)
		return
	}
	d.accounts(t)
}

// foresee judges the policies for an entitlement. Where the template demands an
// event that is not known, each kind that it accepts is tried; the requester may
// come with any of them, so the best one counts.
func (d *decider) foresee(t *GrantTemplate, id EntitlementID, eventKnown bool) outlook {
	entitlement := d.set.Entitlements[id]
	if entitlement == nil {
		return outlook{certainty: Never, reasons: []Reason{d.undeclared(id)}}
	}
	in := d.input(*entitlement)
	unknown := policyenv.Unknown{Justification: d.q.Justification == "", BreakGlass: d.mayBreakGlass(t), Now: d.q.Now.IsZero()}
	unknown.Begins = d.q.NotBefore == nil && (t.ScheduleWithin != nil || unknown.Now)
	if d.q.Duration == nil {
		unknown.Longest = d.decision.MaxDuration.Std()
	}
	if eventKnown || t.BusinessEvent == nil {
		if !eventKnown {
			unknown.Event = policyenv.EventUnknown
		}
		return d.policies(t, id, in, unknown)
	}
	unknown.Event = policyenv.EventOfKind
	var best outlook
	var kinds []EventKind
	for i, kind := range t.BusinessEvent.Kinds {
		in.Event = &policyenv.Event{Kind: string(kind)}
		o := d.policies(t, id, in, unknown)
		if o.certainty != Never {
			kinds = append(kinds, kind)
		}
		if i == 0 || o.certainty == Possible && best.certainty == Never || o.certainty == Certain && best.certainty != Certain {
			best = o
		}
	}
	best.kinds = kinds
	if best.certainty != Never {
		best.certainty = Possible
		best.reasons = append(best.reasons, Reason{Code: ReasonEventRequired, Weight: Depends, Template: t.ID(), Message: fmt.Sprintf("it takes an open business event of kind %s", joinKinds(kinds))})
	}
	return best
}

// policies says what the policies come to, with the reasons that make it so: all
// policies that open the entitlement, or else those that may, or else those that
// do not; and every guardrail that does or may stop it.
func (d *decider) policies(t *GrantTemplate, id EntitlementID, in *policyenv.Input, unknown policyenv.Unknown) outlook {
	certainty := Never
	byCertainty := map[Certainty][]Reason{}
	for _, policy := range d.set.allows[id] {
		if !slices.Contains(t.EligibilityPolicies, policy.ID()) {
			continue
		}
		prospect, reason := policy.foresee(in, unknown, id)
		reason.Template = t.ID()
		switch {
		case prospect.Certain():
			certainty = Certain
			reason.Code, reason.Weight, reason.Message = ReasonPolicyAllows, Supports, fmt.Sprintf("policy %q allows %q", policy.ID(), id)
			byCertainty[Certain] = append(byCertainty[Certain], reason)
		case prospect.Possible():
			if certainty == Never {
				certainty = Possible
			}
			reason.Code, reason.Weight, reason.Message = ReasonPolicyDepends, Depends, fmt.Sprintf("policy %q allows %q if %s", policy.ID(), id, openParts(reason.Parts))
			byCertainty[Possible] = append(byCertainty[Possible], reason)
		default:
			reason.Code, reason.Weight, reason.Message = ReasonPolicyNoMatch, Denies, fmt.Sprintf("policy %q does not match for %q", policy.ID(), id)
			byCertainty[Never] = append(byCertainty[Never], reason)
		}
	}
	reasons := byCertainty[certainty]
	if len(reasons) == 0 {
		reasons = []Reason{d.unlisted(t, id)}
	}
	for _, policy := range d.set.denies[id] {
		prospect, reason := policy.foresee(in, unknown, id)
		reason.Template = t.ID()
		switch {
		case prospect == condition.CanFail:
		case prospect&condition.CanFail == 0:
			certainty = Never
			reason.Code, reason.Weight, reason.Message = ReasonPolicyDenies, Denies, fmt.Sprintf("policy %q denies %q", policy.ID(), id)
			reasons = append(reasons, reason)
		default:
			if certainty == Certain {
				certainty = Possible
			}
			reason.Code, reason.Weight, reason.Message = ReasonPolicyMayDeny, Depends, fmt.Sprintf("policy %q denies %q if %s", policy.ID(), id, openParts(reason.Parts))
			reasons = append(reasons, reason)
		}
	}
	return outlook{certainty: certainty, reasons: reasons}
}

// openParts are the conjuncts that depend on what is not known yet.
func openParts(parts []Part) string {
	var open []string
	for _, part := range parts {
		if part.Outcome == string(condition.OutcomeUnknown) {
			open = append(open, part.Text)
		}
	}
	return strings.Join(open, " && ")
}

func (p *compiledPolicy) foresee(in *policyenv.Input, unknown policyenv.Unknown, id EntitlementID) (condition.Prospect, Reason) {
	foresight := p.program.Foresee(in, unknown)
	return foresight.Prospect, Reason{Policy: p.ID(), Entitlement: id, Parts: partsOf(foresight.Parts)}
}

// Opens reports whether one of the openings is not never.
func Opens(openings []Opening) bool {
	return slices.ContainsFunc(openings, func(o Opening) bool { return o.Certainty != Never })
}
