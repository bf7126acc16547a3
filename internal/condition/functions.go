package condition

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"time"
	_ "time/tzdata" // zone names mean the same on a machine without a zone database
)

// Function documents one function of the language.
type Function struct {
	Name      string
	Signature string
	Params    []string // what each argument must be, in words
	Result    Type
	Doc       string
}

// Functions lists every function of the language in alphabetical order.
func Functions() []Function {
	out := make([]Function, 0, len(functions))
	for name, f := range functions {
		out = append(out, Function{Name: name, Signature: f.usage, Params: f.paramWords(), Result: f.result, Doc: f.doc})
	}
	slices.SortFunc(out, func(a, b Function) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}

// builtin is one row of the table: what it takes, what it gives.
type builtin struct {
	params []param
	result Type
	usage  string
	doc    string
}

func (f builtin) paramWords() []string {
	out := make([]string, len(f.params))
	for i, p := range f.params {
		switch p.accepts {
		case exactly:
			out[i] = p.typ.one()
		case anyList:
			out[i] = "a list"
			if i > 0 {
				out[i] = "a list of the same type"
			}
		case element:
			out[i] = "a value of the type that the list holds"
		case countable:
			out[i] = "a string, a list or a map"
		case literal:
			out[i] = "a string that is written out, or a parameter"
		}
	}
	return out
}

// param is what one argument must be.
type param struct {
	accepts accepts
	typ     Type // for exactly
	// bind reads a literal argument at check time; the program uses what it
	// returns. Set only for literal.
	bind func(text string) (any, error)
	code Code // of a literal that cannot be read
}

type accepts uint8

const (
	exactly   accepts = iota // the type typ
	anyList                  // a list of scalars
	element                  // the element type of the list before it
	countable                // a string, list or map
	literal                  // a written text that bind can read
)

var functions = map[string]builtin{
	"contains": {
		params: []param{{accepts: anyList}, {accepts: element}}, result: Bool,
		usage: "contains(list, value) bool",
		doc:   "True when the list has an element equal to value.",
	},
	"anyof": {
		params: []param{{accepts: anyList}, {accepts: anyList}}, result: Bool,
		usage: "anyof(list, values) bool",
		doc:   "True when the list has at least one of the values.",
	},
	"allof": {
		params: []param{{accepts: anyList}, {accepts: anyList}}, result: Bool,
		usage: "allof(list, values) bool",
		doc:   "True when the list has every one of the values.",
	},
	"startswith": {
		params: []param{{typ: String}, {typ: String}}, result: Bool,
		usage: "startswith(text, prefix) bool",
		doc:   "True when the text begins with prefix.",
	},
	"endswith": {
		params: []param{{typ: String}, {typ: String}}, result: Bool,
		usage: "endswith(text, suffix) bool",
		doc:   "True when the text ends with suffix.",
	},
	"matches": {
		params: []param{{typ: String}, {accepts: literal, bind: bindRegex, code: CodeBadRegex}}, result: Bool,
		usage: `matches(text, "regular expression") bool`,
		doc:   "True when the RE2 expression, a written text, is found in text; anchor it with ^ and $ to match the whole.",
	},
	"lower": {
		params: []param{{typ: String}}, result: String,
		usage: "lower(text) string",
		doc:   "The text in lower case.",
	},
	"length": {
		params: []param{{accepts: countable}}, result: Int,
		usage: "length(value) int",
		doc:   "How many elements a list or map has, or how many Unicode code points a string has.",
	},
	"duration": {
		params: []param{{accepts: literal, bind: bindDuration, code: CodeBadDuration}}, result: Duration,
		usage: `duration("1h30m") duration`,
		doc:   "A span of time, written with the units d, h, m, s, largest first.",
	},
	"time": {
		params: []param{{accepts: literal, bind: bindTime, code: CodeBadTime}}, result: Time,
		usage: `time("2026-12-31T17:00:00Z") time`,
		doc:   "A point in time, written as RFC 3339.",
	},
	"weekday": {
		params: []param{{typ: Time}, {accepts: literal, bind: bindZone, code: CodeBadZone}}, result: String,
		usage: `weekday(time, "Europe/Berlin") string`,
		doc:   "The English name of the day in the named zone, in lower case: monday to sunday.",
	},
	"hour": {
		params: []param{{typ: Time}, {accepts: literal, bind: bindZone, code: CodeBadZone}}, result: Int,
		usage: `hour(time, "Europe/Berlin") int`,
		doc:   "The hour of the day in the named zone, 0 to 23.",
	},
	"cidrcontains": {
		params: []param{{accepts: literal, bind: bindCIDR, code: CodeBadCIDR}, {typ: String}}, result: Bool,
		usage: `cidrcontains("10.0.0.0/8", address) bool`,
		doc:   "True when the range, a written text, contains the IP address. A text that is not an address is an evaluation error.",
	},
}

func functionNames() []string {
	names := make([]string, 0, len(functions))
	for name := range functions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func bindRegex(text string) (any, error) {
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("%w; use RE2 syntax and write each backslash twice", err)
	}
	return re, nil
}

func bindDuration(text string) (any, error) {
	return ParseDuration(text)
}

func bindTime(text string) (any, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a time; write it like 2026-12-31T17:00:00Z", text)
	}
	return t.UTC(), nil
}

func bindZone(text string) (any, error) {
	zone, err := time.LoadLocation(text)
	if err != nil || text == "" || text == "Local" {
		return nil, fmt.Errorf("%q is not a time zone; use a name like UTC or Europe/Berlin", text)
	}
	return zone, nil
}

func bindCIDR(text string) (any, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address range; write it like 10.0.0.0/8 or 2001:db8::/32", text)
	}
	if prefix != prefix.Masked() {
		return nil, fmt.Errorf("%q has address bits behind its length; write %s", text, prefix.Masked())
	}
	return prefix, nil
}
