package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
)

func (a *app) eventExtendCommand() *cobra.Command {
	var reason string
	var endsIn durationFlag
	var endsAt timeFlag
	cmd := &cobra.Command{
		Use:   "extend ID|NAME",
		Short: "Give an open event a later end; whoever gains from it may not",
		Long: `Give an open event a later end.

The grants that were given for it are not lengthened. Whoever holds one, or
answers for who does, may not extend the event. The end of a declared event is
changed where it is declared.`,
		Example: `  stint event extend INC-4711 --ends-in 2h --reason "the failover is not done"`,
		Args:    exactly("ID|NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := onlyOneOf(cmd.Flags(), "ends-in", "ends-at"); err != nil {
				return err
			}
			input := api.ExtendEventInput{Justification: reason}
			switch {
			case endsIn.given != nil:
				input.EndsAt = a.Now().Add(endsIn.given.Std()).UTC().Truncate(time.Second)
			case endsAt.given != nil:
				input.EndsAt = *endsAt.given
			default:
				return usageErrorf("say when the event ends now: give --ends-in (2h) or --ends-at (2026-12-31T17:00:00Z)")
			}
			if reason == "" {
				return usageErrorf("say why the event goes on: give --reason")
			}
			extended, err := ask(cmd.Context(), a, "Extending the event", func(ctx context.Context, c *client.Client) (api.BusinessEvent, error) {
				return c.ExtendEvent(ctx, args[0], input)
			})
			if err != nil {
				return err
			}
			return a.print(extended, func() string { return a.renderEvent(extended) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why the event goes on")
	cmd.Flags().Var(&endsIn, "ends-in", "end it this time from now, such as 2h")
	cmd.Flags().Var(&endsAt, "ends-at", "end it at this time, such as 2026-12-31T17:00:00Z")
	return cmd
}
