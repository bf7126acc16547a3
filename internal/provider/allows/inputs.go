package allows

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

const parameters = "param"

// inputs are what a condition is judged on: objects by the name of their
// variable, values as encoding/json reads them.
type inputs map[string]any

// readsUnknown says whether the condition reads something of the inputs that is
// not known yet.
func readsUnknown(source string, raw tftypes.Value) bool {
	return !raw.IsKnown() || slices.ContainsFunc(condition.Names(source), func(path string) bool {
		at := raw
		for name := range strings.SplitSeq(path, ".") {
			if !at.IsKnown() {
				return true
			}
			var members map[string]tftypes.Value
			if at.IsNull() || at.As(&members) != nil || members[name].Type() == nil {
				return false
			}
			at = members[name]
		}
		return !at.IsFullyKnown()
	})
}

// readInputs checks that there is nothing in the inputs that no condition could
// see. What is not known yet is left out: the condition does not read it.
func readInputs(raw tftypes.Value) (inputs, error) {
	known, err := tftypes.Transform(raw, func(_ *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
		if v.IsKnown() {
			return v, nil
		}
		return tftypes.NewValue(v.Type(), nil), nil
	})
	if err != nil {
		return nil, err
	}
	plain, err := fwconv.PlainValue(known)
	if err != nil {
		return nil, err
	}
	members, ok := plain.(map[string]any)
	if !ok {
		return nil, errors.New("inputs is not an object; write { identity = { … }, … }")
	}
	in := inputs(members)
	names := inputNames()
	for _, name := range slices.Sorted(maps.Keys(in)) {
		attributes, visible := names[name]
		if !visible {
			return nil, unknownInput(name, slices.Sorted(maps.Keys(names)))
		}
		if name == parameters || attributes == nil {
			continue
		}
		members, err := in.object(name)
		if err != nil {
			return nil, err
		}
		for _, member := range slices.Sorted(maps.Keys(members)) {
			if !slices.Contains(attributes, member) {
				return nil, unknownInput(name+"."+member, prefixed(name+".", attributes))
			}
		}
	}
	return in, nil
}

// inputNames are the attributes of each object of the inputs; a value that is no
// object has none.
func inputNames() map[string][]string {
	names := map[string][]string{parameters: nil}
	for _, v := range policyenv.Variables() {
		object, attribute, nested := strings.Cut(v.Name, ".")
		if nested {
			names[object] = append(names[object], attribute)
		} else if names[object] == nil {
			names[object] = nil
		}
	}
	for _, owner := range []policyenv.Owner{policyenv.OfIdentity, policyenv.OfEvent} {
		names[string(owner)] = append(names[string(owner)], "attributes")
	}
	return names
}

func prefixed(prefix string, names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = prefix + name
	}
	return out
}

func unknownInput(name string, known []string) error {
	if near := fwconv.Nearest(name, known); near != "" {
		return fmt.Errorf("inputs.%s is nothing that a condition can see; did you mean inputs.%s?", name, near)
	}
	return fmt.Errorf("inputs.%s is nothing that a condition can see; there are %s", name, strings.Join(known, ", "))
}

// object is one object of the inputs, or one of its attributes that is an
// object; nil when it is absent.
func (in inputs) object(path string) (map[string]any, error) {
	value, _ := in.at(path)
	if value == nil {
		return nil, nil
	}
	members, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("inputs.%s is not an object", path)
	}
	return members, nil
}

// at is the value of a variable; false when it is absent.
func (in inputs) at(path string) (any, bool) {
	var value any = map[string]any(in)
	for name := range strings.SplitSeq(path, ".") {
		members, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = members[name]; !ok {
			return nil, false
		}
	}
	return value, value != nil
}

// read reads a value of a variable's type.
func read(name string, typ condition.Type, values []string, value any) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("inputs.%s: %w", name, err)
	}
	typed, err := policyenv.ReadValue(typ, text)
	if err != nil {
		return nil, fmt.Errorf("inputs.%s: %w", name, err)
	}
	if values != nil && !slices.Contains(values, typed.(string)) {
		return nil, fmt.Errorf("inputs.%s: %q is not one of %s", name, typed, strings.Join(values, ", "))
	}
	return typed, nil
}

const inputsDescription = "What the condition sees: an object with the objects `identity`, `entitlement`, `request`, `event` and `param` and the time `now`, " +
	"with the attributes that the [condition language](../guides/condition-language.md) tells; custom attributes stand in `identity.attributes` and `event.attributes`. " +
	"What the condition does not read may be left out; what it reads and is not optional has to be there, `now` included. " +
	"A duration is a text such as `1h30m`, a time a text in RFC 3339. A custom attribute has the type of its value; give `null` when there is none."
