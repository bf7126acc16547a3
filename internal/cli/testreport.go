package cli

import (
	"fmt"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/accesstest"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// shownBreaches is how many of an invariant's breaches a person is shown.
const shownBreaches = 5

// renderReport shows every test by file, under one that failed why, and at the
// end what no test exercised, if all of them ran.
func renderReport(s screen, report accesstest.Report, all bool) string {
	var b strings.Builder
	file, scenario := "", ""
	for _, result := range report.Results {
		if result.At.File != file {
			if file != "" {
				b.WriteString("\n")
			}
			file, scenario = result.At.File, ""
			fmt.Fprintf(&b, "%s\n", s.bold(printable(file)))
		}
		if result.Row != "" && result.Scenario != scenario {
			fmt.Fprintf(&b, "  %s\n", printable(result.Scenario))
		}
		scenario = result.Scenario
		b.WriteString(renderResult(s, result))
	}
	b.WriteString("\n")
	if all {
		b.WriteString(renderGaps(s, report.Coverage.Gaps()))
	}
	summary := plural(int64(report.Passed), "test") + " passed"
	if report.Failed > 0 {
		summary += ", " + s.red(fmt.Sprintf("%d failed", report.Failed))
	}
	return b.String() + summary + ".\n"
}

// renderResult is one line, and more when the test failed.
func renderResult(s screen, result accesstest.Result) string {
	name, indent := result.Name(), "  "
	if result.Row != "" {
		name, indent = result.Row, "    "
	}
	if result.Outcome == accesstest.Passed {
		return fmt.Sprintf("%s%s %s\n", indent, s.green("✓"), printable(name))
	}
	return fmt.Sprintf("%s%s %s  %s\n", indent, s.red("✗"), printable(name), s.faint(printable(result.At.String()))) +
		indented(indent+"    ", renderFailure(s, result))
}

// renderFailure says what was expected, what came, and how it came about.
func renderFailure(s screen, result accesstest.Result) string {
	var b strings.Builder
	if result.Error != "" {
		fmt.Fprintf(&b, "it cannot be put to the policy: %s\n", printable(result.Error))
	}
	for _, miss := range result.Misses {
		fmt.Fprintf(&b, "%s: expected %s, got %s\n", miss.What, printable(miss.Want), s.red(printable(miss.Got)))
	}
	for i, breach := range result.Breaches {
		if i == shownBreaches {
			fmt.Fprintf(&b, "and %d more\n", len(result.Breaches)-i)
			break
		}
		b.WriteString(renderBreach(s, breach))
	}
	if result.Decision != nil {
		b.WriteString(renderReasons(s, result.Decision.Reasons))
	}
	return b.String()
}

func renderBreach(s screen, breach accesstest.Breach) string {
	who, what := printable(string(breach.Identity)), printable(string(breach.Entitlement))
	var through []governance.EntitlementID
	if len(breach.Path) > 1 {
		through = breach.Path[:len(breach.Path)-1]
	}
	along := ""
	if len(through) > 0 {
		along = " through " + join(through)
	}
	switch {
	case breach.Holding != nil && breach.Holding.Grant != "":
		return fmt.Sprintf("%s holds %s%s, by grant %s of account %s\n", who, what, along, breach.Holding.Grant, printable(string(breach.Holding.Account)))
	case breach.Holding != nil:
		return fmt.Sprintf("%s holds %s%s, as account %s\n", who, what, along, printable(string(breach.Holding.Account)))
	case breach.Opening != nil:
		return fmt.Sprintf("%s can get %s%s with template %s (%s)\n", who, what, along, printable(string(breach.Opening.Template)), breach.Opening.Certainty) +
			renderReasons(s, breach.Opening.Reasons)
	}
	return fmt.Sprintf("%s: %s\n", who, printable(breach.Error))
}

func renderGaps(s screen, gaps []accesstest.Gap) string {
	if len(gaps) == 0 {
		return "Every policy, conjunct, SoD rule and template was exercised.\n"
	}
	var b strings.Builder
	b.WriteString("What no test exercised:\n")
	for _, gap := range gaps {
		fmt.Fprintf(&b, "  %s %s %s\n", s.yellow("!"), printable(gap.Object), printable(gap.What))
	}
	b.WriteString("\n")
	return b.String()
}

func indented(indent, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(indent + line)
	}
	return b.String()
}
