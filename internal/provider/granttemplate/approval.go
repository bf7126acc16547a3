package granttemplate

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listdefault"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/stint-dev/terraform-provider-stint/internal/provider/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// approval is written out always: absent approval never means automatic.
func approval() schema.SingleNestedAttribute {
	stage := schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
		"name": declared.Required("Name of the stage, shown to requester and approvers."),
		"quorum": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(1),
			MarkdownDescription: "How many different people must approve; default `1`.",
		},
		"approvers":     approvers("Who may approve; any one way is enough. Nobody approves a request of their own.", approverRelations),
		"distinct_from": declared.Names("Names of earlier stages: who spoke there does not speak here."),
		"timeout":       declared.TextDefault(fwconv.Duration, "How long the stage waits; default `1h`.", "1h"),
		"on_timeout":    declared.Choice("What becomes of a request whose stage ran out of time: `lapse` (default), or `escalate`, which gives `escalation` its turn and lapses after that.", "lapse"),
		"escalation": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Who may approve as well once the stage ran out of time; with `on_timeout = \"escalate\"`.",
			Attributes: map[string]schema.Attribute{
				"approvers": approvers("Who may then approve, beside the stage's approvers.", approverRelations),
				"timeout":   declared.TextDefault(fwconv.Duration, "How long the stage then goes on; default `1h`.", "1h"),
			},
		},
	}}
	return schema.SingleNestedAttribute{
		Required:            true,
		MarkdownDescription: "How a request is approved: either `automatic = true` or `stages`. It is always said; there is no default.",
		Attributes: map[string]schema.Attribute{
			"automatic": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether an eligible request is granted without anybody's approval.",
			},
			"stages": schema.ListNestedAttribute{
				Optional: true, Computed: true,
				Default:             listdefault.StaticValue(types.ListValueMust(stage.Type(), []attr.Value{})),
				MarkdownDescription: "Rounds of approval, one after the other.",
				NestedObject:        stage,
			},
		},
	}
}

const approverRelations = "What the approver is to the request: `manager` of the requester (of the owner, when the requester is no person), " +
	"`entitlement_owner` (of everything that is asked for), or `owner` of a requester that is no person, who confirms the request and never stands for another's approval."

func approvers(description, relations string) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Required:            true,
		MarkdownDescription: description,
		Attributes: map[string]schema.Attribute{
			"identities": declared.Names("Ids of identities."),
			"groups":     declared.Names("Names of groups."),
			"condition": declared.OptionalText(fwconv.Condition, "Boolean expression in the [condition language](../guides/condition-language.md) that names people: over `approver`, and over `identity` (the requester), `entitlement`, `request`, `event` and `now`. "+
				"It must hold for every entitlement that is asked for; an error names nobody."),
			"relations": declared.Names(relations),
		},
	}
}
