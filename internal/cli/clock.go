package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
)

func (a *app) clockCommand() *cobra.Command {
	return group("clock", "Put a server's time right (needs the role admin)",
		`Put a server's time right (needs the role admin).

A server remembers the latest time that it has seen. While its clock is behind
that, or far from its database's, it takes rights back as ever and grants nothing;
/readyz says so under "clock".`, a.clockResetCommand())
}

func (a *app) clockResetCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "reset --reason REASON",
		Short: "Take back a time that was seen and never was, so that granting goes on",
		Long: `Take back a time that was seen and never was, so that granting goes on.

It is for after a clock that ran ahead: put the clock right first, then say so here.
The time that was seen becomes the clock's, and what is to come moves along: grants,
approval stages and reviews keep the time that they had left, and none gains any.
Whoever is suspended or has left by the wrong time alone is judged again. Grants that
ended because of the wrong time stay ended. The reset is in the evidence, with who
did it and why.`,
		Example: `  stint clock reset --reason "the machine started with a clock a year ahead"`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if reason == "" {
				return usageErrorf("say why the time that was seen is wrong: give --reason")
			}
			reset, err := ask(cmd.Context(), a, "Setting the time back", func(ctx context.Context, c *client.Client) (api.ClockReset, error) {
				return c.ResetClock(ctx, reason)
			})
			if err != nil {
				return err
			}
			return a.print(reset, func() string {
				return fmt.Sprintf("The time is set back from %s to %s; granting goes on.\n", reset.From.UTC().Format(time.RFC3339), reset.To.UTC().Format(time.RFC3339))
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why the time that was seen is wrong")
	return cmd
}
