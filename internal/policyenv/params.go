package policyenv

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// CodeBadParameter marks a finding in a policy's parameters, not in its text.
const CodeBadParameter condition.Code = "bad_parameter"

// Params are the parameters of one policy, seen in its condition as param.name.
// A value is a string, bool, int64, time.Duration or []string; its type is the
// parameter's type. Names are HCL identifiers.
type Params map[string]any

// ParseParams reads parameters from a JSON object. A fraction, a null, a nested
// object or a list of anything but strings is an error that names the
// parameter. "" and null mean no parameters. JSON has no durations: pass a
// string, and write duration(param.name) in the condition.
func ParseParams(data []byte) (Params, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var raw map[string]any
	if err := decoder.Decode(&raw); err != nil {
		return nil, fmt.Errorf("parameters are not a JSON object: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("parameters are not one JSON object: there is text behind it")
	}
	return ParamsFrom(raw)
}

// ParamsFrom turns decoded values (string, bool, json.Number, int, int64,
// time.Duration, lists of strings) into parameters. What it cannot hold is an
// error that names the parameter.
func ParamsFrom(raw map[string]any) (Params, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	out := make(Params, len(raw))
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		value, err := paramValue(raw[name])
		if err != nil {
			return nil, fmt.Errorf("parameter %q: %w", name, err)
		}
		out[name] = value
	}
	if _, err := out.fields(); err != nil {
		return nil, err
	}
	return out, nil
}

func paramValue(raw any) (any, error) {
	switch value := raw.(type) {
	case string, bool, int64, time.Duration, []string:
		return value, nil
	case int:
		return int64(value), nil
	case json.Number:
		n, err := strconv.ParseInt(value.String(), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is not a whole number of 64 bits; pass a whole number or a string", value)
		}
		return n, nil
	case []any:
		return paramList(value)
	case nil:
		return nil, errors.New("it is null; leave it away or give it a value")
	}
	return nil, fmt.Errorf("a %T cannot be a parameter; pass a string, a bool, a whole number or a list of strings", raw)
}

func paramList(raw []any) ([]string, error) {
	out := make([]string, len(raw))
	for i, item := range raw {
		text, ok := item.(string)
		if !ok {
			return nil, fmt.Errorf("element %d is not a string; a list parameter holds only strings", i+1)
		}
		out[i] = text
	}
	return out, nil
}

// fields are the rows that the parameters add to a schema.
func (p Params) fields() ([]field[Input], error) {
	var out []field[Input]
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if !hclsyntax.ValidIdentifier(name) {
			return nil, fmt.Errorf("parameter %q: the name is not an identifier; use letters, digits and _", name)
		}
		f, err := paramField(p[name])
		if err != nil {
			return nil, fmt.Errorf("parameter %q: %w", name, err)
		}
		f.Name, f.Doc = "param."+name, "A parameter of the policy."
		out = append(out, f)
	}
	return out, nil
}

func paramField(value any) (field[Input], error) {
	var typ condition.Type
	var known *string
	var fill func(*condition.Frame, condition.Slot, *Input)
	switch value := value.(type) {
	case string:
		typ, known = condition.String, &value
		fill = func(f *condition.Frame, at condition.Slot, _ *Input) { f.SetString(at, value) }
	case bool:
		typ = condition.Bool
		fill = func(f *condition.Frame, at condition.Slot, _ *Input) { f.SetBool(at, value) }
	case int64:
		typ = condition.Int
		fill = func(f *condition.Frame, at condition.Slot, _ *Input) { f.SetInt(at, value) }
	case time.Duration:
		typ = condition.Duration
		fill = func(f *condition.Frame, at condition.Slot, _ *Input) { f.SetDuration(at, value) }
	case []string:
		kept := slices.Clone(value)
		typ = condition.List(condition.String)
		fill = func(f *condition.Frame, at condition.Slot, _ *Input) { f.SetStrings(at, kept) }
	default:
		return field[Input]{}, fmt.Errorf("a %T cannot be a parameter; pass a string, a bool, a whole number or a list of strings", value)
	}
	return field[Input]{Variable: Variable{Type: typ}, known: known, fill: fill}, nil
}

func badParameter(err error) condition.Diagnostics {
	start := condition.Pos{Line: 1, Column: 1}
	return condition.Diagnostics{{
		Code:    CodeBadParameter,
		Range:   condition.Range{Start: start, End: start},
		Message: err.Error(),
	}}
}
