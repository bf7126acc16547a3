package fwconv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// State translates what the server answered to the state of a resource. Members
// that the schema does not have are left out; what is absent has its default or
// is null. prior is the plan or the state before: a dynamic value that means the
// same keeps its type from there.
func State(ctx context.Context, s schema.Schema, object any, prior tftypes.Value) (tftypes.Value, error) {
	plain, err := Plain(object)
	if err != nil {
		return tftypes.Value{}, err
	}
	r := reader{ctx: ctx}
	return r.object(s.Attributes, s.Type().TerraformType(ctx), plain, prior)
}

// Plain is a value as encoding/json writes and reads it, with json.Number for
// numbers.
func Plain(value any) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("write %T as JSON: %w", value, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		return nil, fmt.Errorf("read the JSON of %T: %w", value, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the JSON of %T: something follows it", value)
	}
	return plain, nil
}

type reader struct{ ctx context.Context }

func (r reader) object(attributes map[string]schema.Attribute, typ tftypes.Type, plain any, prior tftypes.Value) (tftypes.Value, error) {
	members, ok := plain.(map[string]any)
	if !ok {
		return tftypes.Value{}, fmt.Errorf("an object was expected, %T came", plain)
	}
	object, ok := typ.(tftypes.Object)
	if !ok {
		return tftypes.Value{}, fmt.Errorf("the schema has %s where an object is", typ)
	}
	values := make(map[string]tftypes.Value, len(attributes))
	for name, a := range attributes {
		v, err := r.attribute(a, object.AttributeTypes[name], members[name], member(prior, name))
		if err != nil {
			return tftypes.Value{}, fmt.Errorf("%s: %w", name, err)
		}
		values[name] = v
	}
	return tftypes.NewValue(typ, values), nil
}

// member is a part of a value that may be absent, null or unknown as a whole.
func member(v tftypes.Value, name string) tftypes.Value {
	var members map[string]tftypes.Value
	if v.Type() == nil || v.IsNull() || !v.IsKnown() || v.As(&members) != nil {
		return tftypes.Value{}
	}
	return members[name]
}

func (r reader) attribute(a schema.Attribute, typ tftypes.Type, plain any, prior tftypes.Value) (tftypes.Value, error) {
	if plain == nil {
		given, ok, err := defaultOf(r.ctx, a)
		if err != nil || ok {
			return given, err
		}
	}
	switch a := a.(type) {
	case schema.SingleNestedAttribute:
		if plain != nil {
			return r.object(a.Attributes, typ, plain, prior)
		}
	case schema.MapNestedAttribute:
		return r.nestedMap(a.NestedObject.Attributes, typ, plain)
	case schema.ListNestedAttribute:
		return r.nestedList(a.NestedObject.Attributes, typ, plain)
	case schema.DynamicAttribute:
		return r.dynamic(plain, prior)
	}
	return Value(typ, plain)
}

func (r reader) nestedMap(attributes map[string]schema.Attribute, typ tftypes.Type, plain any) (tftypes.Value, error) {
	members, _ := plain.(map[string]any)
	values := make(map[string]tftypes.Value, len(members))
	for key, one := range members {
		v, err := r.object(attributes, typ.(tftypes.Map).ElementType, one, tftypes.Value{})
		if err != nil {
			return tftypes.Value{}, fmt.Errorf("%q: %w", key, err)
		}
		values[key] = v
	}
	return tftypes.NewValue(typ, values), nil
}

func (r reader) nestedList(attributes map[string]schema.Attribute, typ tftypes.Type, plain any) (tftypes.Value, error) {
	members, _ := plain.([]any)
	values := make([]tftypes.Value, len(members))
	for i, one := range members {
		v, err := r.object(attributes, typ.(tftypes.List).ElementType, one, tftypes.Value{})
		if err != nil {
			return tftypes.Value{}, fmt.Errorf("[%d]: %w", i, err)
		}
		values[i] = v
	}
	return tftypes.NewValue(typ, values), nil
}

func (r reader) dynamic(plain any, prior tftypes.Value) (tftypes.Value, error) {
	if prior.Type() != nil && prior.IsFullyKnown() {
		before, err := PlainValue(prior)
		empty := plain == nil && (before == nil || reflect.DeepEqual(before, map[string]any{}))
		if err == nil && (empty || reflect.DeepEqual(before, plain)) {
			return prior, nil
		}
	}
	return Value(typeOf(plain), plain)
}

// typeOf is the type that HCL gives a literal with these values.
func typeOf(plain any) tftypes.Type {
	switch plain := plain.(type) {
	case string:
		return tftypes.String
	case bool:
		return tftypes.Bool
	case json.Number:
		return tftypes.Number
	case []any:
		elements := make([]tftypes.Type, len(plain))
		for i, one := range plain {
			elements[i] = typeOf(one)
		}
		return tftypes.Tuple{ElementTypes: elements}
	case map[string]any:
		members := make(map[string]tftypes.Type, len(plain))
		for key, one := range plain {
			members[key] = typeOf(one)
		}
		return tftypes.Object{AttributeTypes: members}
	}
	return tftypes.DynamicPseudoType
}

// Value translates a plain value to one of a type; absent members are null.
func Value(typ tftypes.Type, plain any) (tftypes.Value, error) {
	if plain == nil {
		return tftypes.NewValue(typ, nil), nil
	}
	switch typ := typ.(type) {
	case tftypes.Object:
		members, ok := plain.(map[string]any)
		if !ok {
			return tftypes.Value{}, fmt.Errorf("an object was expected, %T came", plain)
		}
		values := make(map[string]tftypes.Value, len(members))
		for _, name := range slices.Sorted(maps.Keys(typ.AttributeTypes)) {
			v, err := Value(typ.AttributeTypes[name], members[name])
			if err != nil {
				return tftypes.Value{}, fmt.Errorf("%s: %w", name, err)
			}
			values[name] = v
		}
		return tftypes.NewValue(typ, values), nil
	case tftypes.Map:
		members, ok := plain.(map[string]any)
		if !ok {
			return tftypes.Value{}, fmt.Errorf("a map was expected, %T came", plain)
		}
		values := make(map[string]tftypes.Value, len(members))
		for key, one := range members {
			v, err := Value(typ.ElementType, one)
			if err != nil {
				return tftypes.Value{}, fmt.Errorf("%q: %w", key, err)
			}
			values[key] = v
		}
		return tftypes.NewValue(typ, values), nil
	case tftypes.List:
		return sequence(typ, func(int) tftypes.Type { return typ.ElementType }, plain)
	case tftypes.Set:
		return sequence(typ, func(int) tftypes.Type { return typ.ElementType }, plain)
	case tftypes.Tuple:
		return sequence(typ, func(i int) tftypes.Type { return typ.ElementTypes[i] }, plain)
	}
	return scalar(typ, plain)
}

func sequence(typ tftypes.Type, element func(int) tftypes.Type, plain any) (tftypes.Value, error) {
	members, ok := plain.([]any)
	if !ok {
		return tftypes.Value{}, fmt.Errorf("a list was expected, %T came", plain)
	}
	values := make([]tftypes.Value, len(members))
	for i, one := range members {
		v, err := Value(element(i), one)
		if err != nil {
			return tftypes.Value{}, fmt.Errorf("[%d]: %w", i, err)
		}
		values[i] = v
	}
	return tftypes.NewValue(typ, values), nil
}

func scalar(typ tftypes.Type, plain any) (tftypes.Value, error) {
	if number, ok := plain.(json.Number); ok {
		exact, err := exactNumber(number)
		if err != nil {
			return tftypes.Value{}, err
		}
		plain = exact
	}
	if err := tftypes.ValidateValue(typ, plain); err != nil {
		return tftypes.Value{}, err
	}
	return tftypes.NewValue(typ, plain), nil
}
