package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Decide asks what would become of a request, without making it.
func (c *Client) Decide(ctx context.Context, input api.DecisionInput) (api.ExplainedDecision, error) {
	var decision api.ExplainedDecision
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/decisions", body: input, safety: read}, &decision)
	return decision, err
}

// Eligible lists what an identity could request.
func (c *Client) Eligible(ctx context.Context, input api.EligibilityInput) (api.Eligibility, error) {
	var eligibility api.Eligibility
	err := c.do(ctx, call{method: http.MethodPost, path: "/v1/eligibility", body: input, safety: read}, &eligibility)
	return eligibility, err
}

// Request asks for access for the caller. A denied request is an answer with
// its reasons, not an error.
func (c *Client) Request(ctx context.Context, input api.RequestInput) (api.Request, error) {
	return postOnce[api.Request](ctx, c, "/v1/requests", input)
}

// GetRequest reads one request.
func (c *Client) GetRequest(ctx context.Context, id governance.RequestID) (api.Request, error) {
	var request api.Request
	err := c.do(ctx, call{method: http.MethodGet, path: "/v1/requests/" + segment(string(id)), safety: read}, &request)
	return request, err
}

// RequestFilter narrows a list of requests; empty members narrow nothing.
type RequestFilter struct {
	State    governance.RequestState
	Identity governance.IdentityID
	// AwaitingMe: only those that the caller may approve now.
	AwaitingMe bool
	// BreakGlass: only those that were granted by break-glass.
	BreakGlass bool
	Review     governance.ReviewState
	// AwaitingMyReview: only those whose review the caller may give now.
	AwaitingMyReview bool
}

// Requests lists the requests that the caller may see.
func (c *Client) Requests(ctx context.Context, f RequestFilter) (Listing[api.Request], error) {
	query := url.Values{}
	set(query, "state", string(f.State))
	set(query, "identity", string(f.Identity))
	set(query, "review", string(f.Review))
	for name, given := range map[string]bool{"awaiting_me": f.AwaitingMe, "break_glass": f.BreakGlass, "awaiting_my_review": f.AwaitingMyReview} {
		if given {
			query.Set(name, "true")
		}
	}
	return list[api.Request](ctx, c, "/v1/requests", query)
}

// Approve speaks for a request in its current stage.
func (c *Client) Approve(ctx context.Context, id governance.RequestID, comment string) (api.Request, error) {
	return post[api.Request](ctx, c, "/v1/requests/"+segment(string(id))+"/approve", api.VerdictInput{Comment: comment})
}

// Reject ends a request in its current stage.
func (c *Client) Reject(ctx context.Context, id governance.RequestID, comment string) (api.Request, error) {
	return post[api.Request](ctx, c, "/v1/requests/"+segment(string(id))+"/reject", api.VerdictInput{Comment: comment})
}

// Review says whether a request by break-glass was justified; when it was not, its
// grants end.
func (c *Client) Review(ctx context.Context, id governance.RequestID, input api.ReviewInput) (api.Request, error) {
	return post[api.Request](ctx, c, "/v1/requests/"+segment(string(id))+"/review", input)
}

// Withdraw ends a request of the caller's own.
func (c *Client) Withdraw(ctx context.Context, id governance.RequestID) (api.Request, error) {
	return post[api.Request](ctx, c, "/v1/requests/"+segment(string(id))+"/withdraw", api.VerdictInput{})
}

// GetGrant reads one grant.
func (c *Client) GetGrant(ctx context.Context, id governance.GrantID) (api.Grant, error) {
	var grant api.Grant
	err := c.do(ctx, call{method: http.MethodGet, path: "/v1/grants/" + segment(string(id)), safety: read}, &grant)
	return grant, err
}

// GrantFilter narrows a list of grants; empty members narrow nothing.
type GrantFilter struct {
	State    governance.GrantState
	Identity governance.IdentityID
	// Live: only those that count as held.
	Live bool
}

// Grants lists the grants that the caller may see.
func (c *Client) Grants(ctx context.Context, f GrantFilter) (Listing[api.Grant], error) {
	query := url.Values{}
	set(query, "state", string(f.State))
	set(query, "identity", string(f.Identity))
	if f.Live {
		query.Set("live", "true")
	}
	return list[api.Grant](ctx, c, "/v1/grants", query)
}

// Extend asks for more time for an active grant of the caller's own. A denied
// request is an answer with its reasons, not an error; a granted one names the
// grant.
func (c *Client) Extend(ctx context.Context, id governance.GrantID, input api.ExtendInput) (api.Request, error) {
	return postOnce[api.Request](ctx, c, "/v1/grants/"+segment(string(id))+"/extend", input)
}

// Return ends a grant of the caller's own; its revocation may still be under
// way when the answer comes.
func (c *Client) Return(ctx context.Context, id governance.GrantID, comment string) (api.Grant, error) {
	return post[api.Grant](ctx, c, "/v1/grants/"+segment(string(id))+"/return", api.EndInput{Comment: comment})
}

// Revoke ends anyone's grant; its revocation may still be under way when the
// answer comes.
func (c *Client) Revoke(ctx context.Context, id governance.GrantID, comment string) (api.Grant, error) {
	return post[api.Grant](ctx, c, "/v1/grants/"+segment(string(id))+"/revoke", api.EndInput{Comment: comment})
}

// OpenEvent opens a business event from outside the declared state.
func (c *Client) OpenEvent(ctx context.Context, event governance.BusinessEvent) (api.BusinessEvent, error) {
	return postOnce[api.BusinessEvent](ctx, c, "/v1/business-events", api.OpenEventInput{BusinessEvent: event})
}

// CloseEvent closes an event by its id, or by the name of an open one, and ends
// its grants.
func (c *Client) CloseEvent(ctx context.Context, id string) (api.BusinessEvent, error) {
	return post[api.BusinessEvent](ctx, c, "/v1/business-events/"+segment(id)+"/close", nil)
}

// ExtendEvent gives an open event, by its id or name, a later end. Its grants
// are not lengthened.
func (c *Client) ExtendEvent(ctx context.Context, id string, input api.ExtendEventInput) (api.BusinessEvent, error) {
	return post[api.BusinessEvent](ctx, c, "/v1/business-events/"+segment(id)+"/extend", input)
}

// SetStatus says whether an identity may hold access. One that is suspended or
// left loses its live grants.
func (c *Client) SetStatus(ctx context.Context, id governance.IdentityID, status governance.Status) (api.Identity, error) {
	return post[api.Identity](ctx, c, "/v1/identities/"+segment(string(id))+"/status", api.StatusInput{Status: status})
}

// Attest says, as the owner of an identity, that it is still needed.
func (c *Client) Attest(ctx context.Context, id governance.IdentityID, comment string) (api.Identity, error) {
	return post[api.Identity](ctx, c, "/v1/identities/"+segment(string(id))+"/attest", api.AttestInput{Comment: comment})
}

// OwnedIdentities lists the identities that the caller owns.
func (c *Client) OwnedIdentities(ctx context.Context) (Listing[api.Identity], error) {
	return list[api.Identity](ctx, c, "/v1/owned-identities", nil)
}

func post[T any](ctx context.Context, c *Client, path string, body any) (T, error) {
	var answer T
	err := c.do(ctx, call{method: http.MethodPost, path: path, body: body}, &answer)
	return answer, err
}

// postOnce is post for what would be done twice: it is named, so that it is safe to
// repeat.
func postOnce[T any](ctx context.Context, c *Client, path string, body any) (T, error) {
	var answer T
	header := http.Header{"Idempotency-Key": {`"` + uuid.NewString() + `"`}}
	err := c.do(ctx, call{method: http.MethodPost, path: path, header: header, body: body, safety: named}, &answer)
	return answer, err
}

func set(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}
