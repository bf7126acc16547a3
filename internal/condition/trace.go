package condition

// Decided is the smallest sub-expression that settled what a part came to: inside
// ! its operand, inside || the first term that held, inside && the first that
// did not, inside ?: the branch that was taken, or the test when that branch
// says the same for everybody.
type Decided struct {
	Range   Range
	Text    string
	Outcome Outcome // of the sub-expression, not of the part
	Values  []Value
}

// Trace explains like Explain, and goes on behind the part that stopped the
// evaluation: each part that can be judged by itself is. One whose guard does
// not hold, so that it would read what is not there, stays not evaluated. The
// result is that of Eval. It costs a multiple of Explain.
func (p *Program) Trace(f *Frame) Explanation {
	out := p.Explain(f)
	if out.Err == p.wrongFrame {
		return out
	}
	p.traced.Do(p.compileDecisions)
	for i := range out.Parts {
		told := &out.Parts[i]
		if told.Outcome == OutcomeNotEvaluated {
			p.parts[i].explainBehind(f, told)
		}
		if told.Outcome != OutcomeNotEvaluated {
			told.Decided = p.decided(i, f)
		}
	}
	f.failure, f.scratch = nil, f.scratch[:0]
	return out
}

func (p part) explainBehind(f *Frame, told *Part) {
	judged := *told
	p.explain(f, &judged)
	if judged.Err == nil || judged.Err.Code != EvalUnset {
		*told = judged
	}
	told.Behind = true
}

// decided is nil when it takes the whole part to settle its outcome.
func (p *Program) decided(i int, f *Frame) *Decided {
	last := p.decisions[i]
	for next := last; next != nil; next = next.by(f) {
		last = next
	}
	if last == p.decisions[i] {
		return nil
	}
	told := Part{}
	last.explain(f, &told)
	return &Decided{Range: last.at, Text: last.at.in(p.source), Outcome: told.Outcome, Values: told.Values}
}

// decision is a sub-expression that can tell which one of its operands settled
// what it came to on a frame; nil when no single one did.
type decision struct {
	part

	by func(*Frame) *decision
}

// compileDecisions is put off to the first Trace: most programs only decide.
func (p *Program) compileDecisions() {
	c := &compiler{src: p.source}
	p.decisions = c.decisions(conjunctsOf(p.tree))
}

func (c *compiler) decisions(terms []*expr) []*decision {
	out := make([]*decision, len(terms))
	for i, term := range terms {
		out[i] = &decision{part: c.part(term), by: c.decidedBy(term)}
	}
	return out
}

func (c *compiler) decidedBy(e *expr) func(*Frame) *decision {
	switch e.kind {
	case kindNot:
		operand := c.decisions(e.args)[0]
		return func(*Frame) *decision { return operand }
	case kindAnd:
		return firstBut(OutcomeTrue, c.decisions(e.args))
	case kindOr:
		return firstBut(OutcomeFalse, c.decisions(e.args))
	case kindCond:
		return c.decidedByBranch(e)
	}
	return func(*Frame) *decision { return nil }
}

// firstBut finds the first term that did not come to onward, which is where the
// evaluation stopped.
func firstBut(onward Outcome, terms []*decision) func(*Frame) *decision {
	return func(f *Frame) *decision {
		for _, term := range terms {
			if term.outcome(f) != onward {
				return term
			}
		}
		return nil
	}
}

func (c *compiler) decidedByBranch(e *expr) func(*Frame) *decision {
	operands := c.decisions(e.args)
	test, then, otherwise := operands[0], operands[1], operands[2]
	return func(f *Frame) *decision {
		taken, written := then, e.args[1]
		switch test.outcome(f) {
		case OutcomeError:
			return test
		case OutcomeFalse:
			taken, written = otherwise, e.args[2]
		}
		if written.isConstant() {
			return test
		}
		return taken
	}
}
