package condition

import "fmt"

// remains is what the subjects of comparisons can still be when the comparisons
// before all hold. Subjects go by their canonical text.
type remains struct {
	bounds map[string]interval // of numbers, durations and times
	texts  map[string]string   // what a text must be
	values map[string][]string // of texts with a closed set of values
}

func newRemains() remains {
	return remains{bounds: map[string]interval{}, texts: map[string]string{}, values: map[string][]string{}}
}

// narrow takes away what "subject operator fixed" rules out. It says why nothing
// is left, or "" when something is.
func (r remains) narrow(subject *expr, operator string, fixed *expr) string {
	if value, ok := fixedValue(fixed); ok {
		return r.narrowBounds(subject, where(operator, value))
	}
	name := canonical(subject)
	if operator == "==" {
		if before, seen := r.texts[name]; seen && before != fixed.text {
			return fmt.Sprintf("%s cannot be both %s and %s", name, quote(before), quote(fixed.text))
		}
		r.texts[name] = fixed.text
	}
	values, seen := r.values[name]
	if !seen {
		values = possibleValues(subject)
	}
	if values == nil {
		return ""
	}
	r.values[name] = without(values, func(value string) bool { return (value == fixed.text) != (operator == "==") })
	// With one comparison nothing is left only if it names an unknown value.
	if seen && len(r.values[name]) == 0 {
		return fmt.Sprintf("%s has no other value", name)
	}
	return ""
}

func (r remains) narrowBounds(subject *expr, allowed interval) string {
	name := canonical(subject)
	before, seen := r.bounds[name]
	if !seen {
		before = naturalBounds(subject)
	}
	r.bounds[name] = before.and(allowed)
	if seen && r.bounds[name].isEmpty() {
		return fmt.Sprintf("of %s no value is left", name)
	}
	return ""
}
