package policyenv

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// Owner is what custom attributes are declared for; its text is the variable
// that conditions see them under.
type Owner string

// The owners.
const (
	OfIdentity Owner = "identity"
	OfEvent    Owner = "event"
)

// Attribute is a custom attribute that was declared. Conditions see it as
// identity.attributes.<name> or event.attributes.<name>; it may be null.
type Attribute struct {
	Of   Owner
	Name string
	Type condition.Type // a scalar or List(String)
	Doc  string
}

// Variable is the attribute as conditions write it.
func (a Attribute) Variable() string { return string(a.Of) + ".attributes." + a.Name }

// Attributes are all that were declared.
type Attributes []Attribute

// Values are the custom attributes of one identity or event by name, as
// ReadValue gives them. What is not in it is null. A condition that reads a value
// of another type than its attribute's errs, and so denies.
type Values map[string]any

// AttributesRead lists the custom attributes of an owner that a condition reads,
// declared or not.
func AttributesRead(src string, of Owner) []string {
	var out []string
	for _, path := range condition.Names(src) {
		if rest, ok := strings.CutPrefix(path, string(of)+".attributes."); ok {
			name, _, _ := strings.Cut(rest, ".")
			out = append(out, name)
		}
	}
	return out
}

// declareMend is how an attribute that nobody declared comes about.
const declareMend = "declare it with stint_attribute"

// extensible declares the objects that custom attributes belong to.
func extensible[In any](owners ...Owner) []field[In] {
	out := make([]field[In], len(owners))
	for i, of := range owners {
		out[i] = field[In]{Variable: Variable{Name: string(of) + ".attributes", Type: condition.Object}, declare: declareMend}
	}
	return out
}

// fields are the rows that the attributes of one owner add to a schema.
func attributeFields[In any](all Attributes, of Owner, values func(*In) (Values, bool)) []field[In] {
	var out []field[In]
	for _, a := range all {
		if a.Of != of {
			continue
		}
		out = append(out, field[In]{
			Variable: Variable{Name: a.Variable(), Type: a.Type, Optional: true, Doc: a.Doc},
			fill: func(f *condition.Frame, at condition.Slot, in *In) {
				if values, ok := values(in); ok {
					setValue(f, at, a.Type, values[a.Name])
				}
			},
		})
	}
	return out
}

// setValue leaves a value of another type unset, which is an error when it is
// read: null would open what a guardrail closes.
func setValue(f *condition.Frame, at condition.Slot, typ condition.Type, value any) {
	switch value := value.(type) {
	case nil:
		f.SetNull(at)
	case string:
		if typ == condition.String {
			f.SetString(at, value)
		}
	case bool:
		if typ == condition.Bool {
			f.SetBool(at, value)
		}
	case int64:
		if typ == condition.Int {
			f.SetInt(at, value)
		}
	case time.Duration:
		if typ == condition.Duration {
			f.SetDuration(at, value)
		}
	case time.Time:
		if typ == condition.Time {
			f.SetTime(at, value)
		}
	case []string:
		if typ == condition.List(condition.String) {
			f.SetStrings(at, value)
		}
	}
}

// ReadValue reads one attribute's value from JSON: a string, bool, int64,
// time.Duration (from a text like 1h30m), time.Time (from an RFC 3339 text) or
// []string. The error says what is there instead and tells the mend.
func ReadValue(typ condition.Type, data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var raw any
	if err := decoder.Decode(&raw); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("it is not one JSON value: there is text behind it")
	}
	if raw == nil {
		return nil, errors.New("it is null; leave it away or give it a value")
	}
	switch typ {
	case condition.Int:
		if number, ok := raw.(json.Number); ok {
			return readInt(number)
		}
	case condition.Bool:
		if value, ok := raw.(bool); ok {
			return value, nil
		}
	case condition.List(condition.String):
		if list, ok := raw.([]any); ok {
			return paramList(list)
		}
	default:
		if text, ok := raw.(string); ok {
			return readText(typ, text)
		}
	}
	return nil, wrongType(typ, raw)
}

func readInt(number json.Number) (any, error) {
	n, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%s is not a whole number of 64 bits", number)
	}
	return n, nil
}

func readText(typ condition.Type, text string) (any, error) {
	switch typ {
	case condition.Duration:
		return condition.ParseDuration(text)
	case condition.Time:
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a time; write it like 2026-12-31T17:00:00Z", text)
		}
		return at, nil
	}
	return text, nil
}

func wrongType(typ condition.Type, raw any) error {
	is, text := written(raw)
	mend := ""
	switch _, err := strconv.ParseInt(text, 10, 64); {
	case typ == condition.String && text != "":
		mend = fmt.Sprintf("; write %q in quotes", text)
	case typ == condition.Int && err == nil, typ == condition.Bool && (text == "true" || text == "false"):
		mend = fmt.Sprintf("; write %s without quotes", text)
	case typ == condition.Duration:
		mend = `; write it like "1h30m"`
	case typ == condition.Time:
		mend = `; write it like "2026-12-31T17:00:00Z"`
	case typ == condition.List(condition.String):
		mend = `; write a list of texts, like ["a", "b"]`
	}
	return fmt.Errorf("it is declared as %s; this is %s%s", typ, is, mend)
}

// written says what a decoded value is, and how a single one is written.
func written(raw any) (is, text string) {
	switch value := raw.(type) {
	case string:
		return "a string", value
	case bool:
		return "a bool", strconv.FormatBool(value)
	case json.Number:
		return "a number", value.String()
	case []any:
		return "a list", ""
	}
	return "an object", ""
}
