// Package discoveredassignments is stint_discovered_assignments: who was seen to
// hold what in targets.
package discoveredassignments

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/listing"
)

// NewDataSource is stint_discovered_assignments.
func NewDataSource() datasource.DataSource {
	return listing.New(listing.Definition[api.DiscoveredAssignment]{
		Type: "discovered_assignments",
		Description: "Who holds what in an application, as discovery saw it: direct assignments, with the identity behind the account " +
			"and the grant that gives the right, if one does. The list is complete, or the read fails.",
		Narrow: map[string]schema.StringAttribute{
			"application": listing.ApplicationArgument(),
		},
		Items:            "assignments",
		ItemsDescription: "The assignments, sorted by account and entitlement.",
		Attributes: map[string]schema.Attribute{
			"application": listing.Text("Id of the application."),
			"account":     listing.Text("Id of the account."),
			"identity":    listing.Text("Id of the identity behind the account; null for an orphan."),
			"entitlement": listing.Text("Id of the entitlement."),
			"attributes":  listing.Texts("What else the target says about the assignment."),
			"grant":       listing.Text("Id of the live grant that gives it; null when it stands by itself."),
			"first_seen":  listing.Text("When it was first seen."),
			"last_seen":   listing.Text("When it was last seen."),
		},
		List: func(ctx context.Context, c *client.Client, narrow map[string]string) (client.Listing[api.DiscoveredAssignment], error) {
			return listing.OfApplication(ctx, c.DiscoveredAssignments, narrow)
		},
	})
}
