package condition

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	day = 24 * time.Hour

	durationMend = "write it like 1h30m: whole numbers with the units d, h, m, s, largest first, each once"
)

// durationUnits are the units of the grammar, largest first.
var durationUnits = [...]struct {
	name string
	span time.Duration
}{{"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// ParseDuration reads Stint's one duration grammar: whole numbers with the units
// d (24 hours), h, m and s, largest first, each at most once, without sign,
// fraction or spaces. "0s" is allowed, "" and "0" are not. A span that
// time.Duration cannot hold (some 292 years) is refused. The error tells what
// is wrong and how to write it.
func ParseDuration(s string) (time.Duration, error) {
	if s == "" {
		return 0, fmt.Errorf("a duration is empty; %s", durationMend)
	}
	var total time.Duration
	next := 0
	for rest := s; rest != ""; {
		digits := 0
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		if digits == 0 {
			return 0, durationError(s, "%q is not a number", firstRune(rest))
		}
		number, unit := rest[:digits], firstRune(rest[digits:])
		if unit == "" {
			return 0, durationError(s, "%s has no unit", number)
		}
		rest = rest[digits+len(unit):]

		i := unitIndex(unit)
		if i < 0 {
			return 0, durationError(s, "%q is not a unit", unit)
		}
		if i < next {
			return 0, durationError(s, "the unit %s is repeated or after a smaller one", unit)
		}
		next = i + 1

		n, err := strconv.ParseInt(number, 10, 64)
		span := durationUnits[i].span
		if err != nil || n > int64((math.MaxInt64-total)/span) {
			return 0, durationError(s, "it is longer than 292 years")
		}
		total += time.Duration(n) * span
	}
	return total, nil
}

// FormatDuration writes d in the canonical form of the grammar: 90 minutes are
// "1h30m", nothing is "0s". ParseDuration reads it back to d. A span below zero
// or with a fraction of a second is outside the grammar and is written as
// time.Duration writes it, for display only.
func FormatDuration(d time.Duration) string {
	if d < 0 || d%time.Second != 0 {
		return d.String()
	}
	if d == 0 {
		return "0s"
	}
	var out []byte
	for _, unit := range durationUnits {
		if n := d / unit.span; n > 0 {
			out = strconv.AppendInt(out, int64(n), 10)
			out = append(out, unit.name...)
			d %= unit.span
		}
	}
	return string(out)
}

func unitIndex(name string) int {
	for i, unit := range durationUnits {
		if unit.name == name {
			return i
		}
	}
	return -1
}

func firstRune(s string) string {
	for i := range s {
		if i > 0 {
			return s[:i]
		}
	}
	return s
}

func durationError(s, reason string, args ...any) error {
	return fmt.Errorf("the duration %q cannot be read: %s; %s", strings.ToValidUTF8(s, "�"), fmt.Sprintf(reason, args...), durationMend)
}
