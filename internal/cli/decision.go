package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	prettytext "github.com/jedib0t/go-pretty/v6/text"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// renderReasons explains a decision: every reason with its mark, and under a
// policy each conjunct of its condition with its position and what it saw.
func renderReasons(s screen, reasons []governance.Reason) string {
	var b strings.Builder
	for _, reason := range reasons {
		fmt.Fprintf(&b, "  %s %s\n", weightMark(s, reason.Weight), printable(reason.Message))
		b.WriteString(renderParts(s, reason.Parts))
	}
	return b.String()
}

func weightMark(s screen, w governance.Weight) string {
	switch w {
	case governance.Denies:
		return s.red("✗")
	case governance.Supports:
		return s.green("✓")
	case governance.DemandsConsent:
		return s.yellow("?")
	case governance.Depends:
		return s.yellow("~")
	case governance.Notes:
	}
	return s.faint("·")
}

// renderParts aligns the conjuncts of one condition.
func renderParts(s screen, parts []governance.Part) string {
	widest := 0
	for _, part := range parts {
		widest = max(widest, prettytext.StringWidthWithoutEscSequences(oneLine(part.Text)))
	}
	var b strings.Builder
	for _, part := range parts {
		position := fmt.Sprintf("%d:%d", part.Line, part.Column)
		text := prettytext.Pad(oneLine(part.Text), widest, ' ')
		line := fmt.Sprintf("      %s %-6s %s  %s", outcomeMark(s, part.Outcome), position, text, s.faint(saw(part)))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

func outcomeMark(s screen, outcome string) string {
	switch outcome {
	case "true":
		return s.green("✓")
	case "false":
		return s.red("✗")
	case "error":
		return s.red("!")
	case "unknown":
		return s.yellow("~")
	default:
		return s.faint("·")
	}
}

// saw is what a conjunct was judged on.
func saw(part governance.Part) string {
	if part.Error != "" {
		return printable(part.Error)
	}
	if part.Outcome == "not_evaluated" {
		return "not evaluated"
	}
	values := make([]string, 0, len(part.Values))
	for _, name := range slices.Sorted(maps.Keys(part.Values)) {
		values = append(values, printable(name+" = "+part.Values[name]))
	}
	return strings.Join(values, ", ")
}

func oneLine(text string) string { return printable(strings.Join(strings.Fields(text), " ")) }

// verdictLine opens the explanation of a decision.
func verdictLine(s screen, d governance.Decision, asked string) string {
	switch d.Effect {
	case governance.Allow:
		return s.green("allowed") + ": " + asked + ", for " + d.Duration.String()
	case governance.NeedsApproval:
		return s.yellow("needs approval") + ": " + asked + ", for " + d.Duration.String()
	case governance.Deny:
	}
	return s.red("denied") + ": " + asked
}
