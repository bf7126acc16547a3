package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// syncTimeout bounds a discovery unless --timeout says otherwise: a large
// target takes longer than any other call.
const syncTimeout = 10 * time.Minute

func (a *app) syncCommand() *cobra.Command {
	var accept string
	cmd := &cobra.Command{
		Use:   "sync APPLICATION",
		Short: "Read an application now, completely",
		Long: `Read an application now, completely.

A read that does not show too much of what is known any more is not believed, and
nothing of it is taken over. It is let through by its name, which the error and
the finding mass_change_held tell, with --accept (needs the role admin).`,
		Args: exactly("APPLICATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.allowForReading(cmd)
			read, err := ask(cmd.Context(), a, "Reading "+args[0], func(ctx context.Context, c *client.Client) (api.Sync, error) {
				if cmd.Flags().Changed("accept") {
					return c.Accept(ctx, governance.ApplicationID(args[0]), accept)
				}
				return c.Sync(ctx, governance.ApplicationID(args[0]))
			})
			if err != nil {
				return err
			}
			return a.print(read, func() string { return renderSync(a.screen(), read) })
		},
	}
	cmd.Flags().StringVar(&accept, "accept", "", "let the mass change of this name through")
	return cmd
}

// allowForReading gives a call that reads a target the time that this takes.
func (a *app) allowForReading(cmd *cobra.Command) {
	if !cmd.Flags().Changed("timeout") {
		a.global.timeout = durationOf(syncTimeout)
	}
}

func renderSync(s screen, read api.Sync) string {
	var f fields
	f.add("application", printable(string(read.Application)))
	f.add("took", read.FinishedAt.Sub(read.StartedAt).Round(time.Millisecond).String())
	f.add("accounts", fmt.Sprintf("%d, %d without an identity", read.Accounts, read.Orphans))
	f.add("entitlements", strconv.Itoa(read.Entitlements))
	f.add("assignments", fmt.Sprintf("%d (%d appeared, %d disappeared)", read.Assignments, read.Appeared, read.Disappeared))
	f.add("findings", strconv.Itoa(read.Findings))
	return f.render(s)
}
