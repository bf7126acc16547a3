package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (a *app) requestCommand() *cobra.Command {
	var flags askFlags
	var wait, quiet bool
	cmd := &cobra.Command{
		Use:   "request TEMPLATE",
		Short: "Ask for access through a grant template",
		Long: `Ask for access through a grant template, for a while.

A denied request ends with exit code 3 and shows every reason. With --wait the
command returns when the access is there (exit code 0), or when it is clear
that it will not be (exit code 3).

With --not-before the access begins later, as far ahead as the template allows.
Until then the grant is scheduled; ` + "`stint return`" + ` cancels it.`,
		Example: `  stint request incident-admin --event INC-4711 --for 30m --reason "restart the billing run" --wait
  stint request maintenance --not-before 2026-12-31T22:00:00Z --for 2h
  stint request incident-admin --break-glass --reason "billing is down and no lead answers" --wait`,
		Args: exactly("TEMPLATE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.request(cmd.Context(), flags.input(args[0], a.Now()), wait, quiet)
		},
	}
	flags.register(cmd.Flags())
	cmd.Flags().BoolVarP(&wait, "wait", "w", false, "wait until the access is there, or it is clear that it will not be")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print only the id of the request")
	return cmd
}

func (a *app) request(ctx context.Context, input api.RequestInput, wait, quiet bool) error {
	request, err := ask(ctx, a, "Requesting", func(ctx context.Context, c *client.Client) (api.Request, error) {
		return c.Request(ctx, input)
	})
	if err != nil {
		return err
	}
	return a.follow(ctx, request, wait, quiet)
}

// follow shows a request that was just made, when told so after its outcome is
// clear.
func (a *app) follow(ctx context.Context, request api.Request, wait, quiet bool) error {
	var outcome, err error
	switch {
	case request.State == governance.RequestDenied:
		outcome = exitWith(ExitDenied)
	case wait:
		if request, outcome, err = a.awaitAccess(ctx, request); err != nil {
			return err
		}
	}
	return cmp.Or(a.showAsked(ctx, request, quiet), outcome)
}

// showAsked prints a request that was just made; a denial always says why.
func (a *app) showAsked(ctx context.Context, request api.Request, quiet bool) error {
	denied := request.State == governance.RequestDenied
	switch {
	case quiet:
		_, err := fmt.Fprintln(a.Out, request.ID)
		if err == nil && denied {
			_, err = io.WriteString(a.Err, renderDenial(screen{}, request.Request))
		}
		return err
	case a.json():
		return a.printJSON(request)
	case denied:
		_, err := io.WriteString(a.Out, renderDenial(a.screen(), request.Request))
		return err
	}
	grants, err := ask(ctx, a, "Reading the grants", func(ctx context.Context, c *client.Client) ([]api.Grant, error) {
		return grantsOf(ctx, c, request)
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(a.Out, a.renderRequest(request, grants))
	return err
}

func renderDenial(s screen, r governance.Request) string {
	asked := fmt.Sprintf("%s through %s (request %s)", printable(string(r.Identity)), printable(string(r.Template)), shortID(r.ID))
	return verdictLine(s, r.Decision, asked) + "\n" + renderReasons(s, r.Decision.Reasons)
}
