package condition

import "slices"

// list is a compiled list: read by position, so that none is ever built while
// evaluating.
type list[T any] interface {
	length(*Frame) int
	at(*Frame, int) T
	// touch evaluates every element for its error: a search that ends early, or
	// never begins, absorbs none.
	touch(*Frame)
}

// written is a list literal.
type written[T any] []fn[T]

func (l written[T]) length(*Frame) int    { return len(l) }
func (l written[T]) at(f *Frame, i int) T { return l[i](f) }
func (l written[T]) touch(f *Frame) {
	for _, item := range l {
		item(f)
	}
}

// stored is a variable that holds a list of texts.
type stored struct {
	slot  Slot
	unset *EvalError
}

func (l stored) length(f *Frame) int       { return len(f.read(l.slot, l.unset).list) }
func (l stored) at(f *Frame, i int) string { return f.cells[l.slot].list[i] }
func (l stored) touch(f *Frame)            { f.read(l.slot, l.unset) }

// chosen is one of two lists.
type chosen[T any] struct {
	test            fn[bool]
	then, otherwise list[T]
}

func (l chosen[T]) pick(f *Frame) list[T] {
	if l.test(f) {
		return l.then
	}
	return l.otherwise
}

func (l chosen[T]) length(f *Frame) int  { return l.pick(f).length(f) }
func (l chosen[T]) at(f *Frame, i int) T { return l.pick(f).at(f, i) }
func (l chosen[T]) touch(f *Frame)       { l.pick(f).touch(f) }

func compileList[T any](c *compiler, e *expr, each func(*expr) fn[T]) list[T] {
	if e.kind == kindCond {
		return chosen[T]{c.bool(e.args[0]), compileList(c, e.args[1], each), compileList(c, e.args[2], each)}
	}
	if e.kind == kindRef {
		var variable any = stored{e.variable.slot, c.unset(e)}
		return variable.(list[T])
	}
	out := make(written[T], len(e.args))
	for i, item := range e.args {
		out[i] = each(item)
	}
	return out
}

func (c *compiler) listCall(e *expr) fn[bool] {
	switch e.args[0].typ.elem() {
	case Bool:
		return membership(c, e, c.bool)
	case String:
		if quick := c.containsText(e); quick != nil {
			return quick
		}
		return membership(c, e, c.string)
	case Int:
		return membership(c, e, c.int)
	case Duration:
		return membership(c, e, c.duration)
	default:
		return membership(c, e, c.time)
	}
}

func membership[T comparable](c *compiler, e *expr, each func(*expr) fn[T]) fn[bool] {
	in := compileList(c, e.args[0], each)
	if e.name == "contains" {
		value := each(e.args[1])
		return touching(func(f *Frame) bool { return has(f, in, value(f)) }, e.args[0], in)
	}
	values, wantAll := compileList(c, e.args[1], each), e.name == "allof"
	search := func(f *Frame) bool {
		for i, n := 0, values.length(f); i < n; i++ {
			if has(f, in, values.at(f, i)) != wantAll {
				return !wantAll
			}
		}
		return wantAll
	}
	if e.args[1].kind != kindList { // it may be empty, and then in is not looked at
		search = touched(search, in)
	}
	return touching(touching(search, e.args[0], in), e.args[1], values)
}

// touching touches a list first, unless no element of it can err.
func touching[T, R any](then fn[R], e *expr, l list[T]) fn[R] {
	if e.kind == kindRef || e.kind == kindList && !slices.ContainsFunc(e.args, func(item *expr) bool { return !item.isLiteral() }) {
		return then
	}
	return touched(then, l)
}

func touched[T, R any](then fn[R], l list[T]) fn[R] {
	return func(f *Frame) R {
		l.touch(f)
		return then(f)
	}
}

// has compares with ==, also times: the frame and the checker hold all of them
// in UTC and without a monotonic reading.
func has[T comparable](f *Frame, in list[T], value T) bool {
	for i, n := 0, in.length(f); i < n; i++ {
		if in.at(f, i) == value {
			return true
		}
	}
	return false
}

func (c *compiler) listLength(e *expr) fn[int64] {
	switch e.typ.elem() {
	case Bool:
		return lengthOf(c, e, c.bool)
	case String:
		return lengthOf(c, e, c.string)
	case Int:
		return lengthOf(c, e, c.int)
	case Duration:
		return lengthOf(c, e, c.duration)
	default:
		return lengthOf(c, e, c.time)
	}
}

func lengthOf[T any](c *compiler, e *expr, each func(*expr) fn[T]) fn[int64] {
	l := compileList(c, e, each)
	return touching(func(f *Frame) int64 { return int64(l.length(f)) }, e, l)
}
