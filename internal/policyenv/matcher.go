package policyenv

import (
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// IdentityMatcher is a compiled condition over `identity` alone. It is safe for
// concurrent use.
type IdentityMatcher struct {
	program *program[Identity]
}

// CompileIdentityMatcher checks and compiles a condition over an identity, where the
// given attributes are declared. It returns all findings at once; the matcher is
// nil when there is any.
func CompileIdentityMatcher(src string, attributes Attributes) (*IdentityMatcher, condition.Diagnostics) {
	p, diags := compileFields(src, slices.Concat(
		identityFields(func(in *Identity) *Identity { return in }),
		extensible[Identity](OfIdentity),
		attributeFields(attributes, OfIdentity, func(in *Identity) (Values, bool) { return in.Attributes, true }),
	))
	if len(diags) > 0 {
		return nil, diags
	}
	return &IdentityMatcher{p}, nil
}

// Match says whether the condition holds. An error is always a
// *condition.EvalError and means that it is not known.
func (m *IdentityMatcher) Match(identity Identity) (bool, error) { return m.program.eval(identity) }

// EntitlementMatcher is a compiled condition over `entitlement` alone. It is safe
// for concurrent use.
type EntitlementMatcher struct {
	program *program[Input]
}

// CompileEntitlementMatcher checks and compiles a condition over an entitlement.
// It returns all findings at once; the matcher is nil when there is any.
func CompileEntitlementMatcher(src string) (*EntitlementMatcher, condition.Diagnostics) {
	p, diags := compileFields(src, entitlementFields())
	if len(diags) > 0 {
		return nil, diags
	}
	return &EntitlementMatcher{p}, nil
}

// Match says whether the condition holds. An error is always a
// *condition.EvalError and means that it is not known.
func (m *EntitlementMatcher) Match(entitlement Entitlement) (bool, error) {
	return m.program.eval(Input{Entitlement: entitlement})
}

func compileFields[In any](src string, fields []field[In]) (*program[In], condition.Diagnostics) {
	s, err := newSchema(fields)
	if err != nil {
		return nil, badParameter(err)
	}
	return s.compile(src)
}

// eval evaluates the condition for callers that have no input of their own to
// point to.
func (p *program[In]) eval(in In) (bool, error) {
	r := p.begin()
	defer p.end(r)
	r.in = in
	return p.compiled.Eval(r.load(p, &r.in))
}
