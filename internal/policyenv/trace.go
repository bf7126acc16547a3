package policyenv

import "github.com/stint-dev/terraform-provider-stint/internal/condition"

// Trace explains like Explain, and goes on behind the part that stopped the
// evaluation, as condition.Program.Trace does.
func (p *Policy) Trace(in *Input) condition.Explanation {
	r := p.program.begin()
	defer p.program.end(r)
	return p.program.compiled.Trace(r.load(p.program, in))
}
