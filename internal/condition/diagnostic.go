package condition

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Code names a kind of finding in a source text. Codes are stable: tools and
// tests may rely on them.
type Code string

// Every code that a Diagnostic can carry.
const (
	CodeSyntax              Code = "syntax"               // not an HCL expression at all
	CodeTooLong             Code = "too_long"             // longer or deeper than a condition may be
	CodeUnsupportedSyntax   Code = "unsupported_syntax"   // HCL outside of the language: for, splat, objects
	CodeUnsupportedOperator Code = "unsupported_operator" // arithmetic
	CodeInterpolation       Code = "interpolation"        // ${…} or %{…} in a text
	CodeBadNumber           Code = "bad_number"           // a fraction, an exponent, or beyond 64 bits
	CodeUnknownName         Code = "unknown_name"         // no such variable or attribute
	CodeUndeclared          Code = "undeclared"           // an attribute that people declare, and nobody did
	CodeUnknownFunction     Code = "unknown_function"     // no such function
	CodeArgumentCount       Code = "argument_count"       // too few or too many arguments
	CodeTypeMismatch        Code = "type_mismatch"        // operand or argument of the wrong type
	CodeNotBoolean          Code = "not_boolean"          // the whole condition is not true or false
	CodeNotIndexable        Code = "not_indexable"        // […] on something that is not a map
	CodeUnguardedOptional   Code = "unguarded_optional"   // may be null here
	CodeNeverNull           Code = "never_null"           // compared to null, yet always set
	CodeNullMisuse          Code = "null_misuse"          // null outside == and !=
	CodeEmptyList           Code = "empty_list"           // a list without elements
	CodeMixedList           Code = "mixed_list"           // elements of different types
	CodeLiteralRequired     Code = "literal_required"     // this argument must be written out
	CodeBadRegex            Code = "bad_regex"            // not an RE2 expression
	CodeBadDuration         Code = "bad_duration"         // not in the duration grammar
	CodeBadTime             Code = "bad_time"             // not an RFC 3339 time
	CodeBadZone             Code = "bad_zone"             // not a time zone name
	CodeBadCIDR             Code = "bad_cidr"             // not an address range
	CodeUnknownValue        Code = "unknown_value"        // compared with a text it can never be
	CodeConstantCondition   Code = "constant_condition"   // always true or always false
)

// Diagnostic is one finding in a source text: what is wrong, where, and the
// mend.
type Diagnostic struct {
	Code       Code
	Range      Range
	Text       string // the offending source text
	Message    string // what is wrong, one sentence without a full stop
	Suggestion string // the mend; empty when none is known
}

// Error is "line:column: message; mend (at the text)".
func (d Diagnostic) Error() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s", d.Range, d.Message)
	if d.Suggestion != "" {
		fmt.Fprintf(&out, "; %s", d.Suggestion)
	}
	if d.Text != "" {
		fmt.Fprintf(&out, " (at %s)", shorten(d.Text))
	}
	return out.String()
}

// Diagnostics are all findings in one source text, in the order of the text.
type Diagnostics []Diagnostic

// Error is one line for each finding.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Err is ds as an error, nil when there is no finding.
func (ds Diagnostics) Err() error {
	if len(ds) == 0 {
		return nil
	}
	return ds
}

func (ds Diagnostics) inTextOrder() Diagnostics {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte)
	})
	return ds
}

// shorten keeps a message on one line of readable length.
func shorten(text string) string {
	const limit = 60
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}
