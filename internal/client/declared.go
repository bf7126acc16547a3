package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Get reads a declared object; IsNotFound tells when there is none.
func Get[T any, D governance.Object](ctx context.Context, c *Client, in api.Collection[D, T], id string) (T, error) {
	var object T
	err := c.do(ctx, call{method: http.MethodGet, path: objectPath(in, id), safety: read}, &object)
	return object, err
}

// Create writes an object that is not there yet; IsAlreadyExists tells when it
// is.
func Create[T any, D governance.Object](ctx context.Context, c *Client, in api.Collection[D, T], document D) (T, error) {
	return put(ctx, c, in, document, http.Header{"If-None-Match": {"*"}})
}

// Update writes an object over the version that was read; IsVersionMismatch
// tells when it was changed since.
func Update[T any, D governance.Object](ctx context.Context, c *Client, in api.Collection[D, T], version int64, document D) (T, error) {
	return put(ctx, c, in, document, ifMatch(version))
}

func put[T any, D governance.Object](ctx context.Context, c *Client, in api.Collection[D, T], document D, precondition http.Header) (T, error) {
	var object T
	err := c.do(ctx, call{
		method: http.MethodPut, path: objectPath(in, document.Key()), header: precondition, body: document, safety: conditional,
	}, &object)
	return object, err
}

// Delete removes an object at the version that was read. With revokeGrants its
// live grants are ended first; without, they forbid the deletion (IsInUse).
func Delete[T any, D governance.Object](ctx context.Context, c *Client, in api.Collection[D, T], id string, version int64, revokeGrants bool) error {
	query := url.Values{}
	if revokeGrants {
		query.Set("revoke_grants", "true")
	}
	return c.do(ctx, call{
		method: http.MethodDelete, path: objectPath(in, id), query: query, header: ifMatch(version), safety: conditional,
	}, nil)
}

// List reads every object of a collection, sorted by id.
func List[T any, D governance.Object](ctx context.Context, c *Client, in api.Collection[D, T]) (Listing[T], error) {
	return list[T](ctx, c, "/v1/"+string(in), nil)
}

// Snapshot reads the whole declared state at one revision.
func (c *Client) Snapshot(ctx context.Context) (api.Snapshot, error) {
	var snapshot api.Snapshot
	err := c.do(ctx, call{method: http.MethodGet, path: "/v1/snapshot", safety: read}, &snapshot)
	return snapshot, err
}

func ifMatch(version int64) http.Header {
	return http.Header{"If-Match": {`"` + strconv.FormatInt(version, 10) + `"`}}
}

func objectPath[T any, D governance.Object](in api.Collection[D, T], id string) string {
	return "/v1/" + string(in) + "/" + segment(id)
}

// segment escapes an identifier as one segment of a path. A segment of dots
// would be taken as a step up.
func segment(id string) string {
	if strings.Trim(id, ".") == "" {
		return strings.ReplaceAll(id, ".", "%2E")
	}
	return url.PathEscape(id)
}
