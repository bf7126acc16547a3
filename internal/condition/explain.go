package condition

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Outcome is what one part of a condition came to.
type Outcome string

// The outcomes of a part. Evaluation stops at the first part that is not true;
// the parts behind it are not evaluated.
const (
	OutcomeTrue         Outcome = "true"
	OutcomeFalse        Outcome = "false"
	OutcomeError        Outcome = "error"
	OutcomeNotEvaluated Outcome = "not_evaluated"
	// OutcomeUnknown: it depends on what is not known yet (only from Foresee).
	OutcomeUnknown Outcome = "unknown"
)

// Explanation is an evaluation with its reasons.
type Explanation struct {
	Result bool
	Err    *EvalError // nil unless the evaluation erred; then Result is false
	Parts  []Part     // the terms of the outermost &&, in order; one when there is none
}

// Part is one term of the outermost &&.
type Part struct {
	Range   Range
	Text    string // its source text
	Outcome Outcome
	Err     *EvalError // set when Outcome is OutcomeError
	Values  []Value    // the variables it names, each once; none when not evaluated
	// Behind says that evaluation had stopped before this part; Outcome is what
	// it would have come to (only from Trace).
	Behind bool
	// Decided is what settled the outcome, when that is less than the whole part
	// (only from Trace).
	Decided *Decided
}

// Value is a variable as an evaluation saw it, for display: texts in quotes,
// durations and times as conditions write them, null for what is absent.
type Value struct {
	Name string
	Text string
}

// part is a term of the outermost && in compiled form.
type part struct {
	at     Range
	eval   fn[bool]
	values []shown
}

type shown struct {
	name string
	text fn[string]
}

func (c *compiler) parts(tree *expr) []part {
	terms := conjunctsOf(tree)
	out := make([]part, len(terms))
	for i, term := range terms {
		out[i] = c.part(term)
	}
	return out
}

func (c *compiler) part(term *expr) part {
	return part{at: term.at, eval: c.bool(term), values: c.shownBy(term)}
}

// conjunctsOf are the terms of the outermost &&; the tree itself when it has none.
func conjunctsOf(tree *expr) []*expr {
	if tree.kind == kindAnd {
		return tree.args
	}
	return []*expr{tree}
}

func conjuncts(parts []part) []fn[bool] {
	out := make([]fn[bool], len(parts))
	for i, p := range parts {
		out[i] = p.eval
	}
	return out
}

// Explain decides like Eval and tells what each part came to and which values it
// saw.
func (p *Program) Explain(f *Frame) Explanation {
	result, err := p.Eval(f)
	out := Explanation{Result: result, Parts: make([]Part, len(p.parts))}
	stopped := errors.As(err, &out.Err) && out.Err == p.wrongFrame
	for i, part := range p.parts {
		told := Part{Range: part.at, Text: part.at.in(p.source), Outcome: OutcomeNotEvaluated}
		if !stopped {
			part.explain(f, &told)
			stopped = told.Outcome != OutcomeTrue
		}
		out.Parts[i] = told
	}
	return out
}

func (p part) explain(f *Frame, told *Part) {
	told.Outcome = p.outcome(f)
	told.Err = f.failure
	for _, value := range p.values {
		told.Values = append(told.Values, Value{Name: value.name, Text: value.text(f)})
	}
}

func (p part) outcome(f *Frame) Outcome {
	f.failure, f.scratch = nil, f.scratch[:0]
	switch holds := p.eval(f); {
	case f.failure != nil:
		return OutcomeError
	case holds:
		return OutcomeTrue
	}
	return OutcomeFalse
}

// shownBy finds the variables that a term names. A map that is indexed is shown
// by the indexed text, not as a whole.
func (c *compiler) shownBy(term *expr) []shown {
	var out []shown
	var visit func(*expr)
	visit = func(e *expr) {
		name := canonical(e)
		switch {
		case slices.ContainsFunc(out, func(s shown) bool { return s.name == name }):
		case e.kind == kindRef:
			out = append(out, shown{name, displayVariable(e.variable)})
		case e.kind == kindIndex:
			out = append(out, shown{name, c.displayIndexed(e)})
			visit(e.args[1])
		default:
			for _, arg := range e.args {
				visit(arg)
			}
		}
	}
	visit(term)
	return out
}

// displayVariable shows an attribute of an absent object as null, like the object.
func displayVariable(v *variable) fn[string] {
	return func(f *Frame) string {
		for object := v.parent; object != nil; object = object.parent {
			if object.slot >= 0 && f.cells[object.slot].state == cellNull {
				return "null"
			}
		}
		return f.cells[v.slot].display(v.typ)
	}
}

func (c *compiler) displayIndexed(e *expr) fn[string] {
	slot, key := e.args[0].variable.slot, c.string(e.args[1])
	return func(f *Frame) string {
		value, ok := f.cells[slot].dict[key(f)]
		if !ok {
			return "null"
		}
		return quote(value)
	}
}

func (c *cell) display(typ Type) string {
	switch {
	case c.state == cellNull:
		return "null"
	case c.state == cellUnknown:
		return "(not known yet)"
	case c.state == cellUnset:
		return "(no value)"
	}
	switch typ {
	case Bool:
		return strconv.FormatBool(c.num == 1)
	case Int:
		return strconv.FormatInt(c.num, 10)
	case Duration:
		return FormatDuration(time.Duration(c.num))
	case Time:
		return c.at.Format(time.RFC3339Nano)
	case Object:
		return "present"
	case String:
		return quote(c.text)
	case List(String):
		return "[" + joinQuoted(c.list) + "]"
	}
	return "a map of " + strconv.Itoa(len(c.dict))
}

func joinQuoted(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = quote(text)
	}
	return strings.Join(quoted, ", ")
}
