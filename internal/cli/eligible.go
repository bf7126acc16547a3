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

func (a *app) eligibleCommand() *cobra.Command {
	var input api.EligibilityInput
	var span durationFlag
	var identity, account, template string
	var entitlements []string
	var all, explain bool
	cmd := &cobra.Command{
		Use:   "eligible",
		Short: "What you may request, and how sure that is",
		Long: `What you may request, and how sure that is, before you request it.

certain   policy opens it, whatever the request says within the template's bounds
possible  it depends on the request or on its business event
never     no request and no event would open it now (shown with --all)

What you say of the event, the duration, the account and the reason counts as
known and makes the answer sharper. An approval that a template demands is still
to be given.`,
		Example: "  stint eligible\n  stint eligible --event INC-4711 --for 30m --explain",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			input.Identity, input.Account, input.Template = governance.IdentityID(identity), governance.AccountID(account), governance.TemplateID(template)
			input.Duration = span.given
			for _, id := range entitlements {
				input.Entitlements = append(input.Entitlements, governance.EntitlementID(id))
			}
			eligibility, err := ask(cmd.Context(), a, "Looking", func(ctx context.Context, c *client.Client) (api.Eligibility, error) {
				return c.Eligible(ctx, input)
			})
			if err != nil {
				return err
			}
			if !all {
				eligibility.Openings = slices.DeleteFunc(eligibility.Openings, func(o governance.Opening) bool { return o.Certainty == governance.Never })
			}
			return a.print(eligibility, func() string { return renderEligibility(a.screen(), eligibility, explain) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&identity, "identity", "", "ask for this identity instead of your own (needs a role)")
	flags.StringVar(&template, "template", "", "only through this grant template")
	flags.StringSliceVarP(&entitlements, "entitlement", "e", nil, "only this entitlement, once for each")
	flags.StringVar(&account, "account", "", "with this one of the identity's accounts")
	flags.StringVar(&input.BusinessEvent, "event", "", "for this business event: its id, or the name of an open one")
	flags.Var(&span, "for", "for this long, such as 30m or 1h30m")
	flags.StringVar(&input.Justification, "reason", "", "with this reason, in words")
	flags.BoolVar(&input.BreakGlass, "break-glass", false, "by break-glass, past the template's approval")
	flags.BoolVarP(&all, "all", "a", false, "also what is never opened, with --explain why")
	flags.BoolVar(&explain, "explain", false, "every reason, with the parts of the conditions that are still open")
	return cmd
}

func renderEligibility(s screen, e api.Eligibility, explain bool) string {
	if len(e.Openings) == 0 {
		return "Nothing may be requested. With --all --explain you see why.\n"
	}
	openings := slices.Clone(e.Openings)
	slices.SortStableFunc(openings, func(a, b governance.Opening) int {
		order := governance.Certainties()
		return cmp.Compare(slices.Index(order, a.Certainty), slices.Index(order, b.Certainty))
	})
	if explain {
		return explainOpenings(s, openings)
	}
	t := table{columns: []string{"certainty", "template", "at most", "approval", "event", "entitlement"}}
	for _, o := range openings {
		t.add(certaintyText(s, o.Certainty), printable(string(o.Template)), o.MaxDuration.String(), approvalText(o), dash(join(o.EventKinds)), printable(string(o.Entitlement)))
	}
	return t.render(s)
}

func explainOpenings(s screen, openings []governance.Opening) string {
	var b strings.Builder
	for _, o := range openings {
		fmt.Fprintf(&b, "%s: %s through %s, at most %s\n", certaintyText(s, o.Certainty), printable(string(o.Entitlement)), printable(string(o.Template)), o.MaxDuration)
		b.WriteString(renderReasons(s, o.Reasons))
	}
	return b.String()
}

func certaintyText(s screen, c governance.Certainty) string {
	switch c {
	case governance.Certain:
		return s.green(string(c))
	case governance.Possible:
		return s.yellow(string(c))
	case governance.Never:
	}
	return s.red(printable(string(c)))
}

func approvalText(o governance.Opening) string {
	text := "automatic"
	if len(o.Stages) > 0 {
		text = printable(strings.Join(o.Stages, ", "))
	}
	if o.BreakGlass {
		text += ", or break-glass"
	}
	return text
}
