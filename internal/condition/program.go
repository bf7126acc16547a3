package condition

import (
	"fmt"
	"sync"
)

// EvalCode names a kind of evaluation error. Codes are stable.
type EvalCode string

// Every code that an EvalError can carry.
const (
	EvalUnset      EvalCode = "unset"       // a variable was never set in the frame
	EvalBadAddress EvalCode = "bad_address" // cidrcontains met a text that is not an IP address
	EvalWrongFrame EvalCode = "wrong_frame" // the frame belongs to another Env
)

// EvalError says which part of a condition could not be evaluated, and why.
type EvalError struct {
	Code    EvalCode
	Range   Range
	Text    string // the source text of that part
	Message string
}

func (e *EvalError) Error() string {
	return fmt.Sprintf("%s: %s (at %s)", e.Range, e.Message, shorten(e.Text))
}

// Program is a condition that was checked and compiled. It is safe for
// concurrent use, each goroutine with a frame of its own.
type Program struct {
	env        *Env
	source     string
	tree       *expr
	root       fn[bool]
	parts      []part
	reads      []bool // by slot
	wrongFrame *EvalError

	foreseen  sync.Once
	prospects []fn[Prospect] // of parts

	traced    sync.Once
	decisions []*decision // of parts
}

// Compile parses, checks and compiles a condition. It returns all findings at
// once; the program is nil when there is any.
func Compile(src string, env *Env) (*Program, Diagnostics) {
	tree, diags := parse(src)
	if tree == nil {
		return nil, diags
	}
	if diags = append(diags, check(tree, src, env)...); len(diags) > 0 {
		return nil, diags.inTextOrder()
	}
	c := &compiler{src: src}
	parts := c.parts(tree)
	return &Program{
		env: env, source: src, tree: tree, parts: parts,
		root:       all(conjuncts(parts)),
		reads:      reads(tree, env),
		wrongFrame: c.evalError(EvalWrongFrame, tree, "the frame belongs to another schema"),
	}, nil
}

// Reads says whether the program looks at a variable at all; the others need not
// be set in a frame.
func (p *Program) Reads(slot Slot) bool { return p.reads[slot] }

func reads(tree *expr, env *Env) []bool {
	out := make([]bool, len(env.slots))
	tree.walk(func(e *expr) {
		if e.kind == kindRef {
			out[e.variable.slot] = true
		}
	})
	return out
}

// NewFrame makes a frame for the program's schema.
func (p *Program) NewFrame() *Frame { return p.env.NewFrame() }

// Eval decides the condition on the values in the frame. It allocates nothing,
// unless cidrcontains meets a malformed address. An error is always a
// *EvalError, and then the answer is false.
func (p *Program) Eval(f *Frame) (bool, error) {
	if f.env != p.env {
		return false, p.wrongFrame
	}
	f.failure, f.scratch = nil, f.scratch[:0]
	result := p.root(f)
	if f.failure != nil {
		return false, f.failure
	}
	return result, nil
}
