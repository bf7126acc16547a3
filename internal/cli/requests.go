package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (a *app) requestsCommand() *cobra.Command {
	var whose scopeFlags
	var awaitingMe, breakGlass bool
	var state string
	cmd := &cobra.Command{
		Use:   "requests [ID]",
		Short: "List requests, or show one with its decision",
		Long: `List requests, or show one with its decision.

Without flags: your own. An id may be shortened to 6 or more characters of its
beginning or end.`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.showRequest(cmd.Context(), args[0])
			}
			if err := cmp.Or(onlyOneOf(cmd.Flags(), "mine", "all", "identity", "awaiting-me"), allowed("state", state, requestStates())); err != nil {
				return err
			}
			listing, err := ask(cmd.Context(), a, "Reading requests", func(ctx context.Context, c *client.Client) (client.Listing[api.Request], error) {
				filter := client.RequestFilter{State: governance.RequestState(state), AwaitingMe: awaitingMe, BreakGlass: breakGlass, Identity: governance.IdentityID(whose.identity)}
				if !awaitingMe {
					var err error
					if filter.Identity, err = whose.resolve(ctx, c); err != nil {
						return client.Listing[api.Request]{}, err
					}
				}
				return c.Requests(ctx, filter)
			})
			if err != nil {
				return err
			}
			return a.print(wholeOf(listing), func() string {
				switch {
				case len(listing.Items) > 0:
					return a.renderRequests(listing.Items)
				case awaitingMe:
					return "No requests await you.\n"
				default:
					return whose.none("requests")
				}
			})
		},
	}
	whose.register(cmd, "requests")
	cmd.Flags().BoolVar(&awaitingMe, "awaiting-me", false, "those that you may approve now, by delegation too")
	cmd.Flags().BoolVar(&breakGlass, "break-glass", false, "only those that were granted by break-glass")
	cmd.Flags().StringVar(&state, "state", "", "only those in this state: "+join(requestStates()))
	oneOfFlag(cmd, "state", requestStates()...)
	return cmd
}

func (a *app) showRequest(ctx context.Context, written string) error {
	var request api.Request
	grants, err := ask(ctx, a, "Reading the request", func(ctx context.Context, c *client.Client) ([]api.Grant, error) {
		id, err := resolveRequest(ctx, c, written)
		if err != nil {
			return nil, err
		}
		if request, err = c.GetRequest(ctx, id); err != nil {
			return nil, err
		}
		return grantsOf(ctx, c, request)
	})
	if err != nil {
		return err
	}
	return a.print(request, func() string {
		return fmt.Sprintf("%s\nDecision at revision %d:\n%s", a.renderRequest(request, grants), request.Decision.Revision,
			renderReasons(a.screen(), request.Decision.Reasons))
	})
}

func (a *app) renderRequests(requests []api.Request) string {
	s := a.screen()
	t := table{columns: []string{"id", "state", "identity", "template", "for", "made", "event", "entitlements"}}
	broken := slices.ContainsFunc(requests, func(r api.Request) bool { return r.BreakGlass })
	if broken {
		t.columns = append(t.columns, "break-glass")
	}
	delegated := slices.ContainsFunc(requests, func(r api.Request) bool { return r.OnBehalfOf != "" })
	if delegated {
		t.columns = append(t.columns, "on behalf of")
	}
	for _, r := range requests {
		cells := []string{shortID(r.ID), requestState(s, r.State), printable(string(r.Identity)), printable(string(r.Template)), a.spanText(r.Request),
			relative(r.CreatedAt, a.Now()), dash(shortID(r.BusinessEvent)), join(r.Entitlements)}
		if broken {
			cells = append(cells, breakGlassCell(s, r.Request))
		}
		if delegated {
			cells = append(cells, dash(printable(string(r.OnBehalfOf))))
		}
		t.add(cells...)
	}
	return t.render(s)
}

// spanText says for how long access is asked for, and from when if that is later.
func (a *app) spanText(r governance.Request) string {
	if r.NotBefore == nil {
		return r.Duration.String()
	}
	return fmt.Sprintf("%s (begins %s)", r.Duration, relative(*r.NotBefore, a.Now()))
}

func (a *app) renderRequest(r api.Request, grants []api.Grant) string {
	s := a.screen()
	var f fields
	f.add("request", string(r.ID))
	f.add("state", requestState(s, r.State))
	if r.State == governance.RequestPending && len(r.Stages) > 0 {
		f.add("waits for", stageText(r.Request))
		f.add("until", a.momentOf(r.Deadline))
	}
	f.add("identity", printable(string(r.Identity)))
	f.add("template", printable(string(r.Template)))
	f.add("entitlements", join(r.Entitlements))
	f.add("account", printable(string(r.Account)))
	f.add("event", printable(string(r.BusinessEvent)))
	f.add("extends", string(r.Extends))
	f.add("begins", a.momentOf(r.NotBefore))
	f.add("for", r.Duration.String())
	f.add("reason", printable(r.Justification))
	a.addReview(&f, r.Request)
	f.add("made", a.moment(r.CreatedAt))
	f.add("ended", a.momentOf(r.EndedAt))
	for _, v := range r.Approvals {
		f.add("verdict", a.verdictText(r.Request, v))
	}
	text := f.render(s)
	if len(grants) > 0 {
		text += "\n" + a.renderGrants(grants)
	}
	return text
}

// stageText says who is waited for.
func stageText(r governance.Request) string {
	stage := r.Stages[r.Stage]
	var who []string
	among := stage.Approvers
	if r.Escalated {
		among = stage.MayNeed()
	}
	for _, id := range among.Identities {
		who = append(who, printable(string(id)))
	}
	for _, group := range among.Groups {
		who = append(who, "group "+printable(group))
	}
	for _, relation := range among.Relations {
		who = append(who, "the "+printable(strings.ReplaceAll(string(relation), "_", " ")))
	}
	if among.Condition != "" {
		who = append(who, "whoever meets "+printable(strings.Join(strings.Fields(among.Condition), " ")))
	}
	return fmt.Sprintf("stage %q (%d of %d): %d of %s", printable(stage.Name), r.Stage+1, len(r.Stages), stage.Quorum, strings.Join(who, ", "))
}

func (a *app) verdictText(r governance.Request, v governance.Approval) string {
	verb := "rejected"
	if v.Approved {
		verb = "approved"
	}
	speaker := printable(string(v.Approver))
	if v.OnBehalfOf != "" {
		speaker += " on behalf of " + printable(string(v.OnBehalfOf))
	}
	text := fmt.Sprintf("%s %s stage %q %s", speaker, verb, printable(r.Stages[v.Stage].Name), relative(v.At, a.Now()))
	if v.Comment != "" {
		text += ": " + printable(v.Comment)
	}
	return text
}

func requestState(s screen, state governance.RequestState) string {
	switch state {
	case governance.RequestGranted:
		return s.green(string(state))
	case governance.RequestPending:
		return s.yellow(string(state))
	case governance.RequestDenied, governance.RequestRejected, governance.RequestWithdrawn, governance.RequestLapsed, governance.RequestInvalidated:
	}
	return s.red(printable(string(state)))
}
