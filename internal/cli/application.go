package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (a *app) applicationCommand() *cobra.Command {
	return group("application", "Give up on an application whose target is gone (needs the role admin)",
		`Give up on an application whose target is gone (needs the role admin).

Applications are declared. While an application's target does not answer, its
grants cannot be read back as gone, and so it cannot be removed; retiring it says
that nobody waits for that any more.`,
		a.retireCommand(), a.reinstateCommand())
}

func (a *app) retireCommand() *cobra.Command {
	var two twoPeople
	cmd := &cobra.Command{
		Use:   "retire APPLICATION --reason TEXT | --confirm | --withdraw",
		Short: "Give up on an application whose target will never answer again; this takes two people",
		Long: `Give up on an application whose target will never answer again; this takes two
people.

One proposes it with --reason, another confirms it with --confirm within a day;
until then it can be taken back with --withdraw. Neither may hold a grant in it or
answer for whoever does. Its grants are over then, with the outcome abandoned; it is
read no more, gives nothing any more, and can be removed. Its findings stay.`,
		Args: exactly("APPLICATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := two.check(); err != nil {
				return err
			}
			id := governance.ApplicationID(args[0])
			if two.confirm {
				retired, err := ask(cmd.Context(), a, "Working", func(ctx context.Context, c *client.Client) (api.Retired, error) { return c.ConfirmRetire(ctx, id) })
				if err != nil {
					return err
				}
				return a.print(retired, func() string {
					return fmt.Sprintf("%s is retired; %s given up. See `stint drift --kind abandoned`.\n", printable(string(id)), plural(int64(len(retired.Grants)), "grant"))
				})
			}
			if two.withdraw {
				proposal, err := ask(cmd.Context(), a, "Working", func(ctx context.Context, c *client.Client) (governance.Proposal, error) {
					return c.WithdrawRetire(ctx, id)
				})
				if err != nil {
					return err
				}
				return a.print(proposal, func() string { return renderWithdrawn(proposal) })
			}
			proposal, err := ask(cmd.Context(), a, "Working", func(ctx context.Context, c *client.Client) (governance.Proposal, error) {
				return c.ProposeRetire(ctx, id, two.reason)
			})
			if err != nil {
				return err
			}
			return a.print(proposal, func() string { return a.renderProposal(proposal, "stint application retire "+proposal.Subject) })
		},
	}
	two.register(cmd)
	return cmd
}

func (a *app) reinstateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reinstate APPLICATION",
		Short: "Govern a retired application again, once its target was read",
		Args:  exactly("APPLICATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.allowForReading(cmd)
			reinstated, err := ask(cmd.Context(), a, "Reading "+args[0], func(ctx context.Context, c *client.Client) (api.Reinstated, error) {
				return c.Reinstate(ctx, governance.ApplicationID(args[0]))
			})
			if err != nil {
				return err
			}
			return a.print(reinstated, func() string {
				taken := plural(int64(reinstated.Resumed), "right") + " taken back"
				if reinstated.Accounts > 0 {
					taken += ", " + plural(int64(reinstated.Accounts), "account") + " removed"
				}
				return fmt.Sprintf("%s is governed again; %s.\n", printable(string(reinstated.Application)), taken)
			})
		},
	}
}
