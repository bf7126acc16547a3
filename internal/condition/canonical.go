package condition

import (
	"strconv"
	"strings"
)

// Canonical writes a source text in the one way that its meaning allows, so that
// two texts which differ only in layout, comments, line breaks or redundant
// parentheses give the same string. Names and types are not checked; a text
// that cannot be parsed is an error (Diagnostics). The form can be longer than
// the text, and so than MaxSource: it is for comparing, not for storing.
func Canonical(src string) (string, error) {
	tree, diags := parse(src)
	if len(diags) > 0 {
		return "", diags
	}
	return canonical(tree), nil
}

func canonical(e *expr) string {
	var out strings.Builder
	write(&out, e)
	return out.String()
}

func write(out *strings.Builder, e *expr) {
	switch e.kind {
	case kindLiteral:
		writeLiteral(out, e)
	case kindNull:
		out.WriteString("null")
	case kindRef:
		for i, step := range e.steps {
			if i > 0 {
				out.WriteByte('.')
			}
			out.WriteString(step.name)
		}
	case kindIndex:
		write(out, e.args[0]) // the parser lets only variables be indexed
		out.WriteByte('[')
		write(out, e.args[1])
		out.WriteByte(']')
	case kindCall:
		out.WriteString(e.name)
		out.WriteByte('(')
		writeJoined(out, e.args, ", ", write)
		out.WriteByte(')')
	case kindList:
		out.WriteByte('[')
		writeJoined(out, e.args, ", ", write)
		out.WriteByte(']')
	case kindNot:
		out.WriteByte('!')
		writeOperand(out, e.args[0])
	case kindAnd:
		writeJoined(out, e.args, " && ", writeTerm)
	case kindOr:
		writeJoined(out, e.args, " || ", writeTerm)
	case kindCompare:
		writeJoined(out, e.args, " "+e.name+" ", writeOperand)
	case kindCond:
		writeOperand(out, e.args[0])
		out.WriteString(" ? ")
		writeOperand(out, e.args[1])
		out.WriteString(" : ")
		writeOperand(out, e.args[2])
	}
}

// writeTerm writes a term of && or ||; a comparison binds tighter than those.
func writeTerm(out *strings.Builder, e *expr) {
	if e.kind == kindCompare {
		write(out, e)
		return
	}
	writeOperand(out, e)
}

// writeOperand puts parentheses around everything that has an operator between
// its parts, so that no precedence needs to be known to read it back.
func writeOperand(out *strings.Builder, e *expr) {
	switch e.kind {
	case kindAnd, kindOr, kindCompare, kindCond:
		out.WriteByte('(')
		write(out, e)
		out.WriteByte(')')
	default:
		write(out, e)
	}
}

func writeJoined(out *strings.Builder, items []*expr, separator string, each func(*strings.Builder, *expr)) {
	for i, item := range items {
		if i > 0 {
			out.WriteString(separator)
		}
		each(out, item)
	}
}

func writeLiteral(out *strings.Builder, e *expr) {
	switch e.typ {
	case Bool:
		out.WriteString(strconv.FormatBool(e.num == 1))
	case Int:
		out.WriteString(strconv.FormatInt(e.num, 10))
	case String:
		out.WriteString(quote(e.text))
	}
}

// quote writes a text as an HCL string literal.
func quote(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for i, r := range text {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			out.WriteString(`\u00`)
			out.WriteByte("0123456789abcdef"[r>>4])
			out.WriteByte("0123456789abcdef"[r&15])
		case (r == '$' || r == '%') && strings.HasPrefix(text[i+1:], "{"):
			out.WriteRune(r)
			out.WriteRune(r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}
