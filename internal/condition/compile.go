package condition

import (
	"time"
	"unsafe"
)

// fn computes one typed value from a frame. Where something goes wrong it notes
// the error in the frame and returns the zero value; the evaluation as a whole
// then is that error, whatever else was computed.
type fn[T any] func(*Frame) T

// compiler turns a checked tree into closures. It relies on the checker: a tree
// with findings must not reach it.
type compiler struct {
	src string
}

func (c *compiler) bool(e *expr) fn[bool] {
	switch e.kind {
	case kindLiteral:
		value := e.num == 1
		return func(*Frame) bool { return value }
	case kindRef:
		slot, unset := e.variable.slot, c.unset(e)
		return func(f *Frame) bool { return f.read(slot, unset).num == 1 }
	case kindNot:
		operand := c.bool(e.args[0])
		return func(f *Frame) bool { return !operand(f) }
	case kindAnd:
		return all(c.bools(e.args))
	case kindOr:
		return some(c.bools(e.args))
	case kindCompare:
		return c.compare(e)
	case kindCond:
		return choose(c.bool(e.args[0]), c.bool(e.args[1]), c.bool(e.args[2]))
	}
	return c.boolCall(e)
}

func (c *compiler) string(e *expr) fn[string] {
	switch e.kind {
	case kindLiteral:
		value := e.text
		return func(*Frame) string { return value }
	case kindRef:
		slot, unset := e.variable.slot, c.unset(e)
		return func(f *Frame) string { return f.read(slot, unset).text }
	case kindIndex:
		slot, unset, key := e.args[0].variable.slot, c.unset(e.args[0]), c.string(e.args[1])
		return func(f *Frame) string { return f.read(slot, unset).dict[key(f)] }
	case kindCond:
		return choose(c.bool(e.args[0]), c.string(e.args[1]), c.string(e.args[2]))
	}
	return c.stringCall(e)
}

func (c *compiler) int(e *expr) fn[int64] {
	switch e.kind {
	case kindLiteral:
		value := e.num
		return func(*Frame) int64 { return value }
	case kindRef:
		slot, unset := e.variable.slot, c.unset(e)
		return func(f *Frame) int64 { return f.read(slot, unset).num }
	case kindCond:
		return choose(c.bool(e.args[0]), c.int(e.args[1]), c.int(e.args[2]))
	}
	return c.intCall(e)
}

func (c *compiler) duration(e *expr) fn[time.Duration] {
	switch e.kind {
	case kindRef:
		slot, unset := e.variable.slot, c.unset(e)
		return func(f *Frame) time.Duration { return time.Duration(f.read(slot, unset).num) }
	case kindCond:
		return choose(c.bool(e.args[0]), c.duration(e.args[1]), c.duration(e.args[2]))
	}
	value := e.bound.(time.Duration)
	return func(*Frame) time.Duration { return value }
}

func (c *compiler) time(e *expr) fn[time.Time] {
	switch e.kind {
	case kindRef:
		slot, unset := e.variable.slot, c.unset(e)
		return func(f *Frame) time.Time { return f.read(slot, unset).at }
	case kindCond:
		return choose(c.bool(e.args[0]), c.time(e.args[1]), c.time(e.args[2]))
	}
	value := e.bound.(time.Time)
	return func(*Frame) time.Time { return value }
}

func (c *compiler) bools(terms []*expr) []fn[bool] {
	out := make([]fn[bool], len(terms))
	for i, term := range terms {
		out[i] = c.bool(term)
	}
	return out
}

// all is &&: from left to right, to the first false. A term that erred may let
// others follow it, which cannot take its error back.
func all(terms []fn[bool]) fn[bool] {
	return func(f *Frame) bool {
		for _, term := range terms {
			if !term(f) {
				return false
			}
		}
		return true
	}
}

// some is ||: from left to right, to the first true.
func some(terms []fn[bool]) fn[bool] {
	return func(f *Frame) bool {
		for _, term := range terms {
			if term(f) {
				return true
			}
		}
		return false
	}
}

func choose[T any](test fn[bool], then, otherwise fn[T]) fn[T] {
	return func(f *Frame) T {
		if test(f) {
			return then(f)
		}
		return otherwise(f)
	}
}

// nothing is what reading an unset variable gives.
var nothing cell

// read is the cell of a variable that must hold a value here.
func (f *Frame) read(slot Slot, unset *EvalError) *cell {
	c := &f.cells[slot]
	if c.state != cellSet {
		f.fail(unset)
		return &nothing
	}
	return c
}

func (c *compiler) unset(e *expr) *EvalError {
	return c.evalError(EvalUnset, e, canonical(e)+" has no value")
}

func (c *compiler) evalError(code EvalCode, e *expr, message string) *EvalError {
	return &EvalError{Code: code, Range: e.at, Text: e.at.in(c.src), Message: message}
}

// keep moves a text made while evaluating into the frame's scratch space, whose
// room is used again by the next evaluation.
func (f *Frame) keep(start int) string {
	made := f.scratch[start:]
	return unsafe.String(unsafe.SliceData(made), len(made))
}
