package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// risksFalling lists the severities, worst first.
func risksFalling() []governance.Risk {
	return []governance.Risk{governance.RiskCritical, governance.RiskHigh, governance.RiskMedium, governance.RiskLow}
}

// rank is 0 for the worst severity; one that is not known counts as the worst.
func rank(r governance.Risk) int { return max(0, slices.Index(risksFalling(), r)) }

func (a *app) driftCommand() *cobra.Command {
	var application, kind, minSeverity string
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "What is there that nobody declared, and the reverse",
		Long: `What is there that nobody declared, and the reverse: standing privilege, undeclared
and missing entitlements, orphan accounts, rights that came back, identities that
nobody answers for or that time is about to take the access of.

Exit code 2 when there are findings, 0 when there are none.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmp.Or(allowed("kind", kind, governance.FindingKinds()), allowed("min-severity", minSeverity, risksFalling())); err != nil {
				return err
			}
			listing, err := ask(cmd.Context(), a, "Reading findings", func(ctx context.Context, c *client.Client) (client.Listing[api.Finding], error) {
				return c.Findings(ctx, governance.ApplicationID(application), governance.FindingKind(kind))
			})
			if err != nil {
				return err
			}
			shown := selectionOf(listing, func(f api.Finding) bool {
				return minSeverity == "" || rank(f.Severity) <= rank(governance.Risk(minSeverity))
			})
			slices.SortStableFunc(shown.Items, worstFirst)
			if err := a.print(shown, func() string { return a.renderDrift(shown) }); err != nil {
				return err
			}
			if len(shown.Items) > 0 {
				return exitWith(ExitFindings)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&application, "application", "", "only findings of this application")
	cmd.Flags().StringVar(&kind, "kind", "", "only findings of this kind: "+join(governance.FindingKinds()))
	cmd.Flags().StringVar(&minSeverity, "min-severity", "", "only findings at least as bad as this: low, medium, high or critical")
	oneOfFlag(cmd, "kind", governance.FindingKinds()...)
	oneOfFlag(cmd, "min-severity", risksFalling()...)
	return cmd
}

func worstFirst(x, y api.Finding) int {
	return cmp.Or(cmp.Compare(rank(x.Severity), rank(y.Severity)), cmp.Compare(x.Application, y.Application),
		cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Account, y.Account), cmp.Compare(x.Entitlement, y.Entitlement))
}

func (a *app) renderDrift(shown selection[api.Finding]) string {
	if len(shown.Items) == 0 {
		return fmt.Sprintf("No findings. Last observation: %s.\n", a.moment(shown.ObservedAt))
	}
	s := a.screen()
	t := table{columns: []string{"severity", "kind", "application", "since", "what"}}
	for _, f := range shown.Items {
		t.add(severity(s, f.Severity), printable(string(f.Kind)), dash(printable(string(f.Application))), relative(f.FirstSeen, a.Now()), printable(f.Message))
	}
	return t.render(s) + "\n" + driftSummary(shown.Items) + " Oldest observation: " + a.moment(shown.ObservedAt) + ".\n"
}

func driftSummary(findings []api.Finding) string {
	counts := map[governance.Risk]int{}
	applications := map[governance.ApplicationID]bool{}
	for _, f := range findings {
		counts[f.Severity]++
		if f.Application != "" {
			applications[f.Application] = true
		}
	}
	var parts []string
	for _, risk := range risksFalling() {
		if n := counts[risk]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, risk))
		}
	}
	where := ""
	if len(applications) > 0 {
		where = " in " + plural(int64(len(applications)), "application")
	}
	return fmt.Sprintf("%s%s: %s.", plural(int64(len(findings)), "finding"), where, strings.Join(parts, ", "))
}

func severity(s screen, risk governance.Risk) string {
	switch risk {
	case governance.RiskCritical:
		return s.bold(s.red(string(risk)))
	case governance.RiskHigh:
		return s.red(string(risk))
	case governance.RiskMedium:
		return s.yellow(string(risk))
	case governance.RiskLow:
	}
	return printable(string(risk))
}
