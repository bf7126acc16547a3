package condition

import "slices"

// Most terms of real conditions weigh one variable against something written.
// They are compiled to a single closure, without one for each side.

// compareVariable compiles a comparison of a variable with a fixed text, int or
// duration; nil when e is another one.
func (c *compiler) compareVariable(e *expr) fn[bool] {
	if variable, text, ok := textComparison(e); ok {
		return c.isText(variable, text, e.name == "==")
	}
	subject, operator, fixed, ok := comparison(e)
	if !ok || subject.kind != kindRef || fixed.typ != Int && fixed.typ != Duration {
		return nil
	}
	bound, _ := fixedValue(fixed)
	if operator == "!=" {
		return c.isNumber(subject, where("==", bound), false)
	}
	return c.isNumber(subject, where(operator, bound), true)
}

// textComparison is a comparison of texts read as variable and fixed text,
// whichever side they stand on.
func textComparison(e *expr) (variable *expr, text string, ok bool) {
	left, right := e.args[0], e.args[1]
	if text, ok := fixedText(right); ok && left.kind == kindRef {
		return left, text, true
	}
	if text, ok := fixedText(left); ok && right.kind == kindRef {
		return right, text, true
	}
	return nil, "", false
}

// fixedText is the text behind a literal, or behind a parameter whose value is
// known.
func fixedText(e *expr) (string, bool) {
	if e.kind == kindLiteral && e.typ == String {
		return e.text, true
	}
	if e.kind == kindRef && e.variable.known != nil {
		return *e.variable.known, true
	}
	return "", false
}

func (c *compiler) isText(variable *expr, text string, want bool) fn[bool] {
	slot, unset := variable.variable.slot, c.unset(variable)
	return func(f *Frame) bool { return (f.read(slot, unset).text == text) == want }
}

func (c *compiler) isNumber(variable *expr, in interval, want bool) fn[bool] {
	slot, unset := variable.variable.slot, c.unset(variable)
	return func(f *Frame) bool {
		n := f.read(slot, unset).num
		return (in.low <= n && n <= in.high) == want
	}
}

// containsText compiles contains with a list variable and a fixed text, or with a
// list of fixed texts; nil when e is another call.
func (c *compiler) containsText(e *expr) fn[bool] {
	if e.name != "contains" {
		return nil
	}
	list, value := e.args[0], e.args[1]
	if text, ok := fixedText(value); ok && list.kind == kindRef {
		slot, unset := list.variable.slot, c.unset(list)
		return func(f *Frame) bool { return slices.Contains(f.read(slot, unset).list, text) }
	}
	if texts, ok := fixedTexts(list); ok {
		value := c.string(value)
		return func(f *Frame) bool { return slices.Contains(texts, value(f)) }
	}
	return nil
}

func fixedTexts(list *expr) ([]string, bool) {
	if list.kind != kindList {
		return nil, false
	}
	texts := make([]string, len(list.args))
	for i, item := range list.args {
		text, ok := fixedText(item)
		if !ok {
			return nil, false
		}
		texts[i] = text
	}
	return texts, true
}
