package governance

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a declared object or a request: where
// it is, what is wrong, and the mend.
type Problem struct {
	// Field is the dotted path of the member, with map keys and list indexes
	// in brackets: `duties["create"].entitlements[0]`.
	Field string `json:"field"`
	// Code is stable; programs decide on it.
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Problem codes.
const (
	CodeRequired         = "required"
	CodeInvalid          = "invalid"
	CodeUnknownReference = "unknown_reference"
	CodeCondition        = "condition"
	CodeConflict         = "conflict"
)

// Problems is every problem of one object, as an error.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Field + ": " + problem.Message
	}
	return strings.Join(lines, "; ")
}

// Err is the problems as an error, or nil when there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

func (p *Problems) add(field, code, format string, args ...any) {
	*p = append(*p, Problem{Field: field, Code: code, Message: fmt.Sprintf(format, args...)})
}

// oneOf demands that value is one of allowed.
func oneOf[T ~string](p *Problems, field string, value T, allowed ...T) {
	for _, a := range allowed {
		if value == a {
			return
		}
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	p.add(field, CodeInvalid, "%q is not one of %s", string(value), strings.Join(names, ", "))
}
