package condition

import (
	"slices"
	"strings"
	"time"
)

// Expression is an expression of the language that gives a value rather than a
// decision, checked and compiled. It is safe for concurrent use, each goroutine
// with a frame of its own.
type Expression struct {
	env        *Env
	eval       fn[any]
	wrongFrame *EvalError
}

// CompileExpression parses, checks and compiles an expression whose value is of a
// scalar type, as strictly as Compile. With values, no text that it is written
// to give is another. It returns all findings at once; the expression is nil when
// there is any.
func CompileExpression(src string, env *Env, want Type, values ...string) (*Expression, Diagnostics) {
	tree, diags := parse(src)
	if tree == nil {
		return nil, diags
	}
	c := &checker{env: env, src: src}
	c.expression(tree, want, values)
	if diags = append(diags, c.diags...); len(diags) > 0 {
		return nil, diags.inTextOrder()
	}
	made := &compiler{src: src}
	return &Expression{env: env, eval: made.value(tree), wrongFrame: made.evalError(EvalWrongFrame, tree, "the frame belongs to another schema")}, nil
}

// CheckExpressionEarly finds what CompileExpression would, save what takes to know
// the attributes of extensible objects.
func CheckExpressionEarly(src string, env *Env, want Type, values ...string) Diagnostics {
	tree, diags := parse(src)
	if tree == nil {
		return diags
	}
	c := &checker{env: env, src: src, early: true}
	c.expression(tree, want, values)
	return append(diags, c.diags...).inTextOrder()
}

func (c *checker) expression(tree *expr, want Type, values []string) {
	c.expr(tree, facts{})
	if t := tree.typ; t != invalidType && t != want {
		c.report(CodeTypeMismatch, tree, "write an expression of the type "+want.String(), "the expression is %s, and %s is wanted", t.one(), want.one())
		tree.typ = invalidType
	}
	if values != nil {
		c.given(tree, values)
	}
	if !tree.isLiteral() {
		c.constants(tree)
	}
}

// given reports written results that are none of the values.
func (c *checker) given(e *expr, values []string) {
	switch {
	case e.kind == kindCond:
		c.given(e.args[1], values)
		c.given(e.args[2], values)
	case e.kind == kindLiteral && e.typ == String && !slices.Contains(values, e.text):
		c.report(CodeTypeMismatch, e, "use one of "+strings.Join(values, ", "), "%q is none of the values that are wanted here", e.text)
	}
}

func (c *compiler) value(e *expr) fn[any] {
	switch e.typ {
	case Bool:
		return boxed(c.bool(e))
	case Int:
		return boxed(c.int(e))
	case Duration:
		return boxed(c.duration(e))
	case Time:
		return boxed(c.time(e))
	}
	text := c.string(e)
	return func(f *Frame) any { return strings.Clone(text(f)) } // it may lie in the frame's scratch space
}

func boxed[T bool | int64 | time.Duration | time.Time](eval fn[T]) fn[any] {
	return func(f *Frame) any { return eval(f) }
}

// Eval gives the value on the values in the frame: a string, bool, int64,
// time.Duration or time.Time. An error is always a *EvalError.
func (e *Expression) Eval(f *Frame) (any, error) {
	if f.env != e.env {
		return nil, e.wrongFrame
	}
	f.failure, f.scratch = nil, f.scratch[:0]
	value := e.eval(f)
	if f.failure != nil {
		return nil, f.failure
	}
	return value, nil
}
