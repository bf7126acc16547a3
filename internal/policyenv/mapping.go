package policyenv

import (
	"maps"
	"slices"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// MappingFields are the fields of an event source's payload by name. The
// expressions of its mapping see them as field.<name>; each may be null.
type MappingFields map[string]condition.Type

func (m MappingFields) env() (*condition.Env, error) {
	vars := []condition.Var{{Name: "now", Type: condition.Time}}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		vars = append(vars, condition.Var{Name: "field." + name, Type: m[name], Optional: true})
	}
	return condition.NewEnv(vars...)
}

// Mapped is one compiled expression of a mapping. It is safe for concurrent use.
type Mapped struct {
	env        *condition.Env
	fields     MappingFields
	expression *condition.Expression
}

// CompileMapped checks and compiles an expression of a mapping that is to give a
// value of a type, and with values one of those. It returns all findings at once.
func CompileMapped(src string, fields MappingFields, want condition.Type, values ...string) (*Mapped, condition.Diagnostics) {
	env, err := fields.env()
	if err != nil {
		return nil, badParameter(err)
	}
	expression, diags := condition.CompileExpression(src, env, want, values...)
	if len(diags) > 0 {
		return nil, diags
	}
	return &Mapped{env, fields, expression}, nil
}

// Eval gives the value for a payload's fields at now. What is not in values is
// null; an error is always a *condition.EvalError.
func (m *Mapped) Eval(values Values, now time.Time) (any, error) {
	frame := m.env.NewFrame()
	for name, typ := range m.fields {
		if slot, ok := m.env.Slot("field." + name); ok {
			setValue(frame, slot, typ, values[name])
		}
	}
	if slot, ok := m.env.Slot("now"); ok {
		frame.SetTime(slot, now)
	}
	return m.expression.Eval(frame)
}
