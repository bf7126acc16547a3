package condition

// Prospect is the set of what a condition can come to while some variables are
// unknown. It is never empty. It is sound but not sharp: whatever the unknown
// values turn out to be, Eval comes to a member of it, but a member may be
// impossible when the same unknown variable decides in two places.
type Prospect uint8

// The members of a Prospect.
const (
	CanHold Prospect = 1 << iota // it may be true
	CanFail                      // it may be false
	CanErr                       // it may err, which denies
)

// Certain says that the condition holds whatever the unknown values are.
func (p Prospect) Certain() bool { return p == CanHold }

// Possible says that there may be values for which the condition holds.
func (p Prospect) Possible() bool { return p&CanHold != 0 }

// negate is what ! makes of it.
func (p Prospect) negate() Prospect {
	out := p & CanErr
	if p&CanHold != 0 {
		out |= CanFail
	}
	if p&CanFail != 0 {
		out |= CanHold
	}
	return out
}

// Foresight is a Prospect with what each part contributes to it.
type Foresight struct {
	Prospect Prospect
	// Parts are the terms of the outermost &&. One that depends on unknown
	// values has OutcomeUnknown; those behind one that cannot hold are not
	// evaluated.
	Parts []Part
}

// Foresee evaluates on a frame in which variables may be unknown.
func (p *Program) Foresee(f *Frame) Foresight {
	if f.env != p.env {
		return Foresight{Prospect: CanErr}
	}
	p.foreseen.Do(p.compileProspects)
	out := Foresight{Prospect: CanHold, Parts: make([]Part, len(p.parts))}
	for i, part := range p.parts {
		told := Part{Range: part.at, Text: part.at.in(p.source), Outcome: OutcomeNotEvaluated}
		if out.Prospect.Possible() {
			term := p.prospects[i](f)
			told.Outcome = term.outcome()
			for _, value := range part.values {
				told.Values = append(told.Values, Value{Name: value.name, Text: value.text(f)})
			}
			out.Prospect = out.Prospect&^CanHold | term
		}
		out.Parts[i] = told
	}
	f.failure, f.scratch = nil, f.scratch[:0]
	return out
}

func (p Prospect) outcome() Outcome {
	switch p {
	case CanHold:
		return OutcomeTrue
	case CanFail:
		return OutcomeFalse
	case CanErr:
		return OutcomeError
	}
	return OutcomeUnknown
}

// compileProspects is put off to the first Foresee: most programs only decide.
func (p *Program) compileProspects() {
	c := &compiler{src: p.source}
	p.prospects = c.prospects(conjunctsOf(p.tree))
}

func (c *compiler) prospects(terms []*expr) []fn[Prospect] {
	out := make([]fn[Prospect], len(terms))
	for i, term := range terms {
		out[i] = c.prospect(term)
	}
	return out
}

// prospect follows the flow of && || ! and ?: with every outcome that is still
// possible, in the order in which Eval would meet them. Everything else is
// known or not as a whole.
func (c *compiler) prospect(e *expr) fn[Prospect] {
	switch e.kind {
	case kindNot:
		operand := c.prospect(e.args[0])
		return func(f *Frame) Prospect { return operand(f).negate() }
	case kindAnd:
		return until(CanHold, c.prospects(e.args))
	case kindOr:
		return until(CanFail, c.prospects(e.args))
	case kindCond:
		return c.prospectOfChoice(e)
	}
	return c.prospectOfLeaf(e)
}

// until joins terms of which each is only evaluated when the one before it came
// to onward.
func until(onward Prospect, terms []fn[Prospect]) fn[Prospect] {
	return func(f *Frame) Prospect {
		out := onward
		for _, term := range terms {
			if out&onward == 0 {
				break
			}
			out = out&^onward | term(f)
		}
		return out
	}
}

func (c *compiler) prospectOfChoice(e *expr) fn[Prospect] {
	test, then, otherwise := c.prospect(e.args[0]), c.prospect(e.args[1]), c.prospect(e.args[2])
	return func(f *Frame) Prospect {
		tested := test(f)
		out := tested & CanErr
		if tested&CanHold != 0 {
			out |= then(f)
		}
		if tested&CanFail != 0 {
			out |= otherwise(f)
		}
		return out
	}
}

func (c *compiler) prospectOfLeaf(e *expr) fn[Prospect] {
	eval := c.bool(e)
	var slots []Slot
	unknown := CanHold | CanFail
	e.walk(func(part *expr) {
		if part.kind == kindRef {
			slots = append(slots, part.variable.slot)
		}
		if part.kind == kindCall && part.name == "cidrcontains" {
			unknown |= CanErr
		}
	})
	within := boundsOf(e)
	return func(f *Frame) Prospect {
		for _, slot := range slots {
			if f.cells[slot].state == cellUnknown {
				return within(f, unknown)
			}
		}
		f.failure = nil
		holds := eval(f)
		switch {
		case f.failure != nil:
			return CanErr
		case holds:
			return CanHold
		}
		return CanFail
	}
}

// boundsOf sharpens the prospect of "variable operator fixed" when the unknown
// variable is known to lie in an interval.
func boundsOf(e *expr) func(*Frame, Prospect) Prospect {
	asItIs := func(_ *Frame, p Prospect) Prospect { return p }
	subject, operator, fixed, ok := comparison(e)
	if !ok || subject.kind != kindRef {
		return asItIs
	}
	bound, ok := fixedValue(fixed)
	if !ok {
		return asItIs
	}
	slot, holds, fails := subject.variable.slot, where(operator, bound), where(negated[operator], bound)
	return func(f *Frame, p Prospect) Prospect {
		possible := f.cells[slot].within
		if possible.and(holds).isEmpty() {
			p &^= CanHold
		}
		if possible.and(fails).isEmpty() {
			p &^= CanFail
		}
		return p
	}
}
