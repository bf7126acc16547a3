package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (a *app) operationsCommand() *cobra.Command {
	return group("operations", "What is still to be done in targets, and what keeps it",
		`What is still to be done in targets, and what keeps it (needs the role admin; an
auditor may list).

An operation is tried again for ever. When its target is back, a nudge saves the
wait; when its target will never do it, two people together give up on it.`,
		a.operationsListCommand(), a.operationsRetryCommand(), a.operationsAbandonCommand())
}

func operationKinds() []string {
	return []string{"grant", "revoke", "verify", "make_account", "remove_account"}
}

func (a *app) operationsListCommand() *cobra.Command {
	var filter client.OperationFilter
	var application string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List operations that are not done, what is due longest first",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := allowed("kind", filter.Kind, operationKinds()); err != nil {
				return err
			}
			filter.Application = governance.ApplicationID(application)
			listing, err := ask(cmd.Context(), a, "Reading operations", func(ctx context.Context, c *client.Client) (client.Listing[api.Operation], error) {
				return c.Operations(ctx, filter)
			})
			if err != nil {
				return err
			}
			return a.print(wholeOf(listing), func() string {
				if len(listing.Items) == 0 {
					return "Nothing is to be done.\n"
				}
				return a.renderOperations(listing.Items)
			})
		},
	}
	cmd.Flags().StringVar(&application, "application", "", "only those of this application")
	cmd.Flags().StringVar(&filter.Kind, "kind", "", "only those of this kind: "+join(operationKinds()))
	cmd.Flags().BoolVar(&filter.Failing, "failing", false, "only those that were tried and failed")
	cmd.Flags().BoolVar(&filter.Overdue, "overdue", false, "only revocations that take too long")
	oneOfFlag(cmd, "kind", operationKinds()...)
	return cmd
}

func (a *app) renderOperations(operations []api.Operation) string {
	s := a.screen()
	t := table{columns: []string{"operation", "kind", "due", "tries", "next", "account", "entitlement", "last error"}}
	for _, o := range operations {
		kind, trouble := printable(o.Kind), printable(o.LastError)
		if o.Overdue {
			kind = s.red(kind + " (overdue)")
		}
		if o.Proposal != nil {
			trouble = fmt.Sprintf("%s proposes to abandon it (%s); confirm by %s. %s", printable(string(o.Proposal.By)), printable(o.Proposal.Reason), a.moment(o.Proposal.LapsesAt), trouble)
		}
		t.add(shortID(o.ID), kind, relative(o.DueSince, a.Now()), strconv.FormatInt(o.Attempts, 10), relative(o.NextAt, a.Now()),
			printable(string(o.Account)), printable(string(o.Entitlement)), dash(trouble))
	}
	return t.render(s)
}

func (a *app) operationsRetryCommand() *cobra.Command {
	var application string
	cmd := &cobra.Command{
		Use:   "retry [ID]",
		Short: "Try an operation now, or all of an application",
		Long: `Try an operation now, or with --application all that wait in one.

One that was abandoned is taken up again: the right, if it still stands, is taken
back, and an account that Stint had made is removed. An id may be shortened to 6 or
more characters of its beginning or end, but for one that was abandoned.`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (application != "") {
				return usageErrorf("give the id of an operation, or --application")
			}
			retried, err := ask(cmd.Context(), a, "Working", func(ctx context.Context, c *client.Client) (api.Retried, error) {
				if application != "" {
					return c.RetryApplication(ctx, governance.ApplicationID(application))
				}
				id, err := resolveOperation(ctx, c, args[0])
				if err != nil {
					return api.Retried{}, err
				}
				return c.RetryOperation(ctx, id)
			})
			if err != nil {
				return err
			}
			return a.print(retried, func() string {
				return plural(retried.Count, "operation") + " to be tried now; see `stint operations list`.\n"
			})
		},
	}
	cmd.Flags().StringVar(&application, "application", "", "all that wait in this application")
	return cmd
}

func (a *app) operationsAbandonCommand() *cobra.Command {
	var two twoPeople
	cmd := &cobra.Command{
		Use:   "abandon ID --reason TEXT | --confirm | --withdraw",
		Short: "Give up on an operation that will never be done; this takes two people",
		Long: `Give up on an operation that will never be done; this takes two people.

One proposes it with --reason, another confirms it with --confirm within a day;
until then it can be taken back with --withdraw. Neither may be the grant's holder
or answer for them. The grant is over then, with
the outcome abandoned, and a finding says that the right may still stand, until the
target was read without it. Where an account was to be removed that Stint had made,
that account is given up, and the grant stays as it is.`,
		Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := two.check(); err != nil {
				return err
			}
			if two.confirm {
				grant, err := onOperation(cmd.Context(), a, args[0], (*client.Client).ConfirmAbandon)
				if err != nil {
					return err
				}
				return a.print(grant, func() string { return a.renderGrant(grant) })
			}
			if two.withdraw {
				proposal, err := onOperation(cmd.Context(), a, args[0], (*client.Client).WithdrawAbandon)
				if err != nil {
					return err
				}
				return a.print(proposal, func() string { return renderWithdrawn(proposal) })
			}
			proposal, err := onOperation(cmd.Context(), a, args[0], func(c *client.Client, ctx context.Context, id governance.OperationID) (governance.Proposal, error) {
				return c.ProposeAbandon(ctx, id, two.reason)
			})
			if err != nil {
				return err
			}
			return a.print(proposal, func() string { return a.renderProposal(proposal, "stint operations abandon "+proposal.Subject) })
		},
	}
	two.register(cmd)
	return cmd
}

// onOperation does something to the one operation that was written.
func onOperation[T any](ctx context.Context, a *app, written string, do func(*client.Client, context.Context, governance.OperationID) (T, error)) (T, error) {
	return ask(ctx, a, "Working", func(ctx context.Context, c *client.Client) (T, error) {
		id, err := resolveOperation(ctx, c, written)
		if err != nil {
			var none T
			return none, err
		}
		return do(c, ctx, id)
	})
}

// twoPeople are the flags of what one person proposes and another confirms.
type twoPeople struct {
	reason            string
	confirm, withdraw bool
}

func (t *twoPeople) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.reason, "reason", "", "propose it, and say why; kept as evidence")
	cmd.Flags().BoolVar(&t.confirm, "confirm", false, "confirm what another person has proposed")
	cmd.Flags().BoolVar(&t.withdraw, "withdraw", false, "take back what was proposed, by yourself or another")
}

func (t *twoPeople) check() error {
	given := 0
	for _, is := range []bool{t.reason != "", t.confirm, t.withdraw} {
		if is {
			given++
		}
	}
	if given != 1 {
		return usageErrorf("give --reason to propose it, --confirm when another person has, or --withdraw to take it back")
	}
	return nil
}

func (a *app) renderProposal(p governance.Proposal, command string) string {
	return fmt.Sprintf("Proposed. Nothing is done until another person confirms it, by %s:\n  %s --confirm\n", a.moment(p.LapsesAt), printable(command))
}

func renderWithdrawn(p governance.Proposal) string {
	return fmt.Sprintf("Withdrawn; %s had proposed it (%s). Nothing is given up.\n", printable(string(p.By)), printable(p.Reason))
}
