package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (a *app) identityCommand() *cobra.Command {
	return group("identity", "Whether an identity may hold access, and whether it is still needed",
		`Whether an identity may hold access, and whether it is still needed.

Identities are declared; whether one is active, suspended or has left is not.`,
		a.statusCommand("suspend", "Keep an identity from access until it is activated again, and end its grants (needs the role admin)", governance.Suspended),
		a.statusCommand("leave", "Note that an identity has left, and end its grants (needs the role admin)", governance.Left),
		a.statusCommand("activate", "Let an identity have access again (needs the role admin)", governance.Active),
		a.attestCommand(), a.ownedCommand())
}

func (a *app) attestCommand() *cobra.Command {
	var comment string
	cmd := &cobra.Command{
		Use:   "attest IDENTITY",
		Short: "Say that an identity of your own is still needed",
		Long: `Say that an identity of your own is still needed.

It takes its owner. What was suspended because nobody attested, or because it was
not used, is active again; what people have suspended is not.`,
		Example: `  stint identity attest deploy-bot --comment "it deploys every night"`,
		Args:    exactly("IDENTITY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			identity, err := ask(cmd.Context(), a, "Attesting "+args[0], func(ctx context.Context, c *client.Client) (api.Identity, error) {
				return c.Attest(ctx, governance.IdentityID(args[0]), comment)
			})
			if err != nil {
				return err
			}
			return a.print(identity, func() string { return a.renderIdentity(identity) })
		},
	}
	cmd.Flags().StringVar(&comment, "comment", "", "kept in the evidence")
	return cmd
}

func (a *app) ownedCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "owned",
		Short: "List the identities that you own",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			listing, err := ask(cmd.Context(), a, "Reading identities", func(ctx context.Context, c *client.Client) (client.Listing[api.Identity], error) {
				return c.OwnedIdentities(ctx)
			})
			if err != nil {
				return err
			}
			return a.print(wholeOf(listing), func() string {
				if len(listing.Items) == 0 {
					return "You own no identities.\n"
				}
				return a.renderOwned(listing.Items)
			})
		},
	}
}

func (a *app) renderOwned(owned []api.Identity) string {
	t := table{columns: []string{"status", "type", "last seen", "attest", "valid", "identity"}}
	for _, identity := range owned {
		t.add(printable(string(identity.Status)), printable(string(identity.Type)), a.when(identity.LastSeen), a.when(identity.AttestBy),
			a.when(identity.ValidUntil), printable(identity.Meta.ID))
	}
	return t.render(a.screen())
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
			return a.print(identity, func() string { return a.renderIdentity(identity) })
		},
	}
}

func (a *app) renderIdentity(identity api.Identity) string {
	var f fields
	f.add("identity", printable(identity.Meta.ID))
	f.add("type", printable(string(identity.Type)))
	f.add("owner", printable(string(identity.Owner)))
	f.add("status", printable(string(identity.Status)))
	f.add("because", printable(identity.Because))
	f.add("valid until", a.momentOf(identity.ValidUntil))
	f.add("last seen", a.momentOf(identity.LastSeen))
	f.add("attested", a.momentOf(identity.AttestedAt))
	f.add("attest by", a.momentOf(identity.AttestBy))
	f.add("attributes", shownValues(identity.Attributes))
	return f.render(a.screen())
}
