package cli

import (
	"fmt"
	"strings"

	prettytext "github.com/jedib0t/go-pretty/v6/text"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// renderTrace tells everything that a decision weighed: the policies of each
// entitlement with their conjuncts, the SoD rules that are touched, the
// template's bounds, and last what stands in the way.
func (a *app) renderTrace(s screen, t governance.Trace) string {
	var b strings.Builder
	for _, e := range t.Entitlements {
		fmt.Fprintf(&b, "\n%s\n", s.bold("Policies for "+printable(string(e.Entitlement))))
		if len(e.Policies) == 0 {
			b.WriteString("  none names it\n")
		}
		for _, p := range e.Policies {
			fmt.Fprintf(&b, "  %s %s %s\n", policyMark(s, p), printable(string(p.Policy)), policySays(p))
			b.WriteString(renderConjuncts(s, p.Parts))
		}
	}
	if len(t.Rules) > 0 {
		fmt.Fprintf(&b, "\n%s\n", s.bold("Separation of duties"))
		for _, r := range t.Rules {
			b.WriteString(renderRule(s, r))
		}
	}
	if t.Bounds != nil {
		fmt.Fprintf(&b, "\n%s\n%s", s.bold("Bounds of the template"), a.renderBounds(s, *t.Bounds))
	}
	if t.NearestMiss != nil {
		fmt.Fprintf(&b, "\n%s\n", s.bold("Nearest miss"))
		for _, o := range t.NearestMiss.Obstacles {
			fmt.Fprintf(&b, "  %s %s\n", s.red("✗"), printable(o.Message))
		}
		fmt.Fprintf(&b, "  %s\n", missing(*t.NearestMiss))
	}
	return b.String()
}

// policyMark is what a policy does to the request.
func policyMark(s screen, p governance.PolicyTrace) string {
	denies := p.Effect == governance.PolicyDeny
	switch p.Outcome {
	case governance.PolicyMatches:
		if denies {
			return s.red("✗")
		}
		return s.green("✓")
	case governance.PolicyErrs:
		return s.red("!")
	case governance.PolicyNoMatch:
		if !denies {
			return s.red("✗")
		}
	case governance.PolicyNotListed:
	}
	return s.faint("·")
}

func policySays(p governance.PolicyTrace) string {
	effect := fmt.Sprintf("(%s) ", p.Effect)
	switch p.Outcome {
	case governance.PolicyMatches:
		return effect + "matches"
	case governance.PolicyErrs:
		return effect + "errs, which denies"
	case governance.PolicyNotListed:
		return effect + "is not listed by the template: it was not evaluated and opens nothing here"
	case governance.PolicyNoMatch:
	}
	says := fmt.Sprintf("does not match: %d of %s failed", len(p.Failed), plural(int64(len(p.Parts)), "conjunct"))
	if len(p.Unjudged) > 0 {
		says += fmt.Sprintf(", %d cannot be judged before", len(p.Unjudged))
	}
	return effect + says
}

// renderConjuncts numbers the conjuncts of one condition; under each stands the
// piece that decided it.
func renderConjuncts(s screen, parts []governance.Part) string {
	widest := 0
	for _, part := range parts {
		widest = max(widest, prettytext.StringWidthWithoutEscSequences(oneLine(part.Text)))
	}
	var b strings.Builder
	for i, part := range parts {
		text := prettytext.Pad(oneLine(part.Text), widest, ' ')
		line := fmt.Sprintf("      %s %d. %-6s %s  %s", outcomeMark(s, part.Outcome), i+1, position(part.Line, part.Column), text, s.faint(sawBehind(part)))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		if d := part.Decided; d != nil {
			fmt.Fprintf(&b, "             %s\n", s.faint(fmt.Sprintf("because %s is %s (%s)", oneLine(d.Text), d.Outcome, position(d.Line, d.Column))))
		}
	}
	return b.String()
}

func position(line, column int) string { return fmt.Sprintf("%d:%d", line, column) }

func sawBehind(part governance.Part) string {
	switch {
	case !part.Behind:
		return saw(part)
	case part.Outcome == "not_evaluated":
		return "cannot be judged before"
	}
	return strings.TrimRight("not reached; "+saw(part), "; ")
}

func renderRule(s screen, r governance.RuleTrace) string {
	mark, verdict := s.green("✓"), "holds"
	if r.Violated {
		verdict = "is violated"
		mark = map[governance.SoDMode]string{
			governance.SoDDeny: s.red("✗"), governance.SoDApprove: s.yellow("?"), governance.SoDRecord: s.faint("·"),
		}[r.Mode]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  %s %s (%s) %s: %s touched, at most %d allowed\n", mark, printable(string(r.Rule)), r.Mode, verdict, dutiesOf(r), r.Limit)
	for _, touch := range r.Touches {
		fmt.Fprintf(&b, "      %s\n", renderTouch(touch))
	}
	return b.String()
}

func dutiesOf(r governance.RuleTrace) string {
	if len(r.Touches) == 1 {
		return "1 duty"
	}
	return fmt.Sprintf("%d duties", len(r.Touches))
}

func renderTouch(t governance.Touch) string {
	verb := "has"
	if t.Requested {
		verb = "would have"
	}
	text := fmt.Sprintf("%s: %s %s it through %s", printable(t.Duty), printable(string(t.Holding.Identity)), verb, printable(string(t.Holding.Entitlement)))
	if len(t.Path) > 1 {
		text += " > " + strings.ReplaceAll(join(t.Path[1:]), ", ", " > ")
	}
	return text + fmt.Sprintf(" (account %s)", printable(string(t.Holding.Account)))
}

func missing(m governance.NearestMiss) string {
	switch {
	case m.AtLeast:
		return fmt.Sprintf("at least %s would have to change", plural(int64(m.Count), "thing"))
	case m.Count == 1:
		return "everything else holds"
	}
	return fmt.Sprintf("%d things would have to change", m.Count)
}
