package grant

import (
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

const description = "A right that a Terraform run holds only while it runs: opening it requests the entitlements through a grant template for the identity of the provider's token " +
	"and waits until the target has them, closing it returns them and waits until the target was read and they are gone. Nothing of it is in plan or state. " +
	"Only templates that approve by themselves can serve a run; for any other one it fails at once and names who would have to approve. " +
	"A run that dies leaves a grant that the server ends when its time is over. Terraform opens ephemeral resources in plan as well, so say `enabled = terraform.applying`."

func grantSchema() schema.Schema {
	optional := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: description}
	}
	duration := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, CustomType: fwconv.TextType{Grammar: fwconv.Duration}, MarkdownDescription: description}
	}
	computed := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	return schema.Schema{
		MarkdownDescription: description,
		Attributes: map[string]schema.Attribute{
			"enabled": schema.BoolAttribute{
				Required: true,
				MarkdownDescription: "Whether anything is requested; normally `terraform.applying`, which is false in a plan. When it is false, nothing is asked of anybody " +
					"and everything computed is null.",
			},
			"template": schema.StringAttribute{Required: true, MarkdownDescription: "Id of the grant template to request through."},
			"entitlements": schema.SetAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Ids of the entitlements to request; may be left out when the template has just one.",
			},
			"account":            optional("Id of the account that is to hold them; may be left out when the identity has just one in the application."),
			"business_event":     optional("Id of the business event that the run serves, or the name of an open one."),
			"duration":           duration("How long the right is needed at most, for instance `30m`. Without it, the template's default. A longer run extends it where the template allows extensions."),
			"justification":      optional("Why the right is needed, for instance the URL of the run."),
			"activation_timeout": duration("How long to wait until the target has the right, and at the end until it is gone. Default `2m`."),
			"request":            computed("Id of the request."),
			"not_after":          computed("When the first of the grants ends at the latest, in RFC 3339, as it stood when they were opened."),
			"grants": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The grants, one for each entitlement, sorted by entitlement.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"id":           computed("Identifier."),
					"entitlement":  computed("Id of the entitlement."),
					"account":      computed("Id of the account that holds it."),
					"account_name": computed("The account's name in the target, for instance to sign in with."),
					"not_after":    computed("When it ends at the latest, in RFC 3339, as it stood when it was opened."),
				}},
			},
		},
	}
}

type model struct {
	Enabled           types.Bool   `tfsdk:"enabled"`
	Template          types.String `tfsdk:"template"`
	Entitlements      types.Set    `tfsdk:"entitlements"`
	Account           types.String `tfsdk:"account"`
	BusinessEvent     types.String `tfsdk:"business_event"`
	Duration          fwconv.Text  `tfsdk:"duration"`
	Justification     types.String `tfsdk:"justification"`
	ActivationTimeout fwconv.Text  `tfsdk:"activation_timeout"`
	Request           types.String `tfsdk:"request"`
	NotAfter          types.String `tfsdk:"not_after"`
	Grants            types.List   `tfsdk:"grants"`
}

type grantModel struct {
	ID          types.String `tfsdk:"id"`
	Entitlement types.String `tfsdk:"entitlement"`
	Account     types.String `tfsdk:"account"`
	AccountName types.String `tfsdk:"account_name"`
	NotAfter    types.String `tfsdk:"not_after"`
}
