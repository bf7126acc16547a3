package client

import (
	"context"
	"net/url"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Sync reads an application completely and answers when it is done.
func (c *Client) Sync(ctx context.Context, application governance.ApplicationID) (api.Sync, error) {
	return post[api.Sync](ctx, c, "/v1/applications/"+segment(string(application))+"/sync", nil)
}

// DiscoveredEntitlements lists the rights seen in an application, or in all
// when it is empty.
func (c *Client) DiscoveredEntitlements(ctx context.Context, application governance.ApplicationID) (Listing[api.DiscoveredEntitlement], error) {
	return list[api.DiscoveredEntitlement](ctx, c, "/v1/discovered/entitlements", ofApplication(application))
}

// DiscoveredAccounts lists the principals seen in an application, or in all
// when it is empty.
func (c *Client) DiscoveredAccounts(ctx context.Context, application governance.ApplicationID) (Listing[api.DiscoveredAccount], error) {
	return list[api.DiscoveredAccount](ctx, c, "/v1/discovered/accounts", ofApplication(application))
}

// DiscoveredAssignments lists who was seen to hold what directly, in an
// application, or in all when it is empty.
func (c *Client) DiscoveredAssignments(ctx context.Context, application governance.ApplicationID) (Listing[api.DiscoveredAssignment], error) {
	return list[api.DiscoveredAssignment](ctx, c, "/v1/discovered/assignments", ofApplication(application))
}

// Findings lists differences between what is declared or granted and what is
// observed; an empty application or kind narrows nothing.
func (c *Client) Findings(ctx context.Context, application governance.ApplicationID, kind governance.FindingKind) (Listing[api.Finding], error) {
	query := ofApplication(application)
	set(query, "kind", string(kind))
	return list[api.Finding](ctx, c, "/v1/findings", query)
}

func ofApplication(application governance.ApplicationID) url.Values {
	query := url.Values{}
	set(query, "application", string(application))
	return query
}
