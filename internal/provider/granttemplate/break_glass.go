package granttemplate

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/stint-dev/terraform-provider-stint/internal/provider/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

func breakGlass() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Lets whoever is eligible have the access at once in an emergency, past `approval`, with a justification, and be reviewed afterwards: " +
			"see [break-glass](../guides/break-glass.md). Leave it out to allow none.",
		Attributes: map[string]schema.Attribute{
			"limit": schema.Int64Attribute{
				Required:            true,
				MarkdownDescription: "How often one identity may, within any span as long as `per`.",
			},
			"per": declared.Text(fwconv.Duration, "The span that `limit` is for, for instance `30d`."),
			"reviewers": approvers("Who may review it, any one of them; never the requester nor the owner of one that is no person.",
				"What the reviewer is to the request: `manager` of the requester (of the owner, when the requester is no person), or `entitlement_owner` (of everything that is asked for)."),
			"review_within": declared.TextDefault(fwconv.Duration, "How long after the request the review is overdue, which is a finding, and keeps the identity from break-glass; default `24h`.", "24h"),
		},
	}
}
