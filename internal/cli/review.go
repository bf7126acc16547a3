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

func (a *app) reviewCommand() *cobra.Command {
	var verdict, comment string
	cmd := &cobra.Command{
		Use:   "review REQUEST",
		Short: "Say whether a request by break-glass was justified",
		Long: `Say whether a request by break-glass was justified.

Break-glass gives access without an approval, so somebody else looks at it
afterwards: was there an emergency, and was the access used for it? Unjustified
ends what is left of the access at once. A verdict is final and kept as evidence
with its comment. An id may be shortened to 6 or more characters of its beginning
or end.`,
		Example: `  stint review list
  stint review 4f1c2d --verdict justified --comment "INC-4711; read the audit log of the run"`,
		Args: exactly("REQUEST"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if verdict == "" {
				return usageErrorf("%s needs --verdict with one of %s; see `%s --help`", cmd.CommandPath(), join(governance.Verdicts()), cmd.CommandPath())
			}
			if err := allowed("verdict", verdict, governance.Verdicts()); err != nil {
				return err
			}
			return a.review(cmd.Context(), args[0], api.ReviewInput{Verdict: governance.ReviewState(verdict), Comment: comment})
		},
	}
	cmd.AddCommand(a.reviewListCommand())
	cmd.Flags().StringVar(&verdict, "verdict", "", join(governance.Verdicts()))
	cmd.Flags().StringVar(&comment, "comment", "", "why; kept as evidence")
	oneOfFlag(cmd, "verdict", governance.Verdicts()...)
	return cmd
}

func (a *app) review(ctx context.Context, written string, input api.ReviewInput) error {
	request, err := ask(ctx, a, "Working", func(ctx context.Context, c *client.Client) (api.Request, error) {
		id, err := resolveRequest(ctx, c, written)
		if err != nil {
			return api.Request{}, err
		}
		return c.Review(ctx, id, input)
	})
	if err != nil {
		return err
	}
	return a.print(request, func() string {
		return fmt.Sprintf("break-glass request %s of %s through %s was reviewed: %s\n", request.ID, printable(string(request.Identity)), printable(string(request.Template)), reviewState(a.screen(), *request.Review))
	})
}

func (a *app) reviewListCommand() *cobra.Command {
	var all bool
	var state string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the reviews that await you, or all that you may see",
		Long: `List the reviews that await you, or with --all all that you may see: those given
too. One that is overdue is also a finding (stint drift).`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := allowed("state", state, governance.ReviewStates()); err != nil {
				return err
			}
			listing, err := ask(cmd.Context(), a, "Reading reviews", func(ctx context.Context, c *client.Client) (client.Listing[api.Request], error) {
				return c.Requests(ctx, client.RequestFilter{BreakGlass: true, Review: governance.ReviewState(state), AwaitingMyReview: !all})
			})
			if err != nil {
				return err
			}
			return a.print(wholeOf(listing), func() string {
				switch {
				case len(listing.Items) > 0:
					return a.renderReviews(listing.Items)
				case all:
					return "No reviews.\n"
				default:
					return "No reviews await you; --all shows all that you may see.\n"
				}
			})
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "all that you may see, also those that others give or that are given")
	cmd.Flags().StringVar(&state, "state", "", "only those in this state: "+join(governance.ReviewStates()))
	oneOfFlag(cmd, "state", governance.ReviewStates()...)
	return cmd
}

func (a *app) renderReviews(requests []api.Request) string {
	s := a.screen()
	t := table{columns: []string{"request", "review", "due", "identity", "template", "made", "entitlements", "reason"}}
	delegated := slices.ContainsFunc(requests, func(r api.Request) bool { return r.OnBehalfOf != "" })
	if delegated {
		t.columns = append(t.columns, "on behalf of")
	}
	for _, r := range requests {
		cells := []string{shortID(r.ID), reviewState(s, *r.Review), a.reviewDue(*r.Review), printable(string(r.Identity)), printable(string(r.Template)),
			relative(r.CreatedAt, a.Now()), join(r.Entitlements), printable(r.Justification)}
		if delegated {
			cells = append(cells, dash(printable(string(r.OnBehalfOf))))
		}
		t.add(cells...)
	}
	return t.render(s)
}

// reviewDue is when a verdict is due; nothing once it is given.
func (a *app) reviewDue(v governance.Review) string {
	if !v.State.Awaited() {
		return "-"
	}
	return relative(v.DueAt, a.Now())
}

// breakGlassCell is a request's break-glass in a table.
func breakGlassCell(s screen, r governance.Request) string {
	switch {
	case r.Review != nil:
		return "review " + reviewState(s, *r.Review)
	case r.BreakGlass:
		return "refused"
	}
	return "-"
}

// addReview tells of a request by break-glass, if it is one.
func (a *app) addReview(f *fields, r governance.Request) {
	if r.BreakGlass {
		f.add("break-glass", "past the approval of its template")
	}
	v := r.Review
	if v == nil {
		return
	}
	text := reviewState(a.screen(), *v)
	if v.State.Awaited() {
		f.add("review", fmt.Sprintf("%s, by %s", text, printable(v.Reviewers.String())))
		f.add("review due", a.moment(v.DueAt))
		return
	}
	by := printable(string(v.Reviewer))
	if v.OnBehalfOf != "" {
		by += " on behalf of " + printable(string(v.OnBehalfOf))
	}
	f.add("review", fmt.Sprintf("%s, said %s %s: %s", text, by, relative(*v.ReviewedAt, a.Now()), printable(v.Comment)))
}

func reviewState(s screen, v governance.Review) string {
	text := printable(string(v.State))
	switch v.State {
	case governance.ReviewJustified:
		return s.green(text)
	case governance.ReviewOpen:
		return s.yellow(text)
	case governance.ReviewOverdue, governance.ReviewUnjustified:
	}
	return s.red(cmp.Or(text, "unknown"))
}
