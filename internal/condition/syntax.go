package condition

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// habits are spellings from other languages, and what to write instead.
var habits = map[string]string{
	"and": "write &&",
	"or":  "write ||",
	"not": "write !",
	"in":  "write contains(list, value)",
	"=":   "write == to compare",
	"===": "write == to compare",
	"&":   "write &&",
	"|":   "write ||",
	"'":   `put texts in double quotes, like "human"`,
	"is":  "write == to compare",
}

// syntax reports what HCL itself says about a text it cannot parse. HCL tells
// its follow-up errors too; the first at each place is enough, and none is
// needed behind a spelling from another language.
func (p *parser) syntax(diags hcl.Diagnostics) {
	seen := map[int]bool{}
	for _, diag := range diags {
		if diag.Severity != hcl.DiagError {
			continue
		}
		at := Range{Start: Pos{Line: 1, Column: 1}, End: Pos{Line: 1, Column: 1}}
		if diag.Subject != nil {
			at = fromHCL(*diag.Subject)
		}
		if seen[at.Start.Byte] {
			continue
		}
		seen[at.Start.Byte] = true
		if strings.TrimSpace(at.in(p.src)) == "" {
			at.End = at.Start
		}
		if not, ok := p.wordBefore(at.Start, "not"); ok {
			p.report(CodeSyntax, not, habits["not"], "not is not part of the condition language")
			return
		}
		word := firstWord(at.in(p.src), p.src[min(at.Start.Byte, len(p.src)):])
		if mend, ok := habits[word]; ok {
			p.report(CodeSyntax, at, mend, word+" is not part of the condition language")
			return
		}
		p.report(CodeSyntax, at, "", strings.TrimSuffix(diag.Summary+": "+firstSentence(diag.Detail), "."))
	}
}

// wordBefore finds a word on the line of a place and right before it: HCL takes
// "not" for a variable and complains about what comes after.
func (p *parser) wordBefore(at Pos, word string) (Range, bool) {
	before := p.src[:min(at.Byte, len(p.src))]
	gap := len(before) - len(strings.TrimRight(before, " "))
	start := len(before) - gap - len(word)
	if start < 0 || gap == 0 || before[start:start+len(word)] != word ||
		start > 0 && strings.ContainsRune("._-", rune(before[start-1])) || start > 0 && isLetter(before[start-1]) {
		return Range{}, false
	}
	from := Pos{Line: at.Line, Column: at.Column - gap - len(word), Byte: start}
	return Range{Start: from, End: Pos{Line: at.Line, Column: from.Column + len(word), Byte: start + len(word)}}, true
}

func isLetter(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b >= 0x80
}

// firstWord is the offending token: HCL's range may cover more or less than it.
func firstWord(text, rest string) string {
	if fields := strings.Fields(text); len(fields) > 0 {
		return fields[0]
	}
	if fields := strings.Fields(rest); len(fields) > 0 {
		return fields[0]
	}
	return ""
}

func firstSentence(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if i := strings.Index(text, ". "); i >= 0 {
		return text[:i]
	}
	return text
}
