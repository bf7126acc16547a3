package condition

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// value types a variable or an indexed map that is read for its value: it must
// be guarded when it is optional.
func (c *checker) value(e *expr, known facts) {
	optional := c.resolve(e, known)
	if e.typ == invalidType && !e.untyped {
		return
	}
	if e.typ == Object {
		c.report(CodeTypeMismatch, e, c.attributesOf(e.variable), "%s is an object, not a value", e.variable.path)
		e.typ = invalidType
		return
	}
	if optional {
		c.wantGuard(e, canonical(e), known)
	}
}

// resolve types a variable or an indexed map without asking for its own guard,
// and says whether it may be null. The objects and the map it is read from must
// be guarded all the same.
func (c *checker) resolve(e *expr, known facts) (optional bool) {
	if e.kind == kindIndex {
		return c.index(e, known)
	}
	at := c.env.root
	for i, step := range e.steps {
		if at.typ != Object {
			mend := "leave the attribute away"
			if at.typ.isMap() {
				mend = fmt.Sprintf("write %s[%q]", at.path, step.name)
			}
			c.reportAt(CodeUnknownName, step.at, mend, "%s is %s and has no attributes", at.path, at.typ.one())
			return false
		}
		next, ok := at.children[step.name]
		mayCome := c.early && at.declare != ""
		if !ok && !mayCome {
			c.unknownName(e, at, i)
			return false
		}
		if i > 0 && at.optional && !c.wantGuard(e, at.path, known) {
			return false
		}
		if !ok {
			e.untyped = i == len(e.steps)-1
			return e.untyped
		}
		at = next
	}
	e.variable, e.typ = at, at.typ
	return at.optional
}

func (c *checker) index(e *expr, known facts) (optional bool) {
	collection, key := e.args[0], e.args[1]
	c.expr(key, known)
	if c.resolve(collection, known) {
		c.wantGuard(collection, canonical(collection), known)
	}
	switch {
	case collection.typ == invalidType || key.typ == invalidType:
		return false
	case collection.typ == Object:
		mend := c.attributesOf(collection.variable)
		if key.isLiteral() && hclsyntax.ValidIdentifier(key.text) {
			mend = fmt.Sprintf("write %s.%s", collection.variable.path, key.text)
		}
		c.report(CodeNotIndexable, e, mend, "%s is an object; its attributes are written behind a dot", collection.variable.path)
		collection.typ = invalidType
		return false
	case !collection.typ.isMap():
		mend := "use contains on lists"
		if !collection.typ.isList() {
			mend = "leave the index away"
		}
		c.report(CodeNotIndexable, e, mend, "only maps can be indexed; this is %s", collection.typ.one())
		return false
	case key.typ != String:
		c.report(CodeTypeMismatch, key, "index it with a text", "a map is indexed by a string; this is %s", key.typ.one())
		return false
	}
	e.typ = collection.typ.elem()
	return true
}

// wantGuard reports when name may be null at this place.
func (c *checker) wantGuard(e *expr, name string, known facts) bool {
	if there, ok := known[name]; ok && there {
		return true
	}
	c.report(CodeUnguardedOptional, e, fmt.Sprintf("write %s != null && before it", name), "%s may be null here", name)
	e.typ = invalidType
	return false
}

// unknownName reports the i-th step of a path, which object does not have.
func (c *checker) unknownName(e *expr, object *variable, i int) {
	name := e.steps[i].name
	prefix := ""
	if object.path != "" {
		prefix = object.path + "."
	}
	code, mend := CodeUnknownName, ""
	switch near := Closest(name, object.names); {
	case object.declare != "":
		code, mend = CodeUndeclared, object.declare
		if near != "" {
			mend = fmt.Sprintf("did you mean %s%s? If not, %s", prefix, near, mend)
		}
	case near != "":
		mend = fmt.Sprintf("did you mean %s%s?", prefix, near)
	case c.fullPath(name) != "":
		mend = fmt.Sprintf("did you mean %s?", c.fullPath(name))
	case object != c.env.root:
		mend = c.attributesOf(object)
	case functions[name].usage != "":
		mend = fmt.Sprintf("%s is a function: write %s", name, functions[name].usage)
	default:
		mend = fmt.Sprintf("the variables are %s; a text is written in double quotes", strings.Join(object.names, ", "))
	}
	c.reportAt(code, e.steps[0].at.to(e.steps[i].at), mend, "there is no %s%s", prefix, name)
}

// fullPath finds the variable whose last name is the given one.
func (c *checker) fullPath(name string) string {
	for _, v := range c.env.slots {
		if strings.HasSuffix(v.path, "."+name) {
			return v.path
		}
	}
	return ""
}

func (c *checker) attributesOf(object *variable) string {
	if len(object.names) == 0 {
		return object.declare
	}
	return fmt.Sprintf("%s has %s", object.path, strings.Join(object.names, ", "))
}
