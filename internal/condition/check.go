package condition

import "fmt"

// checker walks every sub-expression of a parsed condition, gives it its type
// and reports what is wrong. It follows the flow of && || and ?: to know where
// an optional variable is guarded.
type checker struct {
	env   *Env
	src   string
	early bool // the attributes of extensible objects are not all known yet
	diags Diagnostics
}

// check types the tree in place and returns all findings.
func check(tree *expr, src string, env *Env) Diagnostics {
	return (&checker{env: env, src: src}).check(tree)
}

// CheckEarly finds what can be found before the attributes of extensible objects
// are known: one that the schema does not have may be of any type, but must be
// guarded like all of them. Everything else is checked as Compile does.
func CheckEarly(src string, env *Env) Diagnostics {
	tree, diags := parse(src)
	if tree == nil {
		return diags
	}
	c := &checker{env: env, src: src, early: true}
	return append(diags, c.check(tree)...).inTextOrder()
}

func (c *checker) check(tree *expr) Diagnostics {
	c.expr(tree, facts{})
	if t := tree.typ; t != invalidType && t != Bool {
		c.report(CodeNotBoolean, tree, "compare it with something", "the condition is %s, not true or false", t.one())
		tree.typ = invalidType
	}
	c.constants(tree)
	return c.diags
}

// expr types e, given what is known before it is evaluated. It returns what is
// known when e turned out true, and when it turned out false.
func (c *checker) expr(e *expr, known facts) (yes, no facts) {
	yes, no = known, known
	switch e.kind {
	case kindNull:
		c.report(CodeNullMisuse, e, "write event != null, for example", "null only stands beside == and !=")
		e.typ = invalidType
	case kindRef, kindIndex:
		c.value(e, known)
	case kindCall:
		c.call(e, known)
	case kindList:
		c.list(e, known)
	case kindNot:
		no, yes = c.expr(e.args[0], known)
		c.wantBool(e.args[0], "!")
		e.typ = Bool
	case kindAnd:
		no = nil
		for _, term := range e.args {
			var termNo facts
			yes, termNo = c.expr(term, yes)
			c.wantBool(term, "&&")
			no = either(no, termNo)
		}
		e.typ = Bool
	case kindOr:
		yes = nil
		for _, term := range e.args {
			var termYes facts
			termYes, no = c.expr(term, no)
			c.wantBool(term, "||")
			yes = either(yes, termYes)
		}
		e.typ = Bool
	case kindCompare:
		return c.compare(e, known)
	case kindCond:
		return c.cond(e, known)
	}
	return yes, no
}

// either joins the facts of one more way to the same outcome.
func either(sofar, more facts) facts {
	if sofar == nil {
		return more
	}
	return sofar.common(more)
}

func (c *checker) wantBool(e *expr, operator string) {
	if e.typ != invalidType && e.typ != Bool {
		c.report(CodeTypeMismatch, e, "compare it with something", "%s needs true or false; this is %s", operator, e.typ.one())
		e.typ = invalidType
	}
}

func (c *checker) cond(e *expr, known facts) (yes, no facts) {
	test, then, otherwise := e.args[0], e.args[1], e.args[2]
	ifYes, ifNo := c.expr(test, known)
	c.wantBool(test, "?")
	thenYes, thenNo := c.expr(then, ifYes)
	elseYes, elseNo := c.expr(otherwise, ifNo)
	switch {
	case then.typ == invalidType || otherwise.typ == invalidType:
	case then.typ != otherwise.typ:
		c.report(CodeTypeMismatch, e, "give both the same type", "the two results of ?: differ: %s and %s", then.typ.one(), otherwise.typ.one())
	case then.typ.isMap():
		c.report(CodeTypeMismatch, e, "choose between the indexed texts", "?: cannot choose between maps")
	default:
		e.typ = then.typ
	}
	return thenYes.common(elseYes), thenNo.common(elseNo)
}

func (c *checker) list(e *expr, known facts) {
	if len(e.args) == 0 {
		c.report(CodeEmptyList, e, "name its elements", "an empty list contains nothing")
		return
	}
	var first *expr
	ok := true
	for _, item := range e.args {
		c.expr(item, known)
		switch {
		case item.typ == invalidType:
			ok = false
		case !item.typ.isScalar():
			c.report(CodeTypeMismatch, item, "list single values", "a list cannot hold %s", item.typ.one())
			ok = false
		case first == nil:
			first = item
		case item.typ != first.typ:
			c.report(CodeMixedList, item, "give all elements one type", "a list holds one type; this is %s in a list of %s", item.typ.one(), first.typ)
			ok = false
		}
	}
	if ok {
		e.typ = List(first.typ)
	}
}

func (c *checker) report(code Code, e *expr, suggestion, message string, args ...any) {
	c.reportAt(code, e.at, suggestion, message, args...)
}

func (c *checker) reportAt(code Code, at Range, suggestion, message string, args ...any) {
	c.diags = append(c.diags, Diagnostic{
		Code: code, Range: at, Text: at.in(c.src),
		Message: fmt.Sprintf(message, args...), Suggestion: suggestion,
	})
}
