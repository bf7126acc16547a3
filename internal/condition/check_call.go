package condition

import "fmt"

func (c *checker) call(e *expr, known facts) {
	f, ok := functions[e.name]
	for _, arg := range e.args {
		c.expr(arg, known)
	}
	if !ok {
		c.unknownFunction(e)
		return
	}
	if len(e.args) != len(f.params) {
		c.report(CodeArgumentCount, e, "write "+f.usage, "%s takes %d arguments, not %d", e.name, len(f.params), len(e.args))
		return
	}
	good := true
	for i, arg := range e.args {
		good = c.argument(e, f, i, arg) && good
	}
	if good {
		e.typ = f.result
		c.listedValues(e)
	}
}

func (c *checker) unknownFunction(e *expr) {
	mend := fmt.Sprintf("the functions are %v", functionNames())
	if near := Closest(e.name, functionNames()); near != "" {
		mend = fmt.Sprintf("did you mean %s?", near)
	}
	c.reportAt(CodeUnknownFunction, e.steps[0].at, mend, "there is no function %s", e.name)
}

// argument checks one argument and says whether it is good; a bad one is
// reported, unless something inside it was already.
func (c *checker) argument(e *expr, f builtin, i int, arg *expr) bool {
	if arg.typ == invalidType {
		return false
	}
	switch p := f.params[i]; p.accepts {
	case literal:
		return c.literalArgument(e, p, arg)
	case anyList:
		return c.listArgument(e, f, i, arg)
	case element:
		list := e.args[i-1]
		if list.typ == invalidType || !list.typ.isList() {
			return false
		}
		return c.wantType(e, f, arg, list.typ.elem())
	case countable:
		if arg.typ != String && !arg.typ.isList() && !arg.typ.isMap() {
			c.report(CodeTypeMismatch, arg, "write "+f.usage, "%s needs a string, list or map; this is %s", e.name, arg.typ.one())
			return false
		}
		return true
	default:
		return c.wantType(e, f, arg, p.typ)
	}
}

func (c *checker) wantType(e *expr, f builtin, arg *expr, want Type) bool {
	if arg.typ == want {
		return true
	}
	mend := "write " + f.usage
	if arg.isLiteral() {
		mend = mendTypes(&expr{kind: kindRef, typ: want}, arg)
	}
	c.report(CodeTypeMismatch, arg, mend, "%s needs %s here; this is %s", e.name, want.one(), arg.typ.one())
	return false
}

func (c *checker) listArgument(e *expr, f builtin, i int, arg *expr) bool {
	if !arg.typ.isList() {
		mend := "write " + f.usage
		switch {
		case e.name == "contains" && e.args[1].typ.isList():
			mend = fmt.Sprintf("write the list first: contains(%s, %s)", canonical(e.args[1]), canonical(arg))
		case e.name == "contains" && arg.typ == String:
			mend = "a text is searched with startswith, endswith or matches"
		case arg.typ.isScalar() && i == 1:
			mend = fmt.Sprintf("write a list: [%s]", canonical(arg))
		}
		c.report(CodeTypeMismatch, arg, mend, "%s needs a list here; this is %s", e.name, arg.typ.one())
		return false
	}
	if i > 0 && e.args[0].typ.isList() && arg.typ != e.args[0].typ {
		c.report(CodeTypeMismatch, arg, "give both lists one type", "%s compares %s with %s", e.name, e.args[0].typ.one(), arg.typ.one())
		return false
	}
	return true
}

func (c *checker) literalArgument(e *expr, p param, arg *expr) bool {
	var text string
	switch {
	case arg.isLiteral() && arg.typ == String:
		text = arg.text
	case arg.isLiteral():
		c.report(CodeTypeMismatch, arg, "put it in double quotes", "%s needs a written text here; this is %s", e.name, arg.typ.one())
		return false
	case arg.kind == kindRef && arg.variable.known != nil:
		text = *arg.variable.known
	default:
		c.report(CodeLiteralRequired, arg, "write the text itself in double quotes, or pass it as a parameter", "%s needs a text that is known beforehand", e.name)
		return false
	}
	bound, err := p.bind(text)
	if err != nil {
		c.report(p.code, arg, "", "%s", err)
		return false
	}
	e.bound = bound
	return true
}
