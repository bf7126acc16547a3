package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// keyValue is one --attribute key=value.
type keyValue struct{ key, value string }

func keyValues(given []string) ([]keyValue, error) {
	pairs := make([]keyValue, len(given))
	for i, text := range given {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, usageErrorf("--attribute %q is not of the form key=value", text)
		}
		pairs[i] = keyValue{key, value}
	}
	return pairs, nil
}

func declaredAttributes(list []api.Attribute) governance.Attributes {
	documents := make([]governance.Attribute, len(list))
	for i, a := range list {
		documents[i] = a.Attribute
	}
	return governance.NewAttributes(documents)
}

// attributeValues writes values as their attributes are declared. A list takes
// its key once for each element.
func attributeValues(declared governance.Attributes, of governance.AttributeObject, pairs []keyValue) (map[string]json.RawMessage, error) {
	given := map[string]any{}
	for _, pair := range pairs {
		attribute, ok := declared.Get(of, pair.key)
		if !ok {
			return nil, usageErrorf("--attribute %s: %s", pair.key, declared.Undeclared(of, pair.key))
		}
		if attribute.Type == governance.ListAttribute {
			list, _ := given[pair.key].([]string)
			given[pair.key] = append(list, pair.value)
			continue
		}
		if _, twice := given[pair.key]; twice {
			return nil, usageErrorf("--attribute %s is given twice, and it is declared as %s", pair.key, attribute.Type)
		}
		given[pair.key] = typed(attribute.Type, pair.value)
	}
	values := make(map[string]json.RawMessage, len(given))
	for name, value := range given {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("write the attribute %s: %w", name, err)
		}
		values[name] = text
	}
	return values, nil
}

// typed is a text as the value that it stands for. One that is no number or bool
// stays a text, and is refused as one.
func typed(typ governance.AttributeType, text string) any {
	switch typ {
	case governance.IntAttribute:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case governance.BoolAttribute:
		if text == "true" || text == "false" {
			return text == "true"
		}
	}
	return text
}

// shownValues is "key=value" for each value, sorted, as they are written on the
// command line.
func shownValues(values map[string]json.RawMessage) string {
	var shown []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		var list []string
		if json.Unmarshal(values[name], &list) != nil {
			list = []string{plainText(values[name])}
		}
		for _, value := range list {
			shown = append(shown, printable(name+"="+value))
		}
	}
	return strings.Join(shown, ", ")
}

func plainText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}
