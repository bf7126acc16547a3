// Package businessevent is stint_business_event: why access is needed and when
// the need ends, for events that are planned and therefore declared.
package businessevent

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// NewResource is stint_business_event.
func NewResource() resource.Resource {
	return declared.New(api.BusinessEvents, declared.Definition[api.BusinessEvent]{
		Type: "business_event",
		Noun: "business event",
		Description: "A business event is why access is needed, and it always has an end: when it closes, its grants end. " +
			"Declare the planned ones; incidents are opened with `stint event open`. Destroying the resource closes the event and never erases it.",
		Attributes: map[string]schema.Attribute{
			"name": declared.Key("Name, unique among declared business events."),
			"kind": declared.Required("`incident`, `engagement`, `project`, `change` or `task`."),
			"severity": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Severity from 1 (worst) to 10; conditions see it as `event.severity`.",
			},
			"reference":  declared.Optional("The event's key in the system it comes from, for instance a ticket number."),
			"assignee":   declared.Optional("Id of the only identity whose requests may name the event, such as the agent that a `task` was given to; left out, anybody's may."),
			"attributes": declared.AttributeValues("event"),
			"ends_at":    declared.Text(fwconv.Instant, "When the event ends, in RFC 3339, for instance `2026-12-31T17:00:00Z`. There are no endless events. A later end is a decision: whoever holds a live grant for the event may not make it."),
		},
		Keys:    []string{"name"},
		Objects: func(s *api.Snapshot) []api.BusinessEvent { return s.BusinessEvents },
		Meta:    func(e api.BusinessEvent) api.Meta { return e.Meta },
	})
}
