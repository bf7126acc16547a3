package allows

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// holdsFor judges a condition on inputs of which everything that it reads is
// known.
func holdsFor(source string, raw tftypes.Value) (bool, error) {
	in, err := readInputs(raw)
	if err != nil {
		return false, &argumentError{inputsArgument, err}
	}
	c, err := compile(source, in)
	if err != nil {
		return false, err
	}
	frame, err := c.fill(in)
	if err != nil {
		return false, &argumentError{inputsArgument, err}
	}
	holds, err := c.program.Eval(frame)
	if err != nil {
		return false, fmt.Errorf("the condition cannot be judged on these inputs, which a server takes for a denial: %w", err)
	}
	return holds, nil
}

// compiled is a condition with the schema that fits the inputs.
type compiled struct {
	params     policyenv.Params
	attributes policyenv.Attributes
	env        *condition.Env
	program    *condition.Program
}

func compile(source string, in inputs) (*compiled, error) {
	given, err := in.object(parameters)
	if err != nil {
		return nil, &argumentError{inputsArgument, err}
	}
	params, err := policyenv.ParamsFrom(given)
	if err != nil {
		return nil, &argumentError{inputsArgument, fmt.Errorf("inputs.%s: %w", parameters, err)}
	}
	attributes, err := attributesOf(source, in)
	if err != nil {
		return nil, &argumentError{inputsArgument, err}
	}
	c := &compiled{params: params}
	diags, err := c.with(source, typed(attributes))
	if err != nil {
		return nil, &argumentError{inputsArgument, err}
	}
	for i := range attributes {
		diags = c.suit(source, attributes, i, diags)
	}
	if len(diags) > 0 {
		return nil, &argumentError{conditionArgument, diags}
	}
	return c, nil
}

func (c *compiled) with(source string, attributes policyenv.Attributes) (condition.Diagnostics, error) {
	env, err := policyenv.Eligibility(c.params, attributes)
	if err != nil {
		return nil, err
	}
	program, diags := condition.Compile(source, env)
	c.attributes, c.env, c.program = attributes, env, program
	return diags, nil
}

// attribute is a custom attribute with the types that its value may be of.
type attribute struct {
	policyenv.Attribute

	candidates []condition.Type
}

func typed(attributes []attribute) policyenv.Attributes {
	out := make(policyenv.Attributes, len(attributes))
	for i, a := range attributes {
		out[i] = a.Attribute
	}
	return out
}

// suit gives an attribute whose value can be of several types, such as a text
// that is a duration too, the one under which the condition has the fewest
// mistakes.
func (c *compiled) suit(source string, attributes []attribute, i int, diags condition.Diagnostics) condition.Diagnostics {
	best := attributes[i].Type
	for _, candidate := range attributes[i].candidates {
		if len(diags) == 0 {
			break
		}
		attributes[i].Type = candidate
		if found, err := c.with(source, typed(attributes)); err == nil && len(found) < len(diags) {
			best, diags = candidate, found
		}
	}
	attributes[i].Type = best
	_, _ = c.with(source, typed(attributes)) // as it was found above
	return diags
}

// attributesOf are the custom attributes that are given or read. One that is
// read has to be given, so that a mistyped name is found; nothing is read of an
// event that is not there.
func attributesOf(source string, in inputs) ([]attribute, error) {
	var out []attribute
	for _, owner := range []policyenv.Owner{policyenv.OfIdentity, policyenv.OfEvent} {
		path := string(owner) + ".attributes"
		given, err := in.object(path)
		if err != nil {
			return nil, err
		}
		_, there := in.at(string(owner))
		for _, name := range policyenv.AttributesRead(source, owner) {
			if _, ok := given[name]; !ok && (there || owner == policyenv.OfIdentity) {
				return nil, fmt.Errorf("the condition reads %s.%s; give it in inputs.%s, null when there is none", path, name, path)
			} else if !ok {
				out = append(out, attribute{policyenv.Attribute{Of: owner, Name: name, Type: anyType[0]}, anyType[1:]})
			}
		}
		for _, name := range slices.Sorted(maps.Keys(given)) {
			types := typesOf(given[name])
			if types == nil {
				return nil, fmt.Errorf("inputs.%s.%s: a custom attribute is a text, a bool, a whole number or a list of texts", path, name)
			}
			out = append(out, attribute{policyenv.Attribute{Of: owner, Name: name, Type: types[0]}, types[1:]})
		}
	}
	return out, nil
}

// anyType are the types of custom attributes, the likeliest first.
var anyType = []condition.Type{
	condition.String, condition.Int, condition.Bool, condition.Duration, condition.Time, condition.List(condition.String),
}

// typesOf are the types that a value can be of, the likeliest first.
func typesOf(value any) []condition.Type {
	if value == nil {
		return anyType
	}
	var types []condition.Type
	for _, typ := range anyType {
		if _, err := read("", typ, nil, value); err == nil {
			types = append(types, typ)
		}
	}
	return types
}

// fill gives the frame everything that the condition can look at.
func (c *compiled) fill(in inputs) (*condition.Frame, error) {
	frame := c.env.NewFrame()
	variables := policyenv.Variables()
	for _, a := range c.attributes {
		variables = append(variables, policyenv.Variable{Name: a.Variable(), Type: a.Type, Optional: true})
	}
	for _, v := range variables {
		if err := c.set(frame, v, in); err != nil {
			return nil, err
		}
	}
	for name, value := range c.params {
		if slot, ok := c.env.Slot(parameters + "." + name); ok {
			put(frame, slot, value)
		}
	}
	return frame, nil
}

func (c *compiled) set(frame *condition.Frame, v policyenv.Variable, in inputs) error {
	slot, ok := c.env.Slot(v.Name)
	if !ok {
		return fmt.Errorf("inputs.%s has no place in the schema", v.Name)
	}
	value, given := in.at(v.Name)
	if !given || value == "" && v.Optional {
		return c.absent(frame, slot, v, in)
	}
	if v.Type == condition.Object {
		frame.SetPresent(slot)
		return nil
	}
	typed, err := read(v.Name, v.Type, v.Values, value)
	if err != nil {
		return err
	}
	put(frame, slot, typed)
	return nil
}

// absent leaves out what belongs to an event that is not there: the condition
// has a guard before it.
func (c *compiled) absent(frame *condition.Frame, slot condition.Slot, v policyenv.Variable, in inputs) error {
	switch _, event := in.at(string(policyenv.OfEvent)); {
	case !event && isOfEvent(v.Name):
		return nil
	case v.Optional:
		frame.SetNull(slot)
		return nil
	case c.program.Reads(slot):
		return fmt.Errorf("the condition reads %s; give it in inputs.%s (%s)", v.Name, v.Name, v.Type)
	}
	return nil
}

func isOfEvent(name string) bool {
	return len(name) > len(policyenv.OfEvent) && name[:len(policyenv.OfEvent)+1] == string(policyenv.OfEvent)+"."
}

func put(frame *condition.Frame, slot condition.Slot, value any) {
	switch value := value.(type) {
	case string:
		frame.SetString(slot, value)
	case bool:
		frame.SetBool(slot, value)
	case int64:
		frame.SetInt(slot, value)
	case time.Duration:
		frame.SetDuration(slot, value)
	case time.Time:
		frame.SetTime(slot, value)
	case []string:
		frame.SetStrings(slot, value)
	}
}
