package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (a *app) tokenCommand() *cobra.Command {
	return group("token", "API tokens: who may speak to the server, and as whom",
		`API tokens: who may speak to the server, and as whom (needs the role admin).

A token stands for one identity. Requesting needs no role and approving needs
only being named by a template; roles are for the rest: admin manages tokens and
ends grants of others, author declares, auditor reads everything, monitor reads
metrics (GET /metrics) alone.`,
		a.tokenCreateCommand(), a.tokenListCommand(), a.tokenRevokeCommand())
}

func (a *app) tokenCreateCommand() *cobra.Command {
	var input api.TokenInput
	var identity string
	var given []string
	var expiresIn durationFlag
	var quiet bool
	cmd := &cobra.Command{
		Use:     "create --name NAME --identity IDENTITY",
		Short:   "Make a token; its secret is shown once and kept nowhere",
		Example: "  stint token create --name alice-laptop --identity alice --expires-in 90d\n  stint token create --name ci --identity deploy-bot --role author --quiet > token && chmod 600 token",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if input.Name == "" || identity == "" {
				return usageErrorf("a token needs --name and --identity; see `%s --help`", cmd.CommandPath())
			}
			input.Identity = governance.IdentityID(identity)
			for _, role := range given {
				if err := allowed("role", role, roles()); err != nil {
					return err
				}
				input.Roles = append(input.Roles, api.Role(role))
			}
			if expiresIn.given != nil {
				at := a.Now().Add(expiresIn.given.Std()).UTC().Truncate(time.Second)
				input.ExpiresAt = &at
			}
			created, err := ask(cmd.Context(), a, "Making the token", func(ctx context.Context, c *client.Client) (api.CreatedToken, error) {
				return c.CreateToken(ctx, input)
			})
			if err != nil {
				return err
			}
			if quiet {
				_, err := fmt.Fprintln(a.Out, created.Secret)
				return err
			}
			return a.print(created, func() string { return a.renderCreatedToken(created) })
		},
	}
	cmd.Flags().StringVar(&input.Name, "name", "", "what the token is for")
	cmd.Flags().StringVar(&identity, "identity", "", "whom it stands for")
	cmd.Flags().StringSliceVar(&given, "role", nil, "admin, author, auditor or monitor, once for each; none for a token that only requests and approves")
	oneOfFlag(cmd, "role", roles()...)
	cmd.Flags().Var(&expiresIn, "expires-in", "when it stops working, such as 90d (default: never)")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print only the secret")
	return cmd
}

func (a *app) renderCreatedToken(created api.CreatedToken) string {
	var f fields
	f.add("token", created.ID)
	f.add("name", printable(created.Name))
	f.add("identity", printable(string(created.Identity)))
	f.add("roles", join(created.Roles))
	f.add("expires", a.momentOf(created.ExpiresAt))
	f.add("secret", printable(created.Secret))
	return f.render(a.screen()) + "\nThe secret is shown this once. Put it into " + envToken + " or a file for --token-file.\n"
}

func (a *app) tokenListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List all tokens, without their secrets",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			listing, err := ask(cmd.Context(), a, "Reading tokens", func(ctx context.Context, c *client.Client) (client.Listing[api.Token], error) {
				return c.Tokens(ctx)
			})
			if err != nil {
				return err
			}
			return a.print(wholeOf(listing), func() string { return a.renderTokens(listing.Items) })
		},
	}
}

func (a *app) renderTokens(tokens []api.Token) string {
	s := a.screen()
	t := table{columns: []string{"id", "state", "identity", "roles", "made", "by", "expires", "name"}}
	for _, token := range tokens {
		t.add(shortID(token.ID), a.tokenState(s, token), printable(string(token.Identity)), dash(join(token.Roles)),
			relative(token.CreatedAt, a.Now()), makerOf(token), a.when(token.ExpiresAt), printable(token.Name))
	}
	return t.render(s)
}

// makerOf is who made a token.
func makerOf(token api.Token) string {
	if len(token.CreatedBy) == 0 {
		return "stint"
	}
	return printable(string(token.CreatedBy[0]))
}

func (a *app) tokenState(s screen, token api.Token) string {
	switch {
	case token.RevokedAt != nil:
		return s.faint("revoked")
	case token.ExpiresAt != nil && !a.Now().Before(*token.ExpiresAt):
		return s.faint("expired")
	default:
		return s.green("valid")
	}
}

func (a *app) tokenRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID",
		Short: "End a token at once",
		Args:  exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := ask(cmd.Context(), a, "Revoking the token", func(ctx context.Context, c *client.Client) (api.Token, error) {
				id, err := resolveToken(ctx, c, args[0])
				if err != nil {
					return api.Token{}, err
				}
				return c.RevokeToken(ctx, id)
			})
			if err != nil {
				return err
			}
			return a.print(token, func() string {
				return fmt.Sprintf("token %s (%s) of %s is revoked\n", token.ID, printable(token.Name), printable(string(token.Identity)))
			})
		},
	}
}

func (a *app) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "whoami",
		Short: "Whom your token stands for, and what it may do",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			who, err := ask(cmd.Context(), a, "Asking", func(ctx context.Context, c *client.Client) (api.WhoAmI, error) {
				return c.WhoAmI(ctx)
			})
			if err != nil {
				return err
			}
			return a.print(who, func() string { return renderWho(a.screen(), who) })
		},
	}
}

func renderWho(s screen, who api.WhoAmI) string {
	var f fields
	identity := printable(string(who.Identity))
	if who.Bootstrap {
		identity += " (the bootstrap identity: it can neither request nor approve)"
	}
	f.add("identity", identity)
	f.add("roles", strings.TrimSpace(dash(join(who.Roles))))
	f.add("token", who.Token)
	return f.render(s)
}
