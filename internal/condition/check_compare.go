package condition

import "fmt"

func (c *checker) compare(e *expr, known facts) (yes, no facts) {
	left, right := e.args[0], e.args[1]
	if left.kind == kindNull || right.kind == kindNull {
		return c.compareNull(e, known)
	}
	c.expr(left, known)
	c.expr(right, known)
	e.typ = Bool
	switch {
	case left.typ == invalidType || right.typ == invalidType:
	case left.typ != right.typ:
		c.report(CodeTypeMismatch, e, mendTypes(left, right), "%s compares %s with %s", e.name, left.typ.one(), right.typ.one())
		e.typ = invalidType
	case e.isEquality() && !left.typ.isScalar():
		c.report(CodeTypeMismatch, e, "use contains, anyof, allof or length", "%s cannot compare %s", e.name, left.typ.one())
		e.typ = invalidType
	case !e.isEquality() && !left.typ.isOrdered():
		c.report(CodeTypeMismatch, e, "only int, duration and time have an order; use == or !=", "%s cannot order %s", e.name, left.typ.one())
		e.typ = invalidType
	default:
		c.comparedValues(left, right)
		c.comparedValues(right, left)
	}
	return known, known
}

func (e *expr) isEquality() bool { return e.name == "==" || e.name == "!=" }

// compareNull checks a guard, and learns from it.
func (c *checker) compareNull(e *expr, known facts) (yes, no facts) {
	target := e.args[0]
	if target.kind == kindNull {
		target = e.args[1]
	}
	e.typ = Bool
	if !e.isEquality() {
		c.report(CodeNullMisuse, e, "write == null or != null", "null has no order")
		e.typ = invalidType
		return known, known
	}
	if target.kind != kindRef && target.kind != kindIndex {
		c.expr(target, known)
		if target.typ != invalidType {
			c.report(CodeNeverNull, e, "remove this part", "only a variable can be null")
		}
		e.typ = invalidType
		return known, known
	}
	optional := c.resolve(target, known)
	if target.typ == invalidType && !target.untyped {
		e.typ = invalidType
		return known, known
	}
	name := canonical(target)
	if !optional {
		c.report(CodeNeverNull, e, "remove this part", "%s is never null", name)
		e.typ = invalidType
		return known, known
	}
	if there, ok := known[name]; ok {
		state := "null"
		if there {
			state = "not null"
		}
		c.constant(e, there == (e.name == "!="), fmt.Sprintf("%s is known to be %s here", name, state))
		return known, known
	}
	yes, no = known.with(name, true), known.with(name, false)
	if e.name == "==" {
		yes, no = no, yes
	}
	return yes, no
}

// mendTypes tells how to write the literal of a mismatch.
func mendTypes(left, right *expr) string {
	if left.kind == kindCompare || right.kind == kindCompare {
		return "write two comparisons with && between them"
	}
	if left.isLiteral() {
		left, right = right, left
	}
	if !right.isLiteral() {
		return "compare values of the same type"
	}
	switch {
	case left.typ == Duration && right.typ == String:
		return fmt.Sprintf("write duration(%s)", canonical(right))
	case left.typ == Duration && right.typ == Int:
		return fmt.Sprintf(`write duration("%ds")`, right.num)
	case left.typ == Time && right.typ == String:
		return fmt.Sprintf("write time(%s)", canonical(right))
	case left.typ == String && (right.typ == Int || right.typ == Bool):
		return fmt.Sprintf("write \"%s\" in quotes", canonical(right))
	case left.typ == Int && right.typ == String, left.typ == Bool && right.typ == String:
		return fmt.Sprintf("write %s without quotes", right.text)
	case left.typ.isList():
		return "use contains(list, value)"
	}
	return fmt.Sprintf("write %s", left.typ.one())
}
