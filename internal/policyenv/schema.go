package policyenv

import (
	"sync"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// schema is a table of fields made ready for compiling.
type schema[In any] struct {
	env    *condition.Env
	fields []field[In]
}

func newSchema[In any](fields []field[In]) (*schema[In], error) {
	vars := make([]condition.Var, len(fields))
	for i, f := range fields {
		vars[i] = condition.Var{Name: f.Name, Type: f.Type, Optional: f.Optional, Values: f.Values, Known: f.known, Declare: f.declare}
	}
	env, err := condition.NewEnv(vars...)
	if err != nil {
		return nil, err
	}
	return &schema[In]{env: env, fields: fields}, nil
}

// program is a compiled condition with the filling of its frames. It is safe for
// concurrent use.
type program[In any] struct {
	compiled *condition.Program
	fills    []fill[In] // only what the condition reads
	runs     sync.Pool  // of *run[In]
}

type fill[In any] struct {
	name string
	slot condition.Slot
	set  func(*condition.Frame, condition.Slot, *In)
}

// run is the working memory of one evaluation.
type run[In any] struct {
	frame *condition.Frame
	in    In // for callers that have no Input of their own to point to
}

func (s *schema[In]) compile(src string) (*program[In], condition.Diagnostics) {
	compiled, diags := condition.Compile(src, s.env)
	if len(diags) > 0 {
		return nil, diags
	}
	p := &program[In]{compiled: compiled}
	for _, f := range s.fields {
		if slot, ok := s.env.Slot(f.Name); ok && compiled.Reads(slot) {
			p.fills = append(p.fills, fill[In]{f.Name, slot, f.fill})
		}
	}
	p.runs.New = func() any { return &run[In]{frame: compiled.NewFrame()} }
	return p, nil
}

func (p *program[In]) begin() *run[In] { return p.runs.Get().(*run[In]) }

// end gives the memory back; what was loaded is not kept alive.
func (p *program[In]) end(r *run[In]) {
	for _, f := range p.fills {
		r.frame.Unset(f.slot)
	}
	p.runs.Put(r)
}

func (r *run[In]) load(p *program[In], in *In) *condition.Frame {
	for _, f := range p.fills {
		f.set(r.frame, f.slot, in)
	}
	return r.frame
}
