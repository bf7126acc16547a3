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
		"approvers": schema.SingleNestedAttribute{
			Required:            true,
			MarkdownDescription: "Who may approve; any one way is enough. Nobody approves a request of their own.",
			Attributes: map[string]schema.Attribute{
				"identities": declared.Names("Ids of identities."),
				"groups":     declared.Names("Names of groups."),
				"relations":  declared.Names("What the approver is to the requester: `manager`."),
			},
		},
		"timeout":    declared.TextDefault(fwconv.Duration, "How long the stage waits; default `1h`.", "1h"),
		"on_timeout": declared.Choice("What becomes of a request whose stage ran out of time: `lapse` (default).", "lapse"),
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
