package condition

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// constants reports sub-expressions that are always true or always false: they
// are mistakes, and an always-true one lets everybody in. Of nested ones only
// the outermost is reported; parts with other findings are left alone.
func (c *checker) constants(e *expr) {
	if e.typ == Bool && e.kind != kindLiteral && e.isConstant() && e.isSound() {
		c.constant(e, evaluateConstant(e), "it reads no variable")
		return
	}
	switch e.kind {
	case kindLiteral:
		if e.typ == Bool {
			c.constant(e, e.num == 1, "it is written so")
		}
		return
	case kindCompare:
		c.decidedComparison(e)
	case kindCall:
		c.decidedSearch(e)
		c.fullList(e)
	case kindAnd:
		c.contradiction(e, false)
	case kindOr:
		c.contradiction(e, true)
	case kindCond:
		if e.typ == Bool && e.isSound() && canonical(e.args[1]) == canonical(e.args[2]) {
			c.report(CodeConstantCondition, e, "remove the choice", "both results of ?: are the same")
		}
	}
	for i, arg := range e.args {
		if e.decidesOn(i) || !arg.isLiteral() {
			c.constants(arg)
		}
	}
}

// decidesOn says whether the i-th part steers the outcome, so that a written true
// or false there is a mistake; as a value (x == true) it is none.
func (e *expr) decidesOn(i int) bool {
	switch e.kind {
	case kindAnd, kindOr, kindNot:
		return true
	case kindCond:
		return i == 0
	}
	return false
}

// isSound says whether the checker found nothing wrong in e.
func (e *expr) isSound() bool {
	sound := true
	e.walk(func(part *expr) {
		if part.typ == invalidType {
			sound = false
		}
	})
	return sound
}

func evaluateConstant(e *expr) bool {
	c := &compiler{}
	return c.bool(e)(&Frame{})
}

// decidedComparison finds x == x, and length(x) < 0 or hour(…) <= 23.
func (c *checker) decidedComparison(e *expr) {
	if e.isSound() && canonical(e.args[0]) == canonical(e.args[1]) {
		c.constant(e, e.name == "==" || e.name == "<=" || e.name == ">=", "both sides are the same")
		return
	}
	subject, operator, fixed, ok := comparison(e)
	if !ok {
		return
	}
	bound, ok := fixedValue(fixed)
	if !ok {
		return
	}
	possible := naturalBounds(subject)
	if possible.and(where(operator, bound)).isEmpty() {
		c.constant(e, false, fmt.Sprintf("%s has no such value", canonical(subject)))
	} else if possible.and(where(negated[operator], bound)).isEmpty() {
		c.constant(e, true, fmt.Sprintf("%s has no other value", canonical(subject)))
	}
}

// decidedSearch finds searches for "", which every text has, for capitals in what
// was lowered, and for a thing in itself.
func (c *checker) decidedSearch(e *expr) {
	if e.typ != Bool || len(e.args) != 2 {
		return
	}
	subject, sought := e.args[0], e.args[1]
	switch e.name {
	case "startswith", "endswith":
		if isCall(subject, "lower") && sought.isLiteral() && hasCapital(sought.text) {
			c.constant(e, false, "what is in lower case has no capitals")
			return
		}
	case "matches", "allof":
	default:
		return
	}
	switch {
	case sought.isLiteral() && sought.text == "":
		c.constant(e, true, "every text contains the empty text")
	case e.isSound() && canonical(subject) == canonical(sought):
		c.constant(e, true, "both arguments are the same")
	}
}

func isCall(e *expr, name string) bool { return e.kind == kindCall && e.name == name }

func hasCapital(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.ToLower(r) != r })
}

// fullList finds contains(["human", "agent"], identity.type) where the list names
// all that there is, and contains([x, y], x).
func (c *checker) fullList(e *expr) {
	if e.name != "contains" || e.typ != Bool || e.args[0].kind != kindList {
		return
	}
	value := canonical(e.args[1])
	if e.isSound() && slices.ContainsFunc(e.args[0].args, func(item *expr) bool { return canonical(item) == value }) {
		c.constant(e, true, "the list names the value itself")
		return
	}
	left := without(possibleValues(e.args[1]), func(value string) bool {
		return slices.ContainsFunc(e.args[0].args, func(item *expr) bool { return item.isLiteral() && item.text == value })
	})
	if left != nil && len(left) == 0 {
		c.constant(e, true, fmt.Sprintf("%s has no other value", canonical(e.args[1])))
	}
}

// without is a copy of values that lacks some; nil when values is.
func without(values []string, drop func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(values), drop)
}

// contradiction finds terms of && that exclude each other (a && !a, x == "a" &&
// x == "b", n < 2 && n > 5) or all that a variable can be and, when opposite,
// terms of || whose opposites do: then one of them always holds.
func (c *checker) contradiction(e *expr, opposite bool) {
	left := newRemains()
	terms := map[string]bool{}
	for _, term := range e.args {
		if !term.isSound() {
			continue
		}
		plain := plainBool(term)
		if terms[canonical(plainBool(negation(plain)))] {
			c.constant(e, opposite, fmt.Sprintf("%s stands beside its opposite", shorten(canonical(term))))
			return
		}
		terms[canonical(plain)] = true

		subject, operator, fixed, ok := comparison(term)
		if !ok {
			continue
		}
		if opposite {
			operator = negated[operator]
		}
		if why := left.narrow(subject, operator, fixed); why != "" {
			c.constant(e, opposite, why)
			return
		}
	}
}

// plainBool is x for x == true and x != false, and its negation for the others.
func plainBool(e *expr) *expr {
	if e.kind != kindCompare || !e.isEquality() {
		return e
	}
	operand, written := e.args[0], e.args[1]
	if operand.isLiteral() {
		operand, written = written, operand
	}
	if !written.isLiteral() || written.typ != Bool {
		return e
	}
	if (e.name == "==") == (written.num == 1) {
		return plainBool(operand)
	}
	return plainBool(negation(operand))
}

func negation(e *expr) *expr {
	if e.kind == kindNot {
		return e.args[0]
	}
	if e.kind == kindCompare {
		return &expr{kind: kindCompare, name: negated[e.name], args: e.args}
	}
	return &expr{kind: kindNot, args: []*expr{e}}
}

func (c *checker) constant(e *expr, value bool, why string) {
	c.report(CodeConstantCondition, e, "remove it or correct it", "this is always %t: %s", value, why)
}
