package governance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// Question is a request with everything that its decision depends on.
type Question struct {
	Now      time.Time
	Identity Person
	// Owner answers for an identity that is not human; nil when it has none.
	Owner *Person
	// Bootstrap: the identity is the one the engine was first started with.
	Bootstrap bool

	Template TemplateID
	// Entitlements are a set: one that stands twice is asked for once.
	Entitlements []EntitlementID
	// Account picks one of the identity's accounts; empty when it has just one.
	Account AccountID
	// Duration is nil for the template's default.
	Duration      *Duration
	Justification string
	// EventRef is what the requester wrote; Event is nil when it names none or
	// none was found.
	EventRef string
	Event    *OpenEvent
	// NotBefore is when the access is to begin; nil, or a time that is past, is
	// now.
	NotBefore *time.Time
	// Admitted: the grant that is asked about was given, at NotBefore at the
	// earliest, and the bounds of admission are not weighed again.
	Admitted bool
	// Extends is the grant that is to end later; nil for a new one.
	Extends *Grant
	// BreakGlass asks for it at once, past the approval stages.
	BreakGlass bool
	// Broken are the identity's earlier requests that were granted by break-glass.
	Broken []Request

	// Accounts are the identity's accounts, of every application.
	Accounts []AccountID
	// NewAccounts are what would be made for it in applications where it has none;
	// one that is left out cannot be made.
	NewAccounts map[ApplicationID]NewAccount
	// Held is what the whole actor has: the identity and everyone who counts
	// as one with it.
	Held       []Holding
	Inclusions Inclusions
	// Uses say how templates are in use that bound it.
	Uses map[TemplateID]Use
	// Missing are the asked entitlements that the target was last seen without.
	Missing []EntitlementID
	// Retired are the applications that give nothing any more.
	Retired []ApplicationID
}

// Decide answers a question under the declared policy: allowed when an allow
// policy that the template lists matches, no deny policy for the entitlement
// matches or errs, separation of duties holds (or its mode asks for approval),
// and the template's bounds hold. It collects every reason and never stops at
// the first; any reason that denies denies.
func (s *PolicySet) Decide(q Question) Decision { return s.decide(q, nil) }

// decide fills the trace, if there is one, on its way.
func (s *PolicySet) decide(q Question, trace *Trace) Decision {
	q.Entitlements = distinct(q.Entitlements)
	q.Held = q.besides()
	d := decider{set: s, q: q, decision: Decision{Revision: s.Revision}, trace: trace}
	template, ok := s.Templates[q.Template]
	if !ok {
		d.deny(Reason{Code: ReasonTemplateUnknown, Message: fmt.Sprintf("no grant template %q is declared", q.Template)})
		return d.finish(nil)
	}
	d.identity()
	d.entitlements(template)
	d.span(template)
	d.duration(template)
	d.extension(template)
	d.admission(template)
	d.breakGlass(template)
	d.justification(template)
	d.event(template)
	d.accounts(template)
	for _, id := range q.Entitlements {
		d.eligibility(template, id)
	}
	needsConsent := d.separation()
	return d.finish(d.approval(template, needsConsent))
}

func distinct[T comparable](values []T) []T {
	var once []T
	seen := make(map[T]bool, len(values))
	for _, v := range values {
		if !seen[v] {
			once = append(once, v)
		}
		seen[v] = true
	}
	return once
}

type decider struct {
	set      *PolicySet
	q        Question
	decision Decision
	trace    *Trace // nil unless one is asked for
}

func (d *decider) say(weight Weight, r Reason) {
	r.Weight = weight
	if r.Template == "" {
		r.Template = d.q.Template
	}
	d.decision.Reasons = append(d.decision.Reasons, r)
}

func (d *decider) deny(r Reason) { d.say(Denies, r) }

func (d *decider) finish(effect *Effect) Decision {
	if len(d.decision.Denials()) > 0 || effect == nil {
		d.decision.Effect = Deny
		return d.decision
	}
	d.decision.Effect = *effect
	return d.decision
}

func (d *decider) identity() {
	if d.q.Bootstrap {
		d.deny(Reason{Code: ReasonBootstrapIdentity, Message: "the bootstrap identity can neither request nor approve; use a token that is bound to a declared identity"})
	}
	if d.q.Identity.StatusAt(d.q.Now) != Active {
		d.deny(d.q.Identity.NotActive(d.q.Now))
	}
	if d.q.Identity.Type == Human {
		return
	}
	if d.q.Owner == nil || d.q.Owner.Type != Human || d.q.Owner.StatusAt(d.q.Now) != Active {
		d.deny(Reason{Code: ReasonOwnerNotActive, Message: fmt.Sprintf("the owner %q of %s %q is not an active human identity, so nobody answers for it", d.q.Identity.Owner, d.q.Identity.Type, d.q.Identity.ID())})
	}
}

func (d *decider) entitlements(t *GrantTemplate) {
	if len(d.q.Entitlements) == 0 {
		d.deny(Reason{Code: ReasonNothingRequested, Message: fmt.Sprintf("name at least one entitlement of template %q", t.ID())})
	}
	for _, id := range d.q.Entitlements {
		if !slices.Contains(t.Entitlements, id) {
			d.deny(Reason{Code: ReasonNotInTemplate, Entitlement: id, Message: fmt.Sprintf("template %q does not give %q", t.ID(), id)})
		}
		if application, _, _, err := id.Split(); err == nil && slices.Contains(d.q.Retired, application) {
			d.deny(Reason{Code: ReasonApplicationRetired, Entitlement: id, Message: fmt.Sprintf("application %q is retired, because its target does not answer any more; nothing is given in it", application)})
		}
		if slices.Contains(d.q.Missing, id) {
			d.deny(Reason{Code: ReasonEntitlementMissing, Entitlement: id, Message: fmt.Sprintf("%q was not there when the target was last read", id)})
		}
	}
}

// span finds the longest duration that is allowed, and the one that is asked for.
func (d *decider) span(t *GrantTemplate) {
	longest, _ := d.set.longest(t, d.q.Entitlements)
	d.decision.MaxDuration = longest
	d.decision.Duration = min(t.Duration.Default, longest)
	if d.q.Duration != nil {
		d.decision.Duration = *d.q.Duration
	}
}

func (d *decider) duration(t *GrantTemplate) {
	switch asked, longest := d.decision.Duration, d.decision.MaxDuration; {
	case asked <= 0:
		d.deny(Reason{Code: ReasonDurationInvalid, Message: "the duration must be longer than 0s"})
	case asked > longest:
		d.deny(Reason{Code: ReasonDurationTooLong, Message: fmt.Sprintf("%s is longer than the %s that template %q and its entitlements allow", asked, longest, t.ID())})
	}
}

func (d *decider) justification(t *GrantTemplate) {
	switch {
	case isGiven(d.q.Justification):
	case d.q.BreakGlass:
		d.deny(Reason{Code: ReasonJustificationRequired, Message: "break-glass demands a justification, whatever the template says"})
	case t.Justification == JustificationRequired:
		d.deny(Reason{Code: ReasonJustificationRequired, Message: fmt.Sprintf("template %q demands a justification", t.ID())})
	}
	if len(d.q.Justification) > MaxText {
		d.deny(Reason{Code: ReasonJustificationTooLong, Message: fmt.Sprintf("the justification is longer than %d bytes", MaxText)})
	}
}

func isGiven(justification string) bool { return strings.TrimSpace(justification) != "" }

func (d *decider) event(t *GrantTemplate) {
	event := d.q.Event
	if event == nil {
		switch {
		case d.q.EventRef != "":
			d.deny(Reason{Code: ReasonEventNotOpen, Message: fmt.Sprintf("no business event %q is open", d.q.EventRef)})
		case t.BusinessEvent != nil:
			d.deny(Reason{Code: ReasonEventRequired, Message: fmt.Sprintf("template %q demands an open business event of kind %s", t.ID(), joinKinds(t.BusinessEvent.Kinds))})
		}
		return
	}
	if !event.Open(d.q.Now) {
		d.deny(Reason{Code: ReasonEventNotOpen, Message: fmt.Sprintf("business event %q is over; access for it has ended", event.Name)})
	}
	if !event.Serves(d.q.Identity.ID()) {
		d.deny(Reason{Code: ReasonEventNotYours, Message: fmt.Sprintf("business event %q is assigned to %q and serves no request of %q", event.Name, event.Assignee, d.q.Identity.ID())})
	}
	if t.BusinessEvent != nil && !slices.Contains(t.BusinessEvent.Kinds, event.Kind) {
		d.deny(Reason{Code: ReasonEventKind, Message: fmt.Sprintf("business event %q is of kind %s; template %q demands %s", event.Name, event.Kind, t.ID(), joinKinds(t.BusinessEvent.Kinds))})
	}
}

func joinKinds(kinds []EventKind) string {
	text := ""
	for i, kind := range kinds {
		if i > 0 {
			text += " or "
		}
		text += string(kind)
	}
	return text
}

// accounts pairs each asked entitlement with the account that would hold it.
func (d *decider) accounts(t *GrantTemplate) {
	for _, id := range d.q.Entitlements {
		application, _, _, err := id.Split()
		if err != nil {
			continue // no such entitlement is declared, which eligibility says
		}
		switch candidates := d.candidates(application); len(candidates) {
		case 1:
			d.hold(candidates[0], id)
		case 0:
			d.newAccount(t, application, id)
		default:
			d.deny(d.ambiguous(application, id, candidates))
		}
	}
}

// candidates are the accounts in an application that could hold what is asked.
func (d *decider) candidates(application ApplicationID) []AccountID {
	var candidates []AccountID
	for _, account := range d.q.Accounts {
		owner, _, err := account.Split()
		if err == nil && owner == application && (d.q.Account == "" || d.q.Account == account) {
			candidates = append(candidates, account)
		}
	}
	return candidates
}

func (d *decider) hold(account AccountID, id EntitlementID) {
	d.decision.Grants = append(d.decision.Grants, Holding{Identity: d.q.Identity.ID(), Account: account, Entitlement: id})
}

func (d *decider) ambiguous(application ApplicationID, id EntitlementID, candidates []AccountID) Reason {
	return Reason{Code: ReasonAccountAmbiguous, Entitlement: id, Message: fmt.Sprintf("identity %q has %d accounts in application %q; name one of %v", d.q.Identity.ID(), len(candidates), application, candidates)}
}

func (d *decider) eligibility(t *GrantTemplate, id EntitlementID) {
	if d.trace != nil {
		d.trace.begin(id)
	}
	entitlement := d.set.Entitlements[id]
	if entitlement == nil {
		d.deny(d.undeclared(id))
		return
	}
	input := d.input(*entitlement)
	opened, listed := false, false
	var misses []Reason
	for _, policy := range d.set.allows[id] {
		if !slices.Contains(t.EligibilityPolicies, policy.ID()) {
			if d.trace != nil {
				d.trace.pass(policy)
			}
			continue
		}
		listed = true
		reason, matched := d.judge(policy, input, id)
		if matched {
			opened = true
			reason.Code, reason.Message = ReasonPolicyAllows, fmt.Sprintf("policy %q allows %q", policy.ID(), id)
			d.say(Supports, reason)
			continue
		}
		misses = append(misses, reason)
	}
	for _, miss := range misses {
		if opened {
			d.say(Notes, miss)
		} else {
			d.deny(miss)
		}
	}
	if !listed {
		d.deny(d.unlisted(t, id))
	}
	for _, policy := range d.set.denies[id] {
		reason, matched := d.judge(policy, input, id)
		if matched {
			reason.Code, reason.Message = ReasonPolicyDenies, fmt.Sprintf("policy %q denies %q", policy.ID(), id)
			d.deny(reason)
		} else if reason.Code == ReasonPolicyError {
			d.deny(reason)
		}
	}
}

func (d *decider) judge(p *compiledPolicy, in *policyenv.Input, id EntitlementID) (Reason, bool) {
	if d.trace != nil {
		d.trace.judge(p, in)
	}
	return p.judge(in, id)
}

func (d *decider) undeclared(id EntitlementID) Reason {
	return Reason{Code: ReasonNoPolicy, Weight: Denies, Template: d.q.Template, Entitlement: id, Message: fmt.Sprintf("%q is not declared, so no eligibility policy can open it", id)}
}

func (d *decider) unlisted(t *GrantTemplate, id EntitlementID) Reason {
	return Reason{Code: ReasonNoPolicy, Weight: Denies, Template: t.ID(), Entitlement: id, Message: fmt.Sprintf("none of the eligibility policies of template %q names %q", t.ID(), id)}
}

func (d *decider) input(e Entitlement) *policyenv.Input {
	in := &policyenv.Input{
		Identity: d.set.Attributes.Identity(d.q.Identity), Entitlement: e.Input(),
		Request: policyenv.Request{
			Duration: d.decision.Duration.Std(), Justification: d.q.Justification, Template: string(d.q.Template), NotBefore: d.q.starts(), BreakGlass: d.q.BreakGlass,
		},
		Now: d.q.Now,
	}
	if d.q.Event != nil {
		in.Event = d.set.Attributes.Event(*d.q.Event)
	}
	return in
}

func (d *decider) separation() (needsConsent bool) {
	if d.trace != nil {
		d.trace.Rules = d.set.touched(d.q.Identity.ID(), d.q.Held, d.decision.Grants, d.q.Inclusions)
	}
	for _, v := range d.set.Violations(d.q.Identity.ID(), d.q.Held, d.decision.Grants, d.q.Inclusions) {
		reason := Reason{Rule: v.Rule, Violation: &v, Message: "separation of duties: " + v.String()}
		switch v.Mode {
		case SoDDeny:
			reason.Code = ReasonSoDDenies
			d.deny(reason)
		case SoDApprove:
			reason.Code = ReasonSoDNeedsApproval
			if d.q.BreakGlass {
				reason.Message += "; break-glass goes ahead of the approval, and its review judges the conflict too"
				d.say(Notes, reason)
				break
			}
			d.say(DemandsConsent, reason)
			needsConsent = true
		case SoDRecord:
			reason.Code = ReasonSoDRecorded
			d.say(Notes, reason)
		}
	}
	return needsConsent
}

func (d *decider) approval(t *GrantTemplate, needsConsent bool) *Effect {
	effect := NeedsApproval
	switch {
	case d.q.BreakGlass && t.BreakGlass != nil:
		effect = Allow
		d.ahead(t)
	case len(t.Approval.Stages) > 0:
		d.say(DemandsConsent, Reason{Code: ReasonApprovalNeeded, Message: fmt.Sprintf("template %q demands %d stage(s) of approval: %s", t.ID(), len(t.Approval.Stages), describeStages(t.Approval.Stages))})
		d.reachable(t)
	case !t.Approval.Automatic:
		d.deny(Reason{Code: ReasonApprovalNeeded, Message: fmt.Sprintf("template %q is not automatic and has no stage in which anybody could approve", t.ID())})
	case needsConsent:
		d.deny(Reason{Code: ReasonApprovalNeeded, Message: fmt.Sprintf("separation of duties demands an approval, which the automatic template %q cannot give; request through a template with approval stages", t.ID())})
	default:
		effect = Allow
		d.say(Supports, Reason{Code: ReasonApprovalAutomatic, Message: fmt.Sprintf("template %q approves by itself", t.ID())})
	}
	return &effect
}

// reachable says which stages can never reach their quorum, because those they
// name are the requester or the requester's owner. It does not deny: the same
// question is asked again of grants that were approved under other stages.
func (d *decider) reachable(t *GrantTemplate) {
	for _, stage := range t.Approval.Stages {
		if able, known := stage.atMost(d.q.Identity, d.q.Owner); known && able < stage.Quorum {
			d.say(Notes, Reason{Code: ReasonApproversTooFew, Message: fmt.Sprintf("stage %q of template %q needs %d approval(s), and at most %d other people may give one, so the request will lapse; name more approvers in the stage", stage.Name, t.ID(), stage.Quorum, able)})
		}
	}
}
