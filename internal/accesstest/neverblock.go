package accesstest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// never reads one invariant.
func (p *parser) never(block *hclsyntax.Block) (Never, bool) {
	before := len(p.found)
	from := p.members(block.Body, "never", []string{"identity", "entitlement"})
	n := Never{
		Name: block.Labels[0], At: positionOf(block.DefRange()),
		Identity: read(p, from, "identity", (*parser).condition).value, Entitlement: read(p, from, "entitlement", (*parser).condition).value,
	}
	if len(from) == 0 {
		p.report(block.DefRange(), fmt.Sprintf("%q says neither who nor what", n.Name), `add identity or entitlement, each a condition, like entitlement = "entitlement.risk == \"critical\""`)
	}
	return n, len(p.found) == before
}

func (p *parser) condition(v value) (Condition, bool) {
	text, ok := p.str(v)
	return Condition{Text: text, place: func(at condition.Pos) Position { return p.place(v, text, at) }}, ok
}

// compile checks and compiles a condition; without one the result is nil.
func compile[T any](c *Condition, what string, compiled func(string) (*T, condition.Diagnostics)) (*T, Diagnostics) {
	if c == nil {
		return nil, nil
	}
	matcher, diags := compiled(c.Text)
	var found Diagnostics
	for _, diag := range diags {
		found = append(found, Diagnostic{At: c.place(diag.Range.Start), Message: fmt.Sprintf("%s: %s", what, diag.Message), Mend: diag.Suggestion, Text: diag.Text})
	}
	return matcher, found
}

// place finds where in the file a place of a condition stands.
func (p *parser) place(v value, meant string, at condition.Pos) Position {
	start := positionOf(v.at())
	written := p.text(v.at())
	switch {
	case strings.HasPrefix(written, "<<"):
		return inHeredoc(start, written, meant, at)
	case strings.HasPrefix(written, `"`):
		start.Column += 1 + utf8.RuneCountInString(written[1:1+escaped(written[1:], at.Byte)])
	}
	return start
}

// inHeredoc: the text begins on the line behind the marker, and each line is
// indented as far as it is longer than what it means.
func inHeredoc(start Position, written, meant string, at condition.Pos) Position {
	lines, texts := strings.Split(written, "\n"), strings.Split(meant, "\n")
	if at.Line >= len(lines) || at.Line > len(texts) {
		return start
	}
	indent := utf8.RuneCountInString(lines[at.Line]) - utf8.RuneCountInString(texts[at.Line-1])
	return Position{File: start.File, Line: start.Line + at.Line, Column: at.Column + max(indent, 0)}
}

// escaped is how many bytes of a quoted text stand for so many bytes of what it
// means.
func escaped(written string, meant int) int {
	took := 0
	for meant > 0 && took < len(written) {
		n, means := character(written[took:])
		took, meant = took+n, meant-means
	}
	return took
}

// character is the length of the first character as it is written, and of what it
// means.
func character(written string) (took, means int) {
	for prefix, digits := range map[string]int{`\u`: 4, `\U`: 8} {
		if !strings.HasPrefix(written, prefix) || len(written) < len(prefix)+digits {
			continue
		}
		code, err := strconv.ParseInt(written[len(prefix):len(prefix)+digits], 16, 32)
		if err == nil {
			return len(prefix) + digits, max(utf8.RuneLen(rune(code)), 1)
		}
	}
	if strings.HasPrefix(written, `\`) && len(written) >= 2 || strings.HasPrefix(written, "$${") || strings.HasPrefix(written, "%%{") {
		return 2, 1
	}
	_, size := utf8.DecodeRuneInString(written)
	return size, size
}
