package fwconv

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Document translates a configuration, plan or state to the JSON of the
// document that it declares. Attributes that only the server sets are left out,
// and so is what is not known yet or cannot be read; Unknown names those fields.
// What is not set has its default.
func Document(ctx context.Context, s schema.Schema, raw tftypes.Value) ([]byte, Unknown, error) {
	w := writer{ctx: ctx}
	members, err := w.object("", s.Attributes, raw)
	if err != nil {
		return nil, nil, err
	}
	text, err := json.Marshal(members)
	if err != nil {
		return nil, nil, fmt.Errorf("write the document: %w", err)
	}
	return text, w.unknown, nil
}

type writer struct {
	ctx     context.Context
	unknown Unknown
}

func (w *writer) object(field string, attributes map[string]schema.Attribute, v tftypes.Value) (map[string]any, error) {
	var values map[string]tftypes.Value
	if err := v.As(&values); err != nil {
		return nil, fmt.Errorf("read %s: %w", field, err)
	}
	members := map[string]any{}
	for name, a := range attributes {
		if !a.IsRequired() && !a.IsOptional() {
			continue
		}
		member, known, err := w.attribute(join(field, name), a, values[name])
		if err != nil {
			return nil, err
		}
		if known {
			members[name] = member
		}
	}
	return members, nil
}

func join(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

func (w *writer) attribute(field string, a schema.Attribute, v tftypes.Value) (any, bool, error) {
	if !v.IsKnown() {
		w.unknown = append(w.unknown, field)
		return nil, false, nil
	}
	if v.IsNull() {
		given, ok, err := defaultOf(w.ctx, a)
		if err != nil || !ok {
			return nil, false, err
		}
		v = given
	}
	switch a := a.(type) {
	case schema.SingleNestedAttribute:
		members, err := w.object(field, a.Attributes, v)
		return members, err == nil, err
	case schema.MapNestedAttribute:
		return w.nestedMap(field, a.NestedObject.Attributes, v)
	case schema.ListNestedAttribute:
		return w.nestedList(field, a.NestedObject.Attributes, v)
	case schema.StringAttribute:
		return w.text(field, a, v)
	case schema.DynamicAttribute:
		return w.dynamic(field, v)
	case schema.SetAttribute:
		return w.set(field, v)
	}
	plain, err := PlainValue(v)
	return plain, err == nil, err
}

// dynamic keeps the known members of an object that is not known completely.
func (w *writer) dynamic(field string, v tftypes.Value) (any, bool, error) {
	if v.IsFullyKnown() {
		plain, err := PlainValue(v)
		return plain, err == nil, err
	}
	if !v.IsKnown() || !v.Type().Is(tftypes.Object{}) && !v.Type().Is(tftypes.Map{}) {
		w.unknown = append(w.unknown, field)
		return nil, false, nil
	}
	var elements map[string]tftypes.Value
	if err := v.As(&elements); err != nil {
		return nil, false, fmt.Errorf("read %s: %w", field, err)
	}
	members := make(map[string]any, len(elements))
	for _, name := range slices.Sorted(maps.Keys(elements)) {
		if !elements[name].IsFullyKnown() {
			w.unknown = append(w.unknown, field+"["+strconv.Quote(name)+"]")
			continue
		}
		member, err := PlainValue(elements[name])
		if err != nil {
			return nil, false, err
		}
		members[name] = member
	}
	return members, true, nil
}

// text leaves out a text that its grammar cannot read: that is reported where
// the attribute itself is validated.
func (w *writer) text(field string, a schema.StringAttribute, v tftypes.Value) (any, bool, error) {
	var text string
	if err := v.As(&text); err != nil {
		return nil, false, fmt.Errorf("read %s: %w", field, err)
	}
	custom, ok := a.CustomType.(TextType)
	if !ok {
		return text, true, nil
	}
	wire, err := custom.Grammar.wire(text)
	if err == nil {
		return wire, true, nil
	}
	w.unknown = append(w.unknown, field)
	return nil, false, nil
}

// set keeps the known elements of a set that is not known completely.
func (w *writer) set(field string, v tftypes.Value) (any, bool, error) {
	var elements []tftypes.Value
	if err := v.As(&elements); err != nil {
		return nil, false, fmt.Errorf("read %s: %w", field, err)
	}
	texts := make([]string, 0, len(elements))
	for _, element := range elements {
		if !element.IsKnown() {
			w.unknown = append(w.unknown, field)
			continue
		}
		var text string
		if err := element.As(&text); err != nil {
			return nil, false, fmt.Errorf("read an element of %s: %w", field, err)
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	return texts, true, nil
}

// nestedMap keeps the key of an element that is not known, since the number of
// keys is.
func (w *writer) nestedMap(field string, attributes map[string]schema.Attribute, v tftypes.Value) (any, bool, error) {
	var elements map[string]tftypes.Value
	if err := v.As(&elements); err != nil {
		return nil, false, fmt.Errorf("read %s: %w", field, err)
	}
	members := make(map[string]any, len(elements))
	for key, element := range elements {
		at := field + "[" + strconv.Quote(key) + "]"
		if !element.IsKnown() || element.IsNull() {
			w.unknown = append(w.unknown, at)
			members[key] = map[string]any{}
			continue
		}
		member, err := w.object(at, attributes, element)
		if err != nil {
			return nil, false, err
		}
		members[key] = member
	}
	return members, true, nil
}

// nestedList gives up a list with an element that is not known: what follows it
// would have another index.
func (w *writer) nestedList(field string, attributes map[string]schema.Attribute, v tftypes.Value) (any, bool, error) {
	var elements []tftypes.Value
	if err := v.As(&elements); err != nil {
		return nil, false, fmt.Errorf("read %s: %w", field, err)
	}
	members := make([]any, len(elements))
	for i, element := range elements {
		if !element.IsKnown() || element.IsNull() {
			w.unknown = append(w.unknown, field)
			return nil, false, nil
		}
		member, err := w.object(fmt.Sprintf("%s[%d]", field, i), attributes, element)
		if err != nil {
			return nil, false, err
		}
		members[i] = member
	}
	return members, true, nil
}

// PlainValue is a completely known value as encoding/json would read it, with
// json.Number for numbers.
func PlainValue(v tftypes.Value) (any, error) {
	if v.IsNull() {
		return nil, nil
	}
	switch typ := v.Type(); {
	case typ.Is(tftypes.String):
		return as[string](v)
	case typ.Is(tftypes.Bool):
		return as[bool](v)
	case typ.Is(tftypes.Number):
		number, err := as[*big.Float](v)
		if err != nil {
			return nil, err
		}
		return json.Number(number.Text('f', -1)), nil
	case typ.Is(tftypes.List{}), typ.Is(tftypes.Set{}), typ.Is(tftypes.Tuple{}):
		elements, err := as[[]tftypes.Value](v)
		if err != nil {
			return nil, err
		}
		plain := make([]any, len(elements))
		for i, element := range elements {
			if plain[i], err = PlainValue(element); err != nil {
				return nil, err
			}
		}
		return plain, nil
	case typ.Is(tftypes.Map{}), typ.Is(tftypes.Object{}):
		elements, err := as[map[string]tftypes.Value](v)
		if err != nil {
			return nil, err
		}
		plain := make(map[string]any, len(elements))
		for key, element := range elements {
			if plain[key], err = PlainValue(element); err != nil {
				return nil, err
			}
		}
		return plain, nil
	}
	return nil, fmt.Errorf("a value of type %s has no place in a document", v.Type())
}

func as[T any](v tftypes.Value) (T, error) {
	var out T
	if err := v.As(&out); err != nil {
		return out, fmt.Errorf("read a %s: %w", reflect.TypeFor[T](), err)
	}
	return out, nil
}
