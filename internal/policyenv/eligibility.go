package policyenv

import "github.com/stint-dev/terraform-provider-stint/internal/condition"

// Policy is the compiled condition of an eligibility policy with the values of
// its parameters. It is safe for concurrent use.
type Policy struct {
	program *program[Input]
}

// Eligibility is the schema of an eligibility policy with the given parameters.
// A parameter of a wrong name or type is an error that names it.
func Eligibility(params Params) (*condition.Env, error) {
	s, err := eligibilitySchema(params)
	if err != nil {
		return nil, err
	}
	return s.env, nil
}

func eligibilitySchema(params Params) (*schema[Input], error) {
	fields, err := params.fields()
	if err != nil {
		return nil, err
	}
	return newSchema(append(eligibilityFields(), fields...))
}

// CompileEligibility checks and compiles the condition of an eligibility policy.
// It returns all findings at once; the policy is nil when there is any.
func CompileEligibility(src string, params Params) (*Policy, condition.Diagnostics) {
	s, err := eligibilitySchema(params)
	if err != nil {
		return nil, badParameter(err)
	}
	p, diags := s.compile(src)
	if len(diags) > 0 {
		return nil, diags
	}
	return &Policy{p}, nil
}

// Eval says whether the condition holds. It allocates nothing. An error is always
// a *condition.EvalError and means deny.
func (p *Policy) Eval(in *Input) (bool, error) {
	r := p.program.begin()
	defer p.program.end(r)
	return p.program.compiled.Eval(r.load(p.program, in))
}

// Explain decides like Eval and tells what each part of the condition came to and
// which values it saw.
func (p *Policy) Explain(in *Input) condition.Explanation {
	r := p.program.begin()
	defer p.program.end(r)
	return p.program.compiled.Explain(r.load(p.program, in))
}
