// Package eventsource is stint_event_source: another system that opens, changes
// and closes business events by signed deliveries.
package eventsource

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// NewResource is stint_event_source.
func NewResource() resource.Resource {
	return declared.New(api.EventSources, declared.Definition[api.EventSource]{
		Type: "event_source",
		Noun: "event source",
		Description: "An event source lets another system open, change and close business events. It sends its webhooks to `POST /hooks/v1/<name>`; " +
			"each delivery is authenticated by its signature and has its effect once. The guide [Business events](../guides/business-events.md) has worked examples.",
		Attributes: map[string]schema.Attribute{
			"name":      declared.Key("Name, unique among event sources: lower-case letters, digits and single hyphens. It is a part of the webhook's path."),
			"signature": signature(),
			"fields": schema.MapNestedAttribute{
				Required:            true,
				MarkdownDescription: "Values of the payload by the name under which `mapping` sees them, as `field.<name>`. Each may be null: what is not there, null, and the empty text.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"path": declared.Required("JSON pointer (RFC 6901) into the payload, for instance `/issue/fields/summary`."),
					"type": declared.Required("`string`, `bool`, `int`, `duration`, `time` or `list(string)`. Numbers and truth may be written as texts; a time is RFC 3339, `2026-12-31 17:00:00` in UTC, or seconds or milliseconds since 1970."),
				}},
			},
			"mapping": mapping(),
		},
		Keys:    []string{"name"},
		Depends: map[string][]string{"mapping": {"fields"}, "mapping.attributes": {"fields"}},
		Objects: func(s *api.Snapshot) []api.EventSource { return s.EventSources },
		Meta:    func(e api.EventSource) api.Meta { return e.Meta },
	})
}

func signature() schema.SingleNestedAttribute {
	ref := declared.Required("Reference to the secret: `file:<name>`, a file in the folder `source-<source>` of the server's secrets directory, or `env:STINT_SECRET_SOURCE_<SOURCE>_<WORD>`.")
	return schema.SingleNestedAttribute{
		Required:            true,
		MarkdownDescription: "How a delivery proves where it comes from: exactly one of the members.",
		Attributes: map[string]schema.Attribute{
			"hmac_sha256": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "An HMAC with SHA-256 over the body, in hexadecimal digits.",
				Attributes: map[string]schema.Attribute{
					"header":           declared.Required("Header with the signature, or several separated by commas, for instance `X-PagerDuty-Signature`."),
					"prefix":           declared.Optional("What stands before each signature, for instance `v1=` or `sha256=`."),
					"secret_ref":       ref,
					"timestamp_header": declared.Optional("Header with the time of signing, in seconds since 1970 or RFC 3339. What is signed is then the timestamp, a dot and the body."),
					"tolerance":        declared.OptionalText(fwconv.Duration, "How far the timestamp may be from now; `5m` when left out."),
				},
			},
			"bearer": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "A secret in the header `Authorization: Bearer …`. It does not cover the body: use it over TLS alone.",
				Attributes:          map[string]schema.Attribute{"secret_ref": ref},
			},
		},
	}
}

func mapping() schema.SingleNestedAttribute {
	expression := func(required bool, description string) schema.StringAttribute {
		a := declared.OptionalText(fwconv.Condition, description)
		a.Required, a.Optional = required, !required
		return a
	}
	return schema.SingleNestedAttribute{
		Required: true,
		MarkdownDescription: "What a delivery means: expressions of the [condition language](../guides/condition-language.md) over `field` and `now`, checked at plan. " +
			"One that fails refuses the delivery.",
		Attributes: map[string]schema.Attribute{
			"action":      expression(true, "`open`, `update`, `close` or `ignore`. Opening what is open updates it; updating or closing what is not open does nothing."),
			"key":         expression(true, "The event's identity in the source. A key that is opened after its event was closed is another event."),
			"name":        expression(true, "The event's name, unique among open ones."),
			"kind":        expression(true, "`incident`, `engagement`, `project`, `change` or `task`."),
			"severity":    expression(false, "Severity from 1 (worst) to 10; 0 is none."),
			"reference":   expression(false, "The event's key for people, for instance a link; the empty text is none."),
			"ends_at":     expression(false, "When the event ends, a time. Exactly one of `ends_at` and `ends_in` is given."),
			"ends_in":     expression(false, "When the event ends, as a duration from its opening, for instance `duration(\"8h\")`; updates leave it."),
			"occurred_at": expression(false, "When what is told happened, a time: a delivery that is older than what was applied to the event changes nothing. Give it wherever the source tells it."),
			"attributes": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Expressions by the name of an attribute that is declared with `stint_attribute` for business events; the empty text is none.",
			},
		},
	}
}
