package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
)

func (a *app) extendCommand() *cobra.Command {
	var span durationFlag
	var reason string
	var wait, quiet bool
	cmd := &cobra.Command{
		Use:   "extend ID",
		Short: "Ask for more time for an active grant of your own",
		Long: `Ask for more time for an active grant of your own.

This is a request of its own: policy decides it, and the template's stages
approve it again. Until then, and if they do not, the grant ends when it would
have. A denied request ends with exit code 3 and shows every reason. With --wait
the command returns when the grant has its later end (exit code 0), or when it
is clear that it will not get it (exit code 3). An id may be shortened to 6 or
more characters of its beginning or end.`,
		Example: `  stint extend 7f3a9c --for 30m --reason "the restore is still running" --wait`,
		Args:    exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			input := api.ExtendInput{Duration: span.given, Justification: reason}
			request, err := ask(cmd.Context(), a, "Requesting", func(ctx context.Context, c *client.Client) (api.Request, error) {
				id, err := resolveGrant(ctx, c, args[0])
				if err != nil {
					return api.Request{}, err
				}
				return c.Extend(ctx, id, input)
			})
			if err != nil {
				return err
			}
			return a.follow(cmd.Context(), request, wait, quiet)
		},
	}
	cmd.Flags().Var(&span, "for", "how much longer, such as 30m (default: the template's duration)")
	cmd.Flags().StringVar(&reason, "reason", "", "why, in words")
	cmd.Flags().BoolVarP(&wait, "wait", "w", false, "wait until the grant has its later end, or it is clear that it will not get it")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print only the id of the request")
	return cmd
}
