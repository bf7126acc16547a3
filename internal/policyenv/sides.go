package policyenv

import (
	"slices"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// CodeOneSided marks a condition that does not look at all that it is to tell
// apart: a correlation that would give one account to everybody, a condition on
// approvers that would name everybody.
const CodeOneSided condition.Code = "one_sided_correlation"

// sides are the objects that a condition has to look at, every one of them.
type sides struct {
	roots               []string
	message, suggestion string
}

// unseen reports a condition without other findings that leaves one out.
func (x sides) unseen(src string, found condition.Diagnostics) condition.Diagnostics {
	names := condition.Names(src)
	left := slices.ContainsFunc(x.roots, func(root string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return name == root || strings.HasPrefix(name, root+".") })
	})
	if len(found) > 0 || !left {
		return nil
	}
	start := condition.Pos{Line: 1, Column: 1}
	return condition.Diagnostics{{
		Code: CodeOneSided, Range: condition.Range{Start: start, End: start}, Text: src, Message: x.message, Suggestion: x.suggestion,
	}}
}

// compileSided checks and compiles a condition, where the given attributes are
// declared. The program is nil when there is any finding.
func compileSided[In any](build func(Attributes) (*schema[In], error), attributes Attributes, src string, demanded sides) (*program[In], condition.Diagnostics) {
	s, err := build(attributes)
	if err != nil {
		return nil, badParameter(err)
	}
	p, diags := s.compile(src)
	if diags = append(diags, demanded.unseen(src, diags)...); len(diags) > 0 {
		return nil, diags
	}
	return p, nil
}

// checkSided finds what compileSided would before it is known which attributes
// are declared.
func checkSided[In any](build func(Attributes) (*schema[In], error), src string, demanded sides) condition.Diagnostics {
	s, err := build(nil)
	if err != nil {
		panic(err) // the table itself is wrong; every test of this package meets it
	}
	diags := condition.CheckEarly(src, s.env)
	return append(diags, demanded.unseen(src, diags)...)
}
