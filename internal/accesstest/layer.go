package accesstest

import (
	"encoding/json"
	"fmt"
	"time"

	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// layer is what a scenario says, or a row of its table. A row lies over its
// scenario: what it writes counts, what it does not is the scenario's.
type layer struct {
	identity given[identityLayer]
	accounts given[[]string]
	holdings given[[]Held]
	request  requestLayer
	event    given[eventLayer]
	now      given[time.Time]
	expect   given[Expectation]
}

// identityLayer is a reference, or a description where declared is empty.
type identityLayer struct {
	declared                           string
	name, kind, owner, manager, status given[string]
	groups                             given[[]string]
	attributes                         given[map[string]json.RawMessage]
}

type requestLayer struct {
	template, account, justification given[string]
	entitlements                     given[[]string]
	duration                         given[governance.Duration]
	notBefore                        given[time.Time]
	breakGlass                       given[bool]
}

// eventLayer is a reference, or a description where declared is empty.
type eventLayer struct {
	declared              string
	name, kind, reference given[string]
	severity              given[int64]
	attributes            given[map[string]json.RawMessage]
	ends                  given[eventEnd]
}

// eventEnd is a time, or a span from the time of the scenario.
type eventEnd struct {
	at *time.Time
	in governance.Duration
}

var (
	layerMembers    = []string{"identity", "accounts", "holdings", "request", "event", "now", "expect"}
	identityMembers = []string{"name", "type", "owner", "manager", "groups", "attributes", "status"}
	requestMembers  = []string{"template", "entitlements", "account", "duration", "not_before", "justification", "break_glass"}
	eventMembers    = []string{"name", "kind", "severity", "reference", "ends_in", "ends_at", "attributes"}
	expectMembers   = []string{"decision", "reasons", "denied_by", "stages", "duration", "max_duration"}
	heldMembers     = []string{"identity", "entitlement"}
)

func (p *parser) layer(from map[string]value) layer {
	l := layer{
		identity: read(p, from, "identity", (*parser).identity),
		accounts: read(p, from, "accounts", (*parser).strs),
		holdings: read(p, from, "holdings", (*parser).holdings),
		event:    read(p, from, "event", (*parser).event),
		now:      read(p, from, "now", (*parser).time),
		expect:   read(p, from, "expect", (*parser).expectation),
	}
	if request, ok := from["request"]; ok {
		l.request = p.request(request)
	}
	return l
}

func (l layer) over(under layer) layer {
	merged := layer{
		identity: l.identity.over(under.identity),
		accounts: l.accounts.over(under.accounts),
		holdings: l.holdings.over(under.holdings),
		request:  l.request.over(under.request),
		event:    l.event.over(under.event),
		now:      l.now.over(under.now),
		expect:   l.expect.over(under.expect),
	}
	if top, base := l.identity.value, under.identity.value; top != nil && base != nil {
		both := top.over(*base)
		merged.identity.value = &both
	}
	if top, base := l.event.value, under.event.value; top != nil && base != nil {
		both := top.over(*base)
		merged.event.value = &both
	}
	return merged
}

// over: a description lies over a description; a reference replaces.
func (i identityLayer) over(under identityLayer) identityLayer {
	if i.declared != "" || under.declared != "" {
		return i
	}
	return identityLayer{
		name: i.name.over(under.name), kind: i.kind.over(under.kind), owner: i.owner.over(under.owner),
		manager: i.manager.over(under.manager), status: i.status.over(under.status), groups: i.groups.over(under.groups),
		attributes: i.attributes.over(under.attributes),
	}
}

func (r requestLayer) over(under requestLayer) requestLayer {
	return requestLayer{
		template: r.template.over(under.template), account: r.account.over(under.account),
		justification: r.justification.over(under.justification),
		entitlements:  r.entitlements.over(under.entitlements), duration: r.duration.over(under.duration),
		notBefore: r.notBefore.over(under.notBefore), breakGlass: r.breakGlass.over(under.breakGlass),
	}
}

// over: a description lies over a description; a reference replaces.
func (e eventLayer) over(under eventLayer) eventLayer {
	if e.declared != "" || under.declared != "" {
		return e
	}
	return eventLayer{
		name: e.name.over(under.name), kind: e.kind.over(under.kind), reference: e.reference.over(under.reference),
		severity: e.severity.over(under.severity), ends: e.ends.over(under.ends), attributes: e.attributes.over(under.attributes),
	}
}

func (p *parser) identity(v value) (identityLayer, bool) {
	if !isObject(v) {
		id, ok := p.id(v, `the id of a declared identity, like "alice", or an object that describes one, like { groups = ["sre"] }`)
		return identityLayer{declared: id}, ok
	}
	from, ok := p.object(v, "", identityMembers)
	return identityLayer{
		name: read(p, from, "name", (*parser).str), kind: read(p, from, "type", (*parser).str),
		owner: read(p, from, "owner", (*parser).str), manager: read(p, from, "manager", (*parser).str),
		status: read(p, from, "status", oneOf(governance.Active, governance.Suspended, governance.Left)),
		groups: read(p, from, "groups", (*parser).strs), attributes: read(p, from, "attributes", (*parser).attributes),
	}, ok
}

// id reads a text that refers to something.
func (p *parser) id(v value, what string) (string, bool) {
	text, ok := p.str(v)
	if ok && text == "" {
		p.report(v.at(), v.path+" is empty", "write "+what)
		return "", false
	}
	return text, ok
}

func oneOf[T ~string](allowed ...T) func(*parser, value) (string, bool) {
	known := make([]string, len(allowed))
	for i, a := range allowed {
		known[i] = string(a)
	}
	return func(p *parser, v value) (string, bool) {
		text, ok := p.str(v)
		if !ok {
			return "", false
		}
		for _, a := range known {
			if a == text {
				return text, true
			}
		}
		p.unknown(v.at(), "value", text, v.path, known)
		return "", false
	}
}

// attributes reads values of custom attributes. Whether they are declared, and as
// what, the policy says.
func (p *parser) attributes(v value) (map[string]json.RawMessage, bool) {
	pairs, ok := p.pairs(v, `attributes = { employment = "contractor" }`)
	values := make(map[string]json.RawMessage, len(pairs))
	for _, pair := range pairs {
		evaluated, isConstant := p.constant(pair.value)
		if !isConstant {
			ok = false
			continue
		}
		text, err := ctyjson.Marshal(evaluated, evaluated.Type())
		if err != nil {
			p.report(pair.at(), pair.path+" is no value of an attribute", "write a text, a number, true, false or a list of texts")
			ok = false
		}
		values[pair.name] = text
	}
	return values, ok
}

func (p *parser) request(v value) requestLayer {
	from, _ := p.object(v, `request = { template = "…" }`, requestMembers)
	return requestLayer{
		template: read(p, from, "template", (*parser).str), account: read(p, from, "account", (*parser).str),
		justification: read(p, from, "justification", (*parser).str),
		entitlements:  read(p, from, "entitlements", (*parser).strs), duration: read(p, from, "duration", (*parser).duration),
		notBefore: read(p, from, "not_before", (*parser).time), breakGlass: read(p, from, "break_glass", (*parser).boolean),
	}
}

func (p *parser) event(v value) (eventLayer, bool) {
	if !isObject(v) {
		ref, ok := p.id(v, `the id of a declared event, or an object that describes one, like { kind = "incident" }`)
		return eventLayer{declared: ref}, ok
	}
	from, ok := p.object(v, "", eventMembers)
	e := eventLayer{
		name: read(p, from, "name", (*parser).str), reference: read(p, from, "reference", (*parser).str),
		kind:     read(p, from, "kind", (*parser).str),
		severity: read(p, from, "severity", (*parser).number), attributes: read(p, from, "attributes", (*parser).attributes),
	}
	endsIn, endsAt := read(p, from, "ends_in", (*parser).duration), read(p, from, "ends_at", (*parser).time)
	switch {
	case endsIn.written && endsAt.written:
		p.report(endsAt.at, v.path+" has ends_in and ends_at", "keep one")
	case endsAt.written:
		e.ends = given[eventEnd]{written: true, at: endsAt.at, value: &eventEnd{at: endsAt.value, in: governance.Duration(DefaultEventLasts)}}
	case endsIn.written:
		e.ends = given[eventEnd]{written: true, at: endsIn.at, value: &eventEnd{in: endsIn.or(governance.Duration(DefaultEventLasts))}}
	}
	return e, ok
}

func (p *parser) holdings(v value) ([]Held, bool) {
	elements, ok := p.elements(v)
	held := make([]Held, 0, len(elements))
	for _, element := range elements {
		at := positionOf(element.at())
		if !isObject(element) {
			text, isText := p.id(element, `the id of an entitlement`)
			ok = ok && isText
			held = append(held, Held{Entitlement: governance.EntitlementID(text), At: at})
			continue
		}
		from, isObject := p.object(element, "", heldMembers)
		entitlement, identity := read(p, from, "entitlement", (*parser).str), read(p, from, "identity", (*parser).str)
		if isObject && !entitlement.written {
			p.report(element.at(), element.path+" names no entitlement", `write { identity = "deploy-bot", entitlement = "billing/role/admin" }`)
		}
		ok = ok && isObject
		held = append(held, Held{Identity: governance.IdentityID(identity.or("")), Entitlement: governance.EntitlementID(entitlement.or("")), At: at})
	}
	return held, ok
}

func (p *parser) expectation(v value) (Expectation, bool) {
	from, ok := p.object(v, `expect = { decision = "allow" }`, expectMembers)
	if !ok {
		return Expectation{}, false
	}
	decision := read(p, from, "decision", oneOf(governance.Allow, governance.NeedsApproval, governance.Deny))
	if !decision.written {
		p.report(v.at(), v.path+" names no decision", fmt.Sprintf("add decision = %q, %q or %q", governance.Allow, governance.NeedsApproval, governance.Deny))
		return Expectation{}, false
	}
	e := Expectation{
		Decision: governance.Effect(decision.or("")),
		DeniedBy: read(p, from, "denied_by", (*parser).strs).or(nil),
		Stages:   read(p, from, "stages", (*parser).strs).or(nil),
		Duration: read(p, from, "duration", (*parser).duration).value, MaxDuration: read(p, from, "max_duration", (*parser).duration).value,
	}
	for _, code := range read(p, from, "reasons", (*parser).strs).or(nil) {
		e.Reasons = append(e.Reasons, governance.ReasonCode(code))
	}
	p.contradiction(e, "denied_by", from, e.DeniedBy != nil && e.Decision != governance.Deny, "only a decision that denies has something that denied it")
	p.contradiction(e, "stages", from, e.Stages != nil && e.Decision != governance.NeedsApproval, "only a decision that needs approval has stages")
	return e, true
}

func (p *parser) contradiction(e Expectation, name string, from map[string]value, holds bool, why string) {
	if holds && e.Decision != "" {
		p.report(from[name].name, fmt.Sprintf("%s with decision = %q can never hold: %s", name, e.Decision, why), "take "+name+" out, or expect another decision")
	}
}
