package condition

import (
	"math"
	"time"
)

// interval is the values that a whole number, a duration or a time can have at
// one place; empty when low is above high.
type interval struct {
	low, high int64
}

var anything = interval{math.MinInt64, math.MaxInt64}

func (i interval) isEmpty() bool { return i.low > i.high }

func (i interval) and(j interval) interval {
	return interval{max(i.low, j.low), min(i.high, j.high)}
}

// where is the values for which "value operator bound" holds. What != leaves has
// a hole and is no interval; it counts as anything.
func where(operator string, bound int64) interval {
	out := anything
	switch operator {
	case "==":
		return interval{bound, bound}
	case "<=":
		out.high = bound
	case ">=":
		out.low = bound
	case "<":
		if bound == math.MinInt64 {
			return interval{1, 0}
		}
		out.high = bound - 1
	case ">":
		if bound == math.MaxInt64 {
			return interval{1, 0}
		}
		out.low = bound + 1
	}
	return out
}

// naturalBounds is the values that e can have at all.
func naturalBounds(e *expr) interval {
	if e.kind == kindCall && e.name == "length" {
		return interval{0, math.MaxInt64}
	}
	if e.kind == kindCall && e.name == "hour" {
		return interval{0, 23}
	}
	return anything
}

// fixedValue is the number behind a written int, duration or time.
func fixedValue(e *expr) (int64, bool) {
	if e.kind == kindLiteral && e.typ == Int {
		return e.num, true
	}
	if e.kind != kindCall {
		return 0, false
	}
	switch value := e.bound.(type) {
	case time.Duration:
		return int64(value), true
	case time.Time:
		// Outside of these years UnixNano has no defined result.
		if value.Year() > 1700 && value.Year() < 2200 {
			return value.UnixNano(), true
		}
	}
	return 0, false
}

// negated and mirrored are the operators of !(a op b) and of b op a.
var (
	negated  = map[string]string{"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
	mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
)

// comparison is a compare node read as "subject operator fixed", whichever side
// the fixed value stands on; false when it is not of that form.
func comparison(e *expr) (subject *expr, operator string, fixed *expr, ok bool) {
	if e.kind != kindCompare || e.typ != Bool {
		return nil, "", nil, false
	}
	left, right := e.args[0], e.args[1]
	switch {
	case isFixed(right) && !left.isConstant():
		return left, e.name, right, true
	case isFixed(left) && !right.isConstant():
		return right, mirrored[e.name], left, true
	}
	return nil, "", nil, false
}

func isFixed(e *expr) bool {
	_, ok := fixedValue(e)
	return ok || e.kind == kindLiteral && e.typ == String
}
