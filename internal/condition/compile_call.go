package condition

import (
	"net/netip"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func (c *compiler) boolCall(e *expr) fn[bool] {
	switch e.name {
	case "startswith":
		text, prefix := c.string(e.args[0]), c.string(e.args[1])
		return func(f *Frame) bool { return strings.HasPrefix(text(f), prefix(f)) }
	case "endswith":
		text, suffix := c.string(e.args[0]), c.string(e.args[1])
		return func(f *Frame) bool { return strings.HasSuffix(text(f), suffix(f)) }
	case "matches":
		text, re := c.string(e.args[0]), e.bound.(*regexp.Regexp)
		return func(f *Frame) bool { return re.MatchString(text(f)) }
	case "cidrcontains":
		return c.cidrContains(e)
	}
	return c.listCall(e)
}

func (c *compiler) cidrContains(e *expr) fn[bool] {
	prefix, address := e.bound.(netip.Prefix), c.string(e.args[1])
	bad := c.evalError(EvalBadAddress, e.args[1], "its value is not an IP address")
	return func(f *Frame) bool {
		text := address(f)
		if !looksLikeAddress(text) {
			f.fail(bad)
			return false
		}
		addr, err := netip.ParseAddr(text)
		if err != nil {
			f.fail(bad)
			return false
		}
		return prefix.Contains(addr.Unmap())
	}
}

// looksLikeAddress keeps texts from netip.ParseAddr that would make it allocate
// an error, or a zone.
func looksLikeAddress(text string) bool {
	if text == "" || len(text) > 45 {
		return false
	}
	for i := range len(text) {
		switch b := text[i]; {
		case b >= '0' && b <= '9', b >= 'a' && b <= 'f', b >= 'A' && b <= 'F', b == '.', b == ':':
		default:
			return false
		}
	}
	return true
}

func (c *compiler) stringCall(e *expr) fn[string] {
	if e.name == "lower" {
		text := c.string(e.args[0])
		return func(f *Frame) string { return f.lower(text(f)) }
	}
	at, zone := c.time(e.args[0]), e.bound.(*time.Location)
	return func(f *Frame) string { return weekdays[at(f).In(zone).Weekday()] }
}

var weekdays = [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

func (c *compiler) intCall(e *expr) fn[int64] {
	if e.name == "length" {
		return c.length(e.args[0])
	}
	at, zone := c.time(e.args[0]), e.bound.(*time.Location)
	return func(f *Frame) int64 { return int64(at(f).In(zone).Hour()) }
}

func (c *compiler) length(e *expr) fn[int64] {
	if e.typ == String {
		text := c.string(e)
		return func(f *Frame) int64 { return int64(utf8.RuneCountInString(text(f))) }
	}
	if e.typ.isMap() {
		slot, unset := e.variable.slot, c.unset(e)
		return func(f *Frame) int64 { return int64(len(f.read(slot, unset).dict)) }
	}
	return c.listLength(e)
}

// lower lowers a text in the frame's scratch space, in NFC: lowering alone can
// leave that form.
func (f *Frame) lower(text string) string {
	upper := strings.IndexFunc(text, func(r rune) bool { return unicode.ToLower(r) != r })
	if upper < 0 {
		return text
	}
	start := len(f.scratch)
	for _, r := range text {
		f.scratch = utf8.AppendRune(f.scratch, unicode.ToLower(r))
	}
	if lowered := f.scratch[start:]; norm.NFC.QuickSpan(lowered) < len(lowered) {
		start = len(f.scratch)
		f.scratch = norm.NFC.Append(f.scratch, lowered...)
	}
	return f.keep(start)
}
