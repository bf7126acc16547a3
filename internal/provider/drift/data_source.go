// Package drift is stint_drift: the differences between what is declared or
// granted and what was observed.
package drift

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/listing"
)

// NewDataSource is stint_drift.
func NewDataSource() datasource.DataSource {
	return listing.New(listing.Definition[api.Finding]{
		Type: "drift",
		Description: "Findings: differences between what is declared or granted and what was observed, such as standing privilege, " +
			"orphan accounts, entitlements that nobody declared or that are missing in the target, and identities that nobody answers for. The list is complete, or the read fails.",
		Narrow: map[string]schema.StringAttribute{
			"application": listing.ApplicationArgument(),
			"kind": listing.Argument("Kind of finding: `standing_privilege`, `undeclared_entitlement`, `missing_entitlement`, `orphan_account`, " +
				"`removed_out_of_band`, `still_effective`, `revoke_overdue`, `resurfaced`, `ineligible_grant`, `break_glass_unreviewed`, `orphaned_identity`, `attestation_due`, `unused_identity`, `expiring_identity`, `orphaned_grant` or `account_left`; without it, all kinds."),
		},
		Items:            "findings",
		ItemsDescription: "The findings, sorted by what they are about.",
		Attributes: map[string]schema.Attribute{
			"id":          listing.Text("Identifier."),
			"kind":        listing.Text("Kind of finding."),
			"severity":    listing.Text("`low`, `medium`, `high` or `critical`."),
			"application": listing.Text("Id of the application; empty for what is about an identity alone."),
			"account":     listing.Text("Id of the account, if it is about one."),
			"identity":    listing.Text("Id of the identity that it is about, or that is behind the account, if there is one."),
			"entitlement": listing.Text("Id of the entitlement, if it is about one."),
			"grant":       listing.Text("Id of the grant, if it is about one."),
			"message":     listing.Text("What was found, in a sentence."),
			"first_seen":  listing.Text("When it was first seen."),
			"last_seen":   listing.Text("When it was last seen."),
		},
		List: func(ctx context.Context, c *client.Client, narrow map[string]string) (client.Listing[api.Finding], error) {
			return findings(ctx, c.Findings, narrow)
		},
	})
}

func findings[ID, Kind ~string, T any](ctx context.Context, list func(context.Context, ID, Kind) (client.Listing[T], error), narrow map[string]string) (client.Listing[T], error) {
	return list(ctx, ID(narrow["application"]), Kind(narrow["kind"]))
}
