package condition

// list is a compiled list: read by position, so that none is ever built while
// evaluating.
type list[T any] interface {
	length(*Frame) int
	at(*Frame, int) T
}

// written is a list literal.
type written[T any] []fn[T]

func (l written[T]) length(*Frame) int    { return len(l) }
func (l written[T]) at(f *Frame, i int) T { return l[i](f) }

// stored is a variable that holds a list of texts.
type stored struct {
	slot  Slot
	unset *EvalError
}

func (l stored) length(f *Frame) int       { return len(f.read(l.slot, l.unset).list) }
func (l stored) at(f *Frame, i int) string { return f.cells[l.slot].list[i] }

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
		return func(f *Frame) bool { return has(f, in, value(f)) }
	}
	values, wantAll := compileList(c, e.args[1], each), e.name == "allof"
	return func(f *Frame) bool {
		for i, n := 0, values.length(f); i < n; i++ {
			if has(f, in, values.at(f, i)) != wantAll {
				return !wantAll
			}
		}
		return wantAll
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
	if e.typ.elem() == String {
		texts := compileList(c, e, c.string)
		return func(f *Frame) int64 { return int64(texts.length(f)) }
	}
	return choiceLength(c, e)
}

// choiceLength is the length of a list that holds no texts, and so is written
// out, or a choice between such lists.
func choiceLength(c *compiler, e *expr) fn[int64] {
	if e.kind == kindCond {
		return choose(c.bool(e.args[0]), choiceLength(c, e.args[1]), choiceLength(c, e.args[2]))
	}
	n := int64(len(e.args))
	return func(*Frame) int64 { return n }
}
