package report

import (
	"math"
	"strconv"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/tools/bench/contest"
)

// Number writes a figure with three digits that count, thousands set apart.
func Number(value float64) string {
	if value == 0 {
		return "0"
	}
	decimals := max(0, 2-int(math.Floor(math.Log10(math.Abs(value)))))
	text := strconv.FormatFloat(value, 'f', min(decimals, 3), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	whole, fraction, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		return whole + "." + fraction
	}
	return whole
}

// Time writes a span in the unit that fits.
func Time(t contest.Nanoseconds) string {
	switch {
	case t >= 1e9:
		return Number(float64(t)/1e9) + " s"
	case t >= 1e6:
		return Number(float64(t)/1e6) + " ms"
	case t >= 1e4:
		return Number(float64(t)/1e3) + " µs"
	}
	return Number(float64(t)) + " ns"
}

// Ratio says how many times the one is the other.
func Ratio(one, other contest.Nanoseconds) string {
	return Number(float64(one/other)) + " ×"
}
