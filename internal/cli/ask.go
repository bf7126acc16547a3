package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// askFlags are what request and decide have in common.
type askFlags struct {
	entitlements           []string
	account, event, reason string
	span                   durationFlag
	breakGlass             bool
	begin                  beginFlag
}

func (f *askFlags) register(flags *pflag.FlagSet) {
	flags.StringSliceVarP(&f.entitlements, "entitlement", "e", nil, "entitlement to ask for, once for each; may be left out when the template has just one")
	flags.StringVar(&f.account, "account", "", "which of the identity's accounts; may be left out when there is one")
	flags.StringVar(&f.event, "event", "", "business event that the access is for: its id, or the name of an open one")
	flags.Var(&f.span, "for", "how long, such as 30m or 1h30m (default: the template's)")
	flags.Var(&f.begin, "not-before", "when the access is to begin: a time such as 2026-12-31T17:00:00Z, or how long from now, such as 8h (default: at once)")
	flags.StringVar(&f.reason, "reason", "", "why, in words")
	flags.BoolVar(&f.breakGlass, "break-glass", false, "at once, past the template's approval: for an emergency, with a --reason; somebody else reviews it afterwards")
}

func (f *askFlags) input(template string, now time.Time) api.RequestInput {
	input := api.RequestInput{
		Template: governance.TemplateID(template), Account: governance.AccountID(f.account),
		BusinessEvent: f.event, Duration: f.span.given, Justification: f.reason, BreakGlass: f.breakGlass,
		NotBefore: f.begin.at(now),
	}
	for _, id := range f.entitlements {
		input.Entitlements = append(input.Entitlements, governance.EntitlementID(id))
	}
	return input
}

func (a *app) decideCommand() *cobra.Command {
	var flags askFlags
	var identity string
	var explain bool
	cmd := &cobra.Command{
		Use:   "decide TEMPLATE",
		Short: "What would become of a request, with every reason",
		Long: `What would become of a request, with every reason, without making it.

Each policy that spoke is shown with every part of its condition: where it
stands (line:column), how it came out, and the values that it saw. Exit code 3
when the request would be denied.

With --explain the answer tells everything that was weighed: also the policies
that the template does not list, the conjuncts behind the one that failed and
the piece of each that decided, the rules on separation of duties that the
request touches, the template's bounds, and the nearest miss: what stands in
the way of a request that would be denied.`,
		Example: `  stint decide incident-admin --event INC-4711 --for 30m --identity alice
  stint decide incident-admin --explain`,
		Args: exactly("TEMPLATE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			input := api.DecisionInput{RequestInput: flags.input(args[0], a.Now()), Identity: governance.IdentityID(identity), Explain: explain}
			decision, err := ask(cmd.Context(), a, "Deciding", func(ctx context.Context, c *client.Client) (api.ExplainedDecision, error) {
				return c.Decide(ctx, input)
			})
			if err != nil {
				return err
			}
			if err := a.print(decision, func() string { return a.renderDecision(a.screen(), decision, input) }); err != nil {
				return err
			}
			if decision.Effect == governance.Deny {
				return exitWith(ExitDenied)
			}
			return nil
		},
	}
	flags.register(cmd.Flags())
	cmd.Flags().StringVar(&identity, "identity", "", "decide for this identity instead of your own (needs a role)")
	cmd.Flags().BoolVar(&explain, "explain", false, "tell everything that was weighed, and what is missing")
	return cmd
}

func (a *app) renderDecision(s screen, d api.ExplainedDecision, input api.DecisionInput) string {
	who := "you"
	if input.Identity != "" {
		who = string(input.Identity)
	}
	asked := fmt.Sprintf("%s through %s", printable(who), printable(string(input.Template)))
	var b strings.Builder
	b.WriteString(verdictLine(s, d.Decision, asked) + "\n")
	for _, g := range d.Grants {
		fmt.Fprintf(&b, "  %s would hold %s\n", printable(string(g.Account)), printable(string(g.Entitlement)))
	}
	if d.Trace == nil {
		b.WriteString(renderReasons(s, d.Reasons))
		return b.String()
	}
	for _, reason := range d.Reasons {
		fmt.Fprintf(&b, "  %s %s\n", weightMark(s, reason.Weight), printable(reason.Message))
	}
	b.WriteString(a.renderTrace(s, *d.Trace))
	return b.String()
}
