// Package granttemplate is stint_grant_template: how a just-in-time grant is
// given.
package granttemplate

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// NewResource is stint_grant_template.
func NewResource() resource.Resource {
	return declared.New(api.GrantTemplates, declared.Definition[api.GrantTemplate]{
		Type: "grant_template",
		Noun: "grant template",
		Description: "A grant template says how a just-in-time grant is given: which entitlements, to whom, for how long, " +
			"because of what, and who approves. Grants themselves are never managed by Terraform.",
		Attributes: map[string]schema.Attribute{
			"name":                 declared.Key("Name, unique among grant templates."),
			"entitlements":         declared.References("Ids of the entitlements that can be requested through the template."),
			"eligibility_policies": declared.References("Ids of the `allow` policies that open this template. A policy that is not listed opens nothing here."),
			"duration": schema.SingleNestedAttribute{
				Required:            true,
				MarkdownDescription: "How long a grant lasts from its activation.",
				Attributes: map[string]schema.Attribute{
					"default": declared.Text(fwconv.Duration, "Duration of a request that names none, for instance `1h`."),
					"max":     declared.Text(fwconv.Duration, "Longest duration that may be requested, for instance `4h`."),
				},
			},
			"activate_within": declared.TextDefault(fwconv.Duration, "How long after approval a grant may be activated; default `15m`.", "15m"),
			"schedule_within": declared.OptionalText(fwconv.Duration, "How far ahead a request may name the time at which the access is to begin, for instance `7d`. Leave it out and access begins at once only. Until then the grant is scheduled: it is decided again when it begins, and `activate_within` counts from there."),
			"cooldown":        declared.OptionalText(fwconv.Duration, "Pause between the grants that one identity has through the template, for instance `4h`, counted from the end of one to the begin of the next. A grant that was never given starts none. Leave it out for no pause."),
			"max_concurrent": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "How many live grants of the template there may be at a time: those that are scheduled, on their way, active, or not yet proven gone. A request for two entitlements makes two grants. Leave it out for no bound.",
				Attributes: map[string]schema.Attribute{
					"per_identity": schema.Int64Attribute{Optional: true, MarkdownDescription: "Of each identity; `1` for one at a time. An agent and its owner count by themselves."},
					"total":        schema.Int64Attribute{Optional: true, MarkdownDescription: "Of all identities together; `1` for exclusive use."},
				},
			},
			"business_event": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Demands an open business event; grants end with it. Leave it out to demand none.",
				Attributes: map[string]schema.Attribute{
					"kinds": declared.References("Kinds of events that count: `incident`, `engagement`, `project`, `change`, `task`."),
				},
			},
			"justification": declared.Choice("Whether a request must say why in words: `required` or `optional` (default).", "optional"),
			"approval":      approval(),
			"create_account": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether a requester who has no account in the entitlement's application is given one: it is made before the grant, called as the application's `account_name` says, and removed after its last grant. " +
					"Without it (default `false`) such a request is denied. The [lifecycle of a grant](../guides/lifecycle.md) tells more.",
			},
			"extension": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Lets the holder of an active grant ask for more time, which is decided and approved like any request. Leave it out and no grant is extended.",
				Attributes: map[string]schema.Attribute{
					"max_total": declared.Text(fwconv.Duration, "How long a grant may last from its activation, extensions included, for instance `8h`; at least `duration.max`. An entitlement's `max_duration` bounds it too."),
				},
			},
			"break_glass": breakGlass(),
			"on_ineligible": declared.Optional("What becomes of a live grant that would be denied now, after an edit or a change of the identity: `revoke` at once (as when it is left out), " +
				"`grace` to end it after `ineligible_grace` unless it is eligible again by then, or `flag` to report it as a finding and let it run to its end. " +
				"An identity or owner that is not active, an account that is not the identity's any more, and a `deny` policy end a grant at once in any case."),
			"ineligible_grace": declared.OptionalText(fwconv.Duration, "How long a grant that is no longer eligible is kept; set just with `on_ineligible = \"grace\"`. It never makes a grant longer."),
			"revoke_on_destroy": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether destroying the template ends its live grants. Without it (default `false`) the destruction is refused while there are any.",
			},
		},
		Keys: []string{"name"},
		Depends: map[string][]string{
			"duration.default":              {"duration.max"},
			"extension.max_total":           {"duration.max"},
			"max_concurrent":                {"max_concurrent.per_identity", "max_concurrent.total"},
			"max_concurrent.per_identity":   {"max_concurrent.total"},
			"ineligible_grace":              {"on_ineligible"},
			"break_glass.reviewers":         {"break_glass.reviewers"},
			"approval":                      {"approval.automatic", "approval.stages"},
			"approval.stages.approvers":     {"approval.stages.approvers"},
			"approval.stages.quorum":        {"approval.stages.approvers", "approval.stages.escalation"},
			"approval.stages":               {"approval.stages"},
			"approval.stages.escalation":    {"approval.stages.escalation", "approval.stages.on_timeout"},
			"approval.stages.distinct_from": {"approval.stages"},
		},
		Objects:      func(s *api.Snapshot) []api.GrantTemplate { return s.GrantTemplates },
		Meta:         func(t api.GrantTemplate) api.Meta { return t.Meta },
		RevokeGrants: func(t api.GrantTemplate) bool { return t.RevokeOnDestroy },
	})
}
