package client

import (
	"context"
	"net/url"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// OperationFilter narrows a list of operations; empty members narrow nothing.
type OperationFilter struct {
	Application governance.ApplicationID
	Kind        string
	// Failing: only those that were tried and failed.
	Failing bool
	// Overdue: only revocations that take too long.
	Overdue bool
}

// Operations lists what is still to be done in targets, what is due longest
// first.
func (c *Client) Operations(ctx context.Context, f OperationFilter) (Listing[api.Operation], error) {
	query := url.Values{}
	set(query, "application", string(f.Application))
	set(query, "kind", f.Kind)
	for name, on := range map[string]bool{"failing": f.Failing, "overdue": f.Overdue} {
		if on {
			query.Set(name, "true")
		}
	}
	return list[api.Operation](ctx, c, "/v1/operations", query)
}

// RetryOperation has an operation tried now, or taken up again that was given up.
func (c *Client) RetryOperation(ctx context.Context, id governance.OperationID) (api.Retried, error) {
	return post[api.Retried](ctx, c, "/v1/operations/"+segment(string(id))+"/retry", nil)
}

// RetryApplication has everything that waits in an application tried now.
func (c *Client) RetryApplication(ctx context.Context, id governance.ApplicationID) (api.Retried, error) {
	return post[api.Retried](ctx, c, "/v1/applications/"+segment(string(id))+"/retry", nil)
}

// ProposeAbandon proposes to give up on an operation.
func (c *Client) ProposeAbandon(ctx context.Context, id governance.OperationID, reason string) (governance.Proposal, error) {
	return post[governance.Proposal](ctx, c, "/v1/operations/"+segment(string(id))+"/abandon", api.ProposalInput{Reason: reason})
}

// ConfirmAbandon gives up on an operation as another person has proposed.
func (c *Client) ConfirmAbandon(ctx context.Context, id governance.OperationID) (api.Grant, error) {
	return post[api.Grant](ctx, c, "/v1/operations/"+segment(string(id))+"/abandon/confirm", nil)
}

// WithdrawAbandon takes a proposal to give up on an operation back.
func (c *Client) WithdrawAbandon(ctx context.Context, id governance.OperationID) (governance.Proposal, error) {
	return post[governance.Proposal](ctx, c, "/v1/operations/"+segment(string(id))+"/abandon/withdraw", nil)
}

// ProposeRetire proposes to give up on an application.
func (c *Client) ProposeRetire(ctx context.Context, id governance.ApplicationID, reason string) (governance.Proposal, error) {
	return post[governance.Proposal](ctx, c, "/v1/applications/"+segment(string(id))+"/retire", api.ProposalInput{Reason: reason})
}

// ConfirmRetire gives up on an application as another person has proposed.
func (c *Client) ConfirmRetire(ctx context.Context, id governance.ApplicationID) (api.Retired, error) {
	return post[api.Retired](ctx, c, "/v1/applications/"+segment(string(id))+"/retire/confirm", nil)
}

// WithdrawRetire takes a proposal to give up on an application back.
func (c *Client) WithdrawRetire(ctx context.Context, id governance.ApplicationID) (governance.Proposal, error) {
	return post[governance.Proposal](ctx, c, "/v1/applications/"+segment(string(id))+"/retire/withdraw", nil)
}

// Reinstate has a retired application governed again.
func (c *Client) Reinstate(ctx context.Context, id governance.ApplicationID) (api.Reinstated, error) {
	return post[api.Reinstated](ctx, c, "/v1/applications/"+segment(string(id))+"/reinstate", nil)
}

// Accept reads an application and lets the mass change through that is held under
// a name.
func (c *Client) Accept(ctx context.Context, application governance.ApplicationID, held string) (api.Sync, error) {
	return post[api.Sync](ctx, c, "/v1/applications/"+segment(string(application))+"/sync/accept", api.AcceptInput{Held: held})
}
