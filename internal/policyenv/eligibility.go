package policyenv

import (
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// Policy is the compiled condition of an eligibility policy with the values of
// its parameters. It is safe for concurrent use.
type Policy struct {
	program *program[Input]
}

// Eligibility is the schema of an eligibility policy with the given parameters,
// where the given attributes are declared. A parameter of a wrong name or type is
// an error that names it.
func Eligibility(params Params, attributes Attributes) (*condition.Env, error) {
	s, err := eligibilitySchema(params, attributes)
	if err != nil {
		return nil, err
	}
	return s.env, nil
}

func eligibilitySchema(params Params, attributes Attributes) (*schema[Input], error) {
	parameters, err := params.fields()
	if err != nil {
		return nil, err
	}
	return newSchema(slices.Concat(askedFields(attributes), parameters))
}

// askedFields are everything that is known of a request.
func askedFields(attributes Attributes) []field[Input] {
	return slices.Concat(
		eligibilityFields(),
		extensible[Input](OfIdentity, OfEvent),
		attributeFields(attributes, OfIdentity, func(in *Input) (Values, bool) { return in.Identity.Attributes, true }),
		attributeFields(attributes, OfEvent, func(in *Input) (Values, bool) {
			if in.Event == nil {
				return nil, false
			}
			return in.Event.Attributes, true
		}),
	)
}

// CompileEligibility checks and compiles the condition of an eligibility policy.
// It returns all findings at once; the policy is nil when there is any.
func CompileEligibility(src string, params Params, attributes Attributes) (*Policy, condition.Diagnostics) {
	s, err := eligibilitySchema(params, attributes)
	if err != nil {
		return nil, badParameter(err)
	}
	p, diags := s.compile(src)
	if len(diags) > 0 {
		return nil, diags
	}
	return &Policy{p}, nil
}

// CheckEligibility finds what CompileEligibility would before it is known which
// attributes are declared: each that the condition reads may be of any type.
func CheckEligibility(src string, params Params) condition.Diagnostics {
	s, err := eligibilitySchema(params, nil)
	if err != nil {
		return badParameter(err)
	}
	return condition.CheckEarly(src, s.env)
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
