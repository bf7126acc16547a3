package policyenv

import (
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// Variable documents one variable of a schema.
type Variable struct {
	Name     string // as conditions write it
	Type     condition.Type
	Optional bool     // may be null; a condition must guard it
	Doc      string   // one sentence
	Values   []string // all that a string can be; nil when it can be anything
}

// field is one row of a schema: the variable, and how a frame gets its value.
// fill sets nothing when the object that the variable belongs to is absent; an
// extensible object has none.
type field[In any] struct {
	Variable
	known   *string // the value of a parameter that is a text
	declare string  // the mend for an attribute that nobody declared; set for extensible objects only
	fill    func(f *condition.Frame, at condition.Slot, in *In)
}

// Variables lists the variables of eligibility conditions, in the order in which
// to read about them. Parameters are not among them: each policy has its own,
// seen as param.name.
func Variables() []Variable { return documented(eligibilityFields()) }

// CorrelationVariables lists the variables of correlation conditions.
func CorrelationVariables() []Variable { return documented(correlationFields()) }

func documented[In any](fields []field[In]) []Variable {
	out := make([]Variable, len(fields))
	for i, f := range fields {
		out[i] = f.Variable
	}
	return out
}

func eligibilityFields() []field[Input] {
	return slices.Concat(
		identityFields(func(in *Input) *Identity { return &in.Identity }),
		entitlementFields(),
		requestFields(),
		eventFields(),
		[]field[Input]{{
			Variable: Variable{Name: "now", Type: condition.Time, Doc: "The time of the decision."},
			fill:     func(f *condition.Frame, at condition.Slot, in *Input) { f.SetTime(at, in.Now) },
		}},
	)
}

func identityFields[In any](of func(*In) *Identity) []field[In] {
	text := func(name, doc string, get func(*Identity) string) field[In] {
		return textField(name, doc, func(in *In) string { return get(of(in)) })
	}
	optional := func(name, doc string, get func(*Identity) string) field[In] {
		return optionalField(name, doc, func(in *In) string { return get(of(in)) })
	}
	return []field[In]{
		text("identity.id", "The identity's id.", func(i *Identity) string { return i.ID }),
		text("identity.name", "The identity's name.", func(i *Identity) string { return i.Name }),
		text("identity.type", "What the identity is.", func(i *Identity) string { return i.Type }).oneOf("human", "service_account", "workload", "agent"),
		optional("identity.owner", "The id of the human who owns a non-human identity.", func(i *Identity) string { return i.Owner }),
		optional("identity.manager", "The id of the identity's manager.", func(i *Identity) string { return i.Manager }),
		{
			Variable: Variable{Name: "identity.groups", Type: condition.List(condition.String), Doc: "The names of the groups that the identity is in."},
			fill:     func(f *condition.Frame, at condition.Slot, in *In) { f.SetStrings(at, of(in).Groups) },
		},
		text("identity.status", "Whether the identity may hold access.", func(i *Identity) string { return i.Status }).oneOf("active", "suspended", "left"),
	}
}

func entitlementFields() []field[Input] {
	return []field[Input]{
		textField("entitlement.id", "The entitlement's id, for example billing/role/billing_admin.", func(in *Input) string { return in.Entitlement.ID }),
		textField("entitlement.application", "The id of the application that the entitlement belongs to.", func(in *Input) string { return in.Entitlement.Application }),
		textField("entitlement.kind", "The entitlement's kind inside its application, for example role.", func(in *Input) string { return in.Entitlement.Kind }),
		textField("entitlement.native_id", "The entitlement's name inside its application.", func(in *Input) string { return in.Entitlement.NativeID }),
		optionalField("entitlement.owner", "The id of the identity that owns the entitlement.", func(in *Input) string { return in.Entitlement.Owner }),
		textField("entitlement.risk", "The entitlement's declared risk.", func(in *Input) string { return in.Entitlement.Risk }).oneOf("low", "medium", "high", "critical"),
	}
}

func requestFields() []field[Input] {
	return []field[Input]{
		{
			Variable: Variable{Name: "request.duration", Type: condition.Duration, Doc: "How long the access is asked for."},
			fill:     func(f *condition.Frame, at condition.Slot, in *Input) { f.SetDuration(at, in.Request.Duration) },
		},
		optionalField("request.justification", "The reason that the requester gave.", func(in *Input) string { return in.Request.Justification }),
		{
			Variable: Variable{Name: "request.not_before", Type: condition.Time, Doc: "When the access is to begin: the later time that the request asks for, or else the time of the request."},
			fill:     func(f *condition.Frame, at condition.Slot, in *Input) { f.SetTime(at, in.Request.NotBefore) },
		},
		textField("request.template", "The id of the grant template that the request goes through.", func(in *Input) string { return in.Request.Template }),
		{
			Variable: Variable{Name: "request.break_glass", Type: condition.Bool, Doc: "Whether the access is asked for at once, past the template's approval."},
			fill:     func(f *condition.Frame, at condition.Slot, in *Input) { f.SetBool(at, in.Request.BreakGlass) },
		},
	}
}

func eventFields() []field[Input] {
	text := func(name, doc string, get func(*Event) string) field[Input] {
		return eventField(Variable{Name: name, Type: condition.String, Doc: doc}, func(f *condition.Frame, at condition.Slot, e *Event) {
			f.SetString(at, get(e))
		})
	}
	return []field[Input]{
		{
			Variable: Variable{Name: "event", Type: condition.Object, Optional: true, Doc: "The business event behind the request; null when there is none."},
			fill: func(f *condition.Frame, at condition.Slot, in *Input) {
				if in.Event == nil {
					f.SetNull(at)
					return
				}
				f.SetPresent(at)
			},
		},
		text("event.id", "The event's id.", func(e *Event) string { return e.ID }),
		text("event.name", "The event's name.", func(e *Event) string { return e.Name }),
		text("event.kind", "What the event is.", func(e *Event) string { return e.Kind }).oneOf("incident", "engagement", "project", "change", "task"),
		eventField(Variable{Name: "event.severity", Type: condition.Int, Optional: true, Doc: "How severe the event is; 1 is the most severe."}, func(f *condition.Frame, at condition.Slot, e *Event) {
			if e.Severity == nil {
				f.SetNull(at)
				return
			}
			f.SetInt(at, *e.Severity)
		}),
		eventField(Variable{Name: "event.reference", Type: condition.String, Optional: true, Doc: "The event's key in the system it comes from, for example a ticket number."}, func(f *condition.Frame, at condition.Slot, e *Event) {
			setOptional(f, at, e.Reference)
		}),
		eventField(Variable{Name: "event.ends_at", Type: condition.Time, Doc: "When the event ends, at the latest."}, func(f *condition.Frame, at condition.Slot, e *Event) {
			f.SetTime(at, e.EndsAt)
		}),
	}
}

func eventField(v Variable, fill func(*condition.Frame, condition.Slot, *Event)) field[Input] {
	return field[Input]{Variable: v, fill: func(f *condition.Frame, at condition.Slot, in *Input) {
		if in.Event != nil {
			fill(f, at, in.Event)
		}
	}}
}

func textField[In any](name, doc string, get func(*In) string) field[In] {
	return field[In]{
		Variable: Variable{Name: name, Type: condition.String, Doc: doc},
		fill:     func(f *condition.Frame, at condition.Slot, in *In) { f.SetString(at, get(in)) },
	}
}

func optionalField[In any](name, doc string, get func(*In) string) field[In] {
	return field[In]{
		Variable: Variable{Name: name, Type: condition.String, Optional: true, Doc: doc},
		fill:     func(f *condition.Frame, at condition.Slot, in *In) { setOptional(f, at, get(in)) },
	}
}

// oneOf closes the set of what a text can be.
func (f field[In]) oneOf(values ...string) field[In] {
	f.Values = values
	return f
}

func setOptional(f *condition.Frame, at condition.Slot, value string) {
	if value == "" {
		f.SetNull(at)
		return
	}
	f.SetString(at, value)
}
