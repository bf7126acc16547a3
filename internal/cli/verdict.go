package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (a *app) approveCommand() *cobra.Command {
	return a.verdictCommand("approve", "Approve a request in its current stage", (*client.Client).Approve)
}

func (a *app) rejectCommand() *cobra.Command {
	return a.verdictCommand("reject", "Reject a request; one rejection is enough", (*client.Client).Reject)
}

type speak func(c *client.Client, ctx context.Context, id governance.RequestID, comment string) (api.Request, error)

func (a *app) verdictCommand(verb, short string, say speak) *cobra.Command {
	var comment string
	cmd := &cobra.Command{
		Use:   verb + " ID",
		Short: short,
		Long:  short + ".\n\nAn id may be shortened to 6 or more characters of its beginning or end.",
		Args:  exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onRequest(cmd.Context(), args[0], func(ctx context.Context, c *client.Client, id governance.RequestID) (api.Request, error) {
				return say(c, ctx, id, comment)
			})
		},
	}
	cmd.Flags().StringVar(&comment, "comment", "", "what to say with it; kept as evidence")
	return cmd
}

func (a *app) withdrawCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "withdraw ID",
		Short: "Withdraw a pending request of your own",
		Args:  exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onRequest(cmd.Context(), args[0], func(ctx context.Context, c *client.Client, id governance.RequestID) (api.Request, error) {
				return c.Withdraw(ctx, id)
			})
		},
	}
}

// onRequest does something to one request and shows what came of it.
func (a *app) onRequest(ctx context.Context, written string, do func(context.Context, *client.Client, governance.RequestID) (api.Request, error)) error {
	request, err := ask(ctx, a, "Working", func(ctx context.Context, c *client.Client) (api.Request, error) {
		id, err := resolveRequest(ctx, c, written)
		if err != nil {
			return api.Request{}, err
		}
		return do(ctx, c, id)
	})
	if err != nil {
		return err
	}
	return a.print(request, func() string { return renderTurn(a.screen(), request.Request) })
}

// renderTurn says in one line where a request stands now, and why when the
// last decision turned against it.
func renderTurn(s screen, r governance.Request) string {
	line := fmt.Sprintf("request %s of %s through %s is %s", r.ID, printable(string(r.Identity)), printable(string(r.Template)), requestState(s, r.State))
	switch {
	case r.State == governance.RequestInvalidated:
		return line + ": it was decided again and no longer holds\n" + renderReasons(s, r.Decision.Denials())
	case r.State == governance.RequestPending && len(r.Stages) > 0:
		return line + ", waiting for " + stageText(r) + "\n"
	default:
		return line + "\n"
	}
}
