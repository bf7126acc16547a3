package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (a *app) identityCommand() *cobra.Command {
	return group("identity", "Say whether an identity may hold access (needs the role admin)",
		`Say whether an identity may hold access (needs the role admin).

Identities are declared; whether one is active, suspended or has left is not.`,
		a.statusCommand("suspend", "Keep an identity from access until it is activated again, and end its grants", governance.Suspended),
		a.statusCommand("leave", "Note that an identity has left, and end its grants", governance.Left),
		a.statusCommand("activate", "Let an identity have access again", governance.Active))
}

func (a *app) statusCommand(use, short string, status governance.Status) *cobra.Command {
	return &cobra.Command{
		Use:   use + " IDENTITY",
		Short: short,
		Args:  exactly("IDENTITY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			identity, err := ask(cmd.Context(), a, "Changing "+args[0], func(ctx context.Context, c *client.Client) (api.Identity, error) {
				return c.SetStatus(ctx, governance.IdentityID(args[0]), status)
			})
			if err != nil {
				return err
			}
			return a.print(identity, func() string { return renderIdentity(a.screen(), identity) })
		},
	}
}

func renderIdentity(s screen, identity api.Identity) string {
	var f fields
	f.add("identity", printable(identity.Meta.ID))
	f.add("type", printable(string(identity.Type)))
	f.add("status", printable(string(identity.Status)))
	f.add("attributes", shownValues(identity.Attributes))
	return f.render(s)
}
