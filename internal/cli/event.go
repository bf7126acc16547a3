package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (a *app) eventCommand() *cobra.Command {
	return group("event", "Business events: why access is needed, and when the need ends",
		`Business events: why access is needed, and when the need ends.

Every event has an end. When it closes, the grants that were given for it end.`,
		a.eventOpenCommand(), a.eventExtendCommand(), a.eventCloseCommand(), a.eventListCommand())
}

func (a *app) eventOpenCommand() *cobra.Command {
	var kind, reference, assignee string
	var attributes []string
	var severity int64
	var endsIn durationFlag
	var endsAt timeFlag
	var quiet bool
	cmd := &cobra.Command{
		Use:     "open NAME",
		Short:   "Open a business event from outside the declared state",
		Example: "  stint event open INC-4711 --kind incident --severity 1 --ends-in 4h --attribute region=eu",
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := cmp.Or(onlyOneOf(cmd.Flags(), "ends-in", "ends-at"), allowed("kind", kind, eventKinds())); err != nil {
				return err
			}
			pairs, err := keyValues(attributes)
			if err != nil {
				return err
			}
			event := governance.BusinessEvent{Name: args[0], Kind: governance.EventKind(kind), Reference: reference, Assignee: governance.IdentityID(assignee)}
			switch {
			case endsIn.given != nil:
				event.EndsAt = a.Now().Add(endsIn.given.Std()).UTC().Truncate(time.Second)
			case endsAt.given != nil:
				event.EndsAt = *endsAt.given
			default:
				return usageErrorf("an event has an end: give --ends-in (4h) or --ends-at (2026-12-31T17:00:00Z)")
			}
			if cmd.Flags().Changed("severity") {
				event.Severity = &severity
			}
			opened, err := ask(cmd.Context(), a, "Opening the event", func(ctx context.Context, c *client.Client) (api.BusinessEvent, error) {
				if event.Attributes, err = typedByServer(ctx, c, pairs); err != nil {
					return api.BusinessEvent{}, err
				}
				return c.OpenEvent(ctx, event)
			})
			if err != nil {
				return err
			}
			if quiet {
				_, err := fmt.Fprintln(a.Out, opened.ID)
				return err
			}
			return a.print(opened, func() string { return a.renderEvent(opened) })
		},
	}
	cmd.Flags().StringVar(&kind, "kind", string(governance.Incident), join(eventKinds()))
	oneOfFlag(cmd, "kind", eventKinds()...)
	cmd.Flags().Int64Var(&severity, "severity", 0, "how bad it is; 1 is the worst")
	cmd.Flags().StringVar(&reference, "reference", "", "the event's key in the system that it comes from")
	cmd.Flags().StringVar(&assignee, "assignee", "", "id of the only identity whose requests may name the event, such as an agent with a task")
	cmd.Flags().StringArrayVar(&attributes, "attribute", nil, "key=value of a declared attribute, once for each; a list takes its key once for each element")
	cmd.Flags().Var(&endsIn, "ends-in", "end it after this time, such as 4h")
	cmd.Flags().Var(&endsAt, "ends-at", "end it at this time, such as 2026-12-31T17:00:00Z")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print only the id of the event")
	return cmd
}

// typedByServer writes the attributes of an event as the server has them
// declared.
func typedByServer(ctx context.Context, c *client.Client, pairs []keyValue) (map[string]json.RawMessage, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	declared, err := client.List(ctx, c, api.Attributes)
	if err != nil {
		return nil, err
	}
	return attributeValues(declaredAttributes(declared.Items), governance.EventAttribute, pairs)
}

func (a *app) eventCloseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "close ID|NAME",
		Short: "Close an event and end the grants that were given for it",
		Args:  exactly("ID|NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			closed, err := ask(cmd.Context(), a, "Closing the event", func(ctx context.Context, c *client.Client) (api.BusinessEvent, error) {
				return c.CloseEvent(ctx, args[0])
			})
			if err != nil {
				return err
			}
			return a.print(closed, func() string { return a.renderEvent(closed) })
		},
	}
}

func (a *app) eventListCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List open events",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			listing, err := ask(cmd.Context(), a, "Reading events", func(ctx context.Context, c *client.Client) (client.Listing[api.BusinessEvent], error) {
				return client.List(ctx, c, api.BusinessEvents)
			})
			if err != nil {
				return err
			}
			shown := selectionOf(listing, func(e api.BusinessEvent) bool { return all || a.isOpen(e) })
			return a.print(shown, func() string { return a.renderEvents(shown.Items) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "closed and ended ones too")
	return cmd
}

func (a *app) isOpen(e api.BusinessEvent) bool {
	return governance.OpenEvent{BusinessEvent: e.BusinessEvent, ClosedAt: e.ClosedAt}.Open(a.Now())
}

func (a *app) eventState(s screen, e api.BusinessEvent) string {
	switch {
	case e.ClosedAt != nil:
		return s.faint("closed " + relative(*e.ClosedAt, a.Now()))
	case !a.isOpen(e):
		return s.faint("ended")
	default:
		return s.green("open")
	}
}

func (a *app) renderEvents(events []api.BusinessEvent) string {
	if len(events) == 0 {
		return "No events are open.\n"
	}
	s := a.screen()
	t := table{columns: []string{"state", "kind", "severity", "ends", "name", "id"}}
	for _, e := range events {
		t.add(a.eventState(s, e), printable(string(e.Kind)), dash(severityText(e)), relative(e.EndsAt, a.Now()), printable(e.Name), printable(e.ID))
	}
	return t.render(s)
}

func (a *app) renderEvent(e api.BusinessEvent) string {
	s := a.screen()
	var f fields
	f.add("event", printable(e.Name))
	f.add("id", printable(e.ID))
	f.add("state", a.eventState(s, e))
	f.add("kind", printable(string(e.Kind)))
	f.add("severity", severityText(e))
	f.add("reference", printable(e.Reference))
	f.add("assignee", printable(string(e.Assignee)))
	f.add("attributes", shownValues(e.Attributes))
	f.add("opened", a.moment(e.OpenedAt))
	f.add("ends", a.moment(e.EndsAt))
	f.add("closed", a.momentOf(e.ClosedAt))
	return f.render(s)
}

func severityText(e api.BusinessEvent) string {
	if e.Severity == nil {
		return ""
	}
	return strconv.FormatInt(*e.Severity, 10)
}
