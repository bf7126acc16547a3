package governance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"golang.org/x/text/unicode/norm"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// keywords are identifiers that HCL gives a meaning of its own.
var keywords = []string{"true", "false", "null", "for", "in", "if", "else", "endif", "endfor"}

// Check reports what is wrong with the attribute itself.
func (a Attribute) Check() Problems {
	var p Problems
	oneOf(&p, "object", a.Object, IdentityAttribute, EventAttribute)
	switch {
	case len(a.Name) > MaxName:
		p.add("name", CodeInvalid, "longer than %d bytes", MaxName)
	case !hclsyntax.ValidIdentifier(a.Name) || !norm.NFC.IsNormalString(a.Name):
		p.add("name", CodeInvalid, "%q is not an identifier: begin with a letter and use letters, digits and _, as in cost_center", a.Name)
	case slices.Contains(keywords, a.Name):
		p.add("name", CodeInvalid, "%q is a word of the condition language; use another name", a.Name)
	}
	oneOf(&p, "type", a.Type, StringAttribute, BoolAttribute, IntAttribute, DurationAttribute, TimeAttribute, ListAttribute)
	switch {
	case strings.TrimSpace(a.Description) == "":
		p.add("description", CodeRequired, "say in one sentence what the attribute means")
	case len(a.Description) > MaxText:
		p.add("description", CodeInvalid, "longer than %d bytes", MaxText)
	}
	return p
}

// checkValues reports what can be said about values without their declarations.
func checkValues(p *Problems, values map[string]json.RawMessage) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		field := valueField(name)
		switch value := values[name]; {
		case len(value) > MaxText:
			p.add(field, CodeInvalid, "longer than %d bytes", MaxText)
		case !json.Valid(value):
			p.add(field, CodeInvalid, "the value is not JSON")
		case string(value) == "null":
			p.add(field, CodeInvalid, "the value is null; leave it away or give it a value")
		}
	}
}

func valueField(name string) string { return fmt.Sprintf("attributes[%q]", name) }

func (t AttributeType) ofConditions() condition.Type {
	switch t {
	case BoolAttribute:
		return condition.Bool
	case IntAttribute:
		return condition.Int
	case DurationAttribute:
		return condition.Duration
	case TimeAttribute:
		return condition.Time
	case ListAttribute:
		return condition.List(condition.String)
	}
	return condition.String
}

// Attributes are the custom attributes that are declared; the zero value is
// none. They are immutable and safe for concurrent use.
type Attributes struct {
	byName map[AttributeObject]map[string]Attribute
	list   policyenv.Attributes
}

// NewAttributes takes declared attributes, in any order.
func NewAttributes(declared []Attribute) Attributes {
	all := Attributes{byName: map[AttributeObject]map[string]Attribute{}}
	for _, a := range slices.SortedFunc(slices.Values(declared), func(a, b Attribute) int { return cmp.Compare(a.ID(), b.ID()) }) {
		if all.byName[a.Object] == nil {
			all.byName[a.Object] = map[string]Attribute{}
		}
		all.byName[a.Object][a.Name] = a
		of := policyenv.OfIdentity
		if a.Object == EventAttribute {
			of = policyenv.OfEvent
		}
		all.list = append(all.list, policyenv.Attribute{Of: of, Name: a.Name, Type: a.Type.ofConditions(), Doc: a.Description})
	}
	return all
}

// Get finds a declared attribute.
func (a Attributes) Get(object AttributeObject, name string) (Attribute, bool) {
	found, ok := a.byName[object][name]
	return found, ok
}

// ForConditions are the attributes as conditions are compiled with them.
func (a Attributes) ForConditions() policyenv.Attributes { return a.list }

// Check reports where an object does not keep to what is declared: a value of an
// attribute that is not, or of another type, and a condition that reads an
// attribute that is not declared, or reads it as what it is not. What is wrong
// with the object itself must be mended first.
func (a Attributes) Check(o Object) Problems {
	var p Problems
	switch o := o.(type) {
	case Identity:
		a.checkValues(&p, IdentityAttribute, o.Attributes)
	case BusinessEvent:
		a.checkValues(&p, EventAttribute, o.Attributes)
	case EligibilityPolicy:
		if params, err := o.params(); err == nil {
			_, diags := policyenv.CompileEligibility(o.Condition, params, a.list)
			p.addCondition("condition", diags)
		}
	case EventSource:
		a.checkMapped(&p, o)
	case GrantTemplate:
		conditions := o.conditions()
		for _, field := range slices.Sorted(maps.Keys(conditions)) {
			_, diags := policyenv.CompileApprover(conditions[field], a.list)
			p.addCondition(field, diags)
		}
	case Application:
		_, diags := policyenv.CompileCorrelation(o.Correlation, a.list)
		p.addCondition("correlation", diags)
		if o.AccountName != "" {
			_, diags := policyenv.CompileAccountName(o.AccountName, a.list)
			p.addCondition("account_name", diags)
		}
	}
	return p
}

func (a Attributes) checkValues(p *Problems, of AttributeObject, values map[string]json.RawMessage) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		declared, ok := a.byName[of][name]
		if !ok {
			p.add(valueField(name), CodeUnknownReference, "%s", a.Undeclared(of, name))
			continue
		}
		if _, err := policyenv.ReadValue(declared.Type.ofConditions(), values[name]); err != nil {
			p.add(valueField(name), CodeInvalid, "attribute %q: %s", name, err)
		}
	}
}

// Undeclared says that an attribute is not declared, and what to do.
func (a Attributes) Undeclared(of AttributeObject, name string) string {
	mend := "declare it with stint_attribute"
	if near := condition.Closest(name, slices.Sorted(maps.Keys(a.byName[of]))); near != "" {
		mend = fmt.Sprintf("did you mean %q? If not, %s", near, mend)
	}
	return fmt.Sprintf("no attribute %q is declared for object %s; %s", name, of, mend)
}

// AttributesUsed lists the attributes, declared or not, that an object has a
// value of or reads in a condition, each once.
func AttributesUsed(o Object) []AttributeID {
	used := map[AttributeID]bool{}
	add := func(of AttributeObject, names ...string) {
		for _, name := range names {
			used[NewAttributeID(of, name)] = true
		}
	}
	switch o := o.(type) {
	case Identity:
		add(IdentityAttribute, slices.Collect(maps.Keys(o.Attributes))...)
	case BusinessEvent:
		add(EventAttribute, slices.Collect(maps.Keys(o.Attributes))...)
	case EligibilityPolicy:
		add(IdentityAttribute, policyenv.AttributesRead(o.Condition, policyenv.OfIdentity)...)
		add(EventAttribute, policyenv.AttributesRead(o.Condition, policyenv.OfEvent)...)
	case EventSource:
		add(EventAttribute, slices.Collect(maps.Keys(o.Mapping.Attributes))...)
	case GrantTemplate:
		for _, text := range o.conditions() {
			add(IdentityAttribute, policyenv.AttributesRead(text, policyenv.OfApprover)...)
			add(IdentityAttribute, policyenv.AttributesRead(text, policyenv.OfIdentity)...)
			add(EventAttribute, policyenv.AttributesRead(text, policyenv.OfEvent)...)
		}
	case Application:
		add(IdentityAttribute, policyenv.AttributesRead(o.Correlation, policyenv.OfIdentity)...)
		add(IdentityAttribute, policyenv.AttributesRead(o.AccountName, policyenv.OfIdentity)...)
	}
	return slices.Sorted(maps.Keys(used))
}

// Identity is an identity as conditions see it.
func (a Attributes) Identity(p Person) policyenv.Identity {
	return policyenv.Identity{
		ID: string(p.ID()), Name: p.Name, Type: string(p.Type), Owner: string(p.Owner), Manager: string(p.Manager),
		Groups: p.Groups, Status: string(p.Status), Attributes: a.values(IdentityAttribute, p.Attributes),
	}
}

// Event is a business event as conditions see it.
func (a Attributes) Event(e OpenEvent) *policyenv.Event {
	return &policyenv.Event{
		ID: string(e.ID), Name: e.Name, Kind: string(e.Kind), Severity: e.Severity,
		Reference: e.Reference, EndsAt: e.EndsAt, Attributes: a.values(EventAttribute, e.Attributes),
	}
}

// values reads stored values. One that does not fit its declaration, which
// takes other hands than the engine's, is handed on as it is: conditions err on
// it, and so deny.
func (a Attributes) values(of AttributeObject, stored map[string]json.RawMessage) policyenv.Values {
	if len(stored) == 0 {
		return nil
	}
	out := make(policyenv.Values, len(stored))
	for name, data := range stored {
		declared, ok := a.byName[of][name]
		if !ok {
			continue
		}
		value, err := policyenv.ReadValue(declared.Type.ofConditions(), data)
		if err != nil {
			value = data
		}
		out[name] = value
	}
	return out
}
