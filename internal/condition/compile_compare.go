package condition

import (
	"cmp"
	"time"
)

func (c *compiler) compare(e *expr) fn[bool] {
	left, right := e.args[0], e.args[1]
	if left.kind == kindNull {
		return c.isNull(right, e.name == "==")
	}
	if right.kind == kindNull {
		return c.isNull(left, e.name == "==")
	}
	if quick := c.compareVariable(e); quick != nil {
		return quick
	}
	switch left.typ {
	case Bool:
		return equality(e.name, c.bool(left), c.bool(right))
	case String:
		return equality(e.name, c.string(left), c.string(right))
	case Int:
		return ordering(e.name, c.int(left), c.int(right))
	case Duration:
		return ordering(e.name, c.duration(left), c.duration(right))
	default:
		return timeOrdering(e.name, c.time(left), c.time(right))
	}
}

// isNull is a guard: true when the variable is null and want is true, or the
// reverse. A variable that was never set is an error, not null.
func (c *compiler) isNull(e *expr, want bool) fn[bool] {
	if e.kind == kindIndex {
		slot, unset, key := e.args[0].variable.slot, c.unset(e.args[0]), c.string(e.args[1])
		return func(f *Frame) bool {
			_, there := f.read(slot, unset).dict[key(f)]
			return !there == want
		}
	}
	slot, unset := e.variable.slot, c.unset(e)
	return func(f *Frame) bool {
		state := f.cells[slot].state
		if state != cellNull && state != cellSet {
			f.fail(unset)
			return false
		}
		return (state == cellNull) == want
	}
}

func equality[T comparable](operator string, left, right fn[T]) fn[bool] {
	if operator == "==" {
		return func(f *Frame) bool { return left(f) == right(f) }
	}
	return func(f *Frame) bool { return left(f) != right(f) }
}

func ordering[T cmp.Ordered](operator string, left, right fn[T]) fn[bool] {
	switch operator {
	case "<":
		return func(f *Frame) bool { return left(f) < right(f) }
	case "<=":
		return func(f *Frame) bool { return left(f) <= right(f) }
	case ">":
		return func(f *Frame) bool { return left(f) > right(f) }
	case ">=":
		return func(f *Frame) bool { return left(f) >= right(f) }
	}
	return equality(operator, left, right)
}

func timeOrdering(operator string, left, right fn[time.Time]) fn[bool] {
	order := func(f *Frame) int { return left(f).Compare(right(f)) }
	switch operator {
	case "==":
		return func(f *Frame) bool { return order(f) == 0 }
	case "!=":
		return func(f *Frame) bool { return order(f) != 0 }
	case "<":
		return func(f *Frame) bool { return order(f) < 0 }
	case "<=":
		return func(f *Frame) bool { return order(f) <= 0 }
	case ">":
		return func(f *Frame) bool { return order(f) > 0 }
	}
	return func(f *Frame) bool { return order(f) >= 0 }
}
