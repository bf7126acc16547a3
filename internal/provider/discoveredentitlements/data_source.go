// Package discoveredentitlements is stint_discovered_entitlements: the rights
// that were seen in targets, declared or not.
package discoveredentitlements

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/listing"
)

// NewDataSource is stint_discovered_entitlements.
func NewDataSource() datasource.DataSource {
	return listing.New(listing.Definition[api.DiscoveredEntitlement]{
		Type: "discovered_entitlements",
		Description: "The rights that discovery saw in an application, declared or not, with how many accounts hold each. " +
			"The list is complete, or the read fails.",
		Narrow: map[string]schema.StringAttribute{
			"application": listing.ApplicationArgument(),
		},
		Items:            "entitlements",
		ItemsDescription: "The entitlements, sorted by id.",
		Attributes: map[string]schema.Attribute{
			"id":          listing.Text("Identifier: what `stint_entitlement` has as `id` when the right is declared."),
			"application": listing.Text("Id of the application."),
			"kind":        listing.Text("Kind of right."),
			"native_id":   listing.Text("Name of the right in the application."),
			"uid":         listing.Text("The target's own identifier, which survives a rename."),
			"attributes":  listing.Texts("What else the target says about the right."),
			"includes": schema.ListAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Ids of the entitlements that whoever holds this one has as well.",
			},
			"declared":   schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the right is declared."},
			"holders":    schema.Int64Attribute{Computed: true, MarkdownDescription: "Number of accounts that hold it directly."},
			"first_seen": listing.Text("When it was first seen."),
			"last_seen":  listing.Text("When it was last seen."),
		},
		List: func(ctx context.Context, c *client.Client, narrow map[string]string) (client.Listing[api.DiscoveredEntitlement], error) {
			return listing.OfApplication(ctx, c.DiscoveredEntitlements, narrow)
		},
	})
}
