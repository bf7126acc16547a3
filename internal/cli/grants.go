package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (a *app) grantsCommand() *cobra.Command {
	var whose scopeFlags
	var live bool
	var state string
	cmd := &cobra.Command{
		Use:   "grants [ID]",
		Short: "List grants, or show one",
		Long: `List grants, or show one.

Without flags: your own, past ones too. An id may be shortened to 6 or more
characters of its beginning or end.`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.showGrant(cmd.Context(), args[0])
			}
			if err := cmp.Or(onlyOneOf(cmd.Flags(), "mine", "all", "identity"), allowed("state", state, grantStates())); err != nil {
				return err
			}
			listing, err := ask(cmd.Context(), a, "Reading grants", func(ctx context.Context, c *client.Client) (client.Listing[api.Grant], error) {
				identity, err := whose.resolve(ctx, c)
				if err != nil {
					return client.Listing[api.Grant]{}, err
				}
				return c.Grants(ctx, client.GrantFilter{State: governance.GrantState(state), Identity: identity, Live: live})
			})
			if err != nil {
				return err
			}
			return a.print(wholeOf(listing), func() string {
				if len(listing.Items) == 0 {
					return whose.none("grants")
				}
				return a.renderGrants(listing.Items)
			})
		},
	}
	whose.register(cmd, "grants")
	cmd.Flags().BoolVar(&live, "live", false, "only those that count as held: planned, on their way, active, or not yet proven gone")
	cmd.Flags().StringVar(&state, "state", "", "only those in this state: "+join(grantStates()))
	oneOfFlag(cmd, "state", grantStates()...)
	return cmd
}

func (a *app) showGrant(ctx context.Context, written string) error {
	grant, err := a.onGrant(ctx, written, (*client.Client).GetGrant)
	if err != nil {
		return err
	}
	return a.print(grant, func() string { return a.renderGrant(grant) })
}

func (a *app) returnCommand() *cobra.Command {
	return a.endCommand("return", "Give a grant of your own back before its time is over, or cancel one that is scheduled", (*client.Client).Return)
}

func (a *app) revokeCommand() *cobra.Command {
	return a.endCommand("revoke", "End anyone's grant now (needs the role admin)", (*client.Client).Revoke)
}

func (a *app) endCommand(verb, short string, end func(*client.Client, context.Context, governance.GrantID, string) (api.Grant, error)) *cobra.Command {
	var comment string
	var wait bool
	cmd := &cobra.Command{
		Use:   verb + " ID",
		Short: short,
		Long: short + `.

The right is taken away in the target right after, and retried until that was
read back; --wait returns then. An id may be shortened to 6 or more characters of
its beginning or end.`,
		Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			grant, err := a.onGrant(cmd.Context(), args[0], func(c *client.Client, ctx context.Context, id governance.GrantID) (api.Grant, error) {
				return end(c, ctx, id, comment)
			})
			if err == nil && wait {
				grant, err = a.awaitEnd(cmd.Context(), grant.ID)
			}
			if err != nil {
				return err
			}
			return a.print(grant, func() string { return a.renderGrant(grant) })
		},
	}
	cmd.Flags().StringVar(&comment, "comment", "", "what to say with it; kept as evidence")
	cmd.Flags().BoolVarP(&wait, "wait", "w", false, "wait until the right was read back as gone")
	return cmd
}

// onGrant does something to the one grant that was written.
func (a *app) onGrant(ctx context.Context, written string, do func(*client.Client, context.Context, governance.GrantID) (api.Grant, error)) (api.Grant, error) {
	return ask(ctx, a, "Working", func(ctx context.Context, c *client.Client) (api.Grant, error) {
		id, err := resolveGrant(ctx, c, written)
		if err != nil {
			return api.Grant{}, err
		}
		return do(c, ctx, id)
	})
}

func (a *app) renderGrants(grants []api.Grant) string {
	s := a.screen()
	t := table{columns: []string{"grant", "state", "identity", "account", "ends", "event", "entitlement"}}
	broken := slices.ContainsFunc(grants, func(g api.Grant) bool { return g.BreakGlass })
	if broken {
		t.columns = append(t.columns, "given by")
	}
	for _, g := range grants {
		cells := []string{shortID(g.ID), a.grantState(s, g.Grant), printable(string(g.Identity)), printable(string(g.Account)),
			a.endText(g.Grant), dash(shortID(g.BusinessEvent)), printable(string(g.Entitlement))}
		if broken {
			cells = append(cells, givenBy(s, g.Grant))
		}
		t.add(cells...)
	}
	return t.render(s)
}

// givenBy says whether anybody was asked first.
func givenBy(s screen, g governance.Grant) string {
	if g.BreakGlass {
		return s.red("break-glass")
	}
	return "request"
}

// endText says when a grant ends or ended.
func (a *app) endText(g governance.Grant) string {
	if g.EndedAt != nil {
		return relative(*g.EndedAt, a.Now())
	}
	return relative(g.NotAfter, a.Now())
}

func (a *app) renderGrant(g api.Grant) string {
	s := a.screen()
	var f fields
	f.add("grant", string(g.ID))
	f.add("state", a.grantState(s, g.Grant))
	f.add("outcome", outcomeText(g.Outcome))
	f.add("identity", printable(string(g.Identity)))
	f.add("account", printable(string(g.Account)))
	f.add("entitlement", printable(string(g.Entitlement)))
	f.add("template", printable(string(g.Template)))
	f.add("request", string(g.Request))
	if g.BreakGlass {
		f.add("given by", givenBy(s, g.Grant))
	}
	f.add("event", printable(string(g.BusinessEvent)))
	if a.ahead(g.Grant) {
		f.add("begins", a.moment(g.NotBefore))
	}
	if g.ActivatedAt == nil && g.EndedAt == nil {
		f.add("activates by", a.moment(g.ActivateBy))
	}
	f.add("active since", a.momentOf(g.ActivatedAt))
	if g.EndedAt == nil {
		f.add("ends by", a.moment(g.NotAfter))
	}
	f.add("revoking since", a.momentOf(g.RevokingAt))
	f.add("ended", a.momentOf(g.EndedAt))
	if g.LastError != "" {
		f.add("last error", fmt.Sprintf("%s (after %s)", printable(g.LastError), plural(g.Attempts, "attempt")))
	}
	return f.render(s)
}

// ahead reports whether the grant is to begin at a later time.
func (a *app) ahead(g governance.Grant) bool {
	return g.State == governance.GrantScheduled && g.NotBefore.After(a.Now())
}

func (a *app) grantState(s screen, g governance.Grant) string {
	text := printable(string(g.State)) + because(g.EndReason)
	if a.ahead(g) {
		text += fmt.Sprintf(" (begins %s)", relative(g.NotBefore, a.Now()))
	}
	switch g.State {
	case governance.GrantActive:
		return s.green(text)
	case governance.GrantScheduled, governance.GrantProvisioning, governance.GrantRevoking:
		return s.yellow(text)
	case governance.GrantProvisionFailed:
		return s.red(text)
	case governance.GrantEnded, governance.GrantCancelled:
	}
	return s.faint(text)
}

func outcomeText(o governance.Outcome) string {
	switch o {
	case governance.OutcomeRemoved:
		return "removed: the target was read and the right is gone"
	case governance.OutcomeCovered:
		return "covered: another live grant gives the same right"
	case governance.OutcomePreexisting:
		return "preexisting: the right stood before and still does"
	case governance.OutcomeRemovedElsewhere:
		return "removed_elsewhere: somebody else had taken the right away"
	case governance.OutcomeUnverifiable:
		return "unverifiable: the target cannot be read back"
	case governance.OutcomeAbandoned:
		return "abandoned: two people gave up on it; the right may still stand"
	default:
		return printable(string(o))
	}
}
