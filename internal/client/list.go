package client

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

// Listing is a complete list with the state that it was read from.
type Listing[T any] struct {
	Items []T
	api.Stamp
}

// pageLimit is the most that the server gives in one page.
const pageLimit = 10000

// listAttempts is how often a list that changes while it is read is begun anew.
const listAttempts = 6

// list follows the pages to the end. It is complete or an error.
func list[T any](ctx context.Context, c *Client, path string, query url.Values) (Listing[T], error) {
	for attempt := 1; ; attempt++ {
		listing, err := listOnce[T](ctx, c, path, query)
		if !HasCode(err, api.CodeListChanged) {
			return listing, err
		}
		if attempt == listAttempts {
			return Listing[T]{}, fmt.Errorf("list %s: it changed %d times while it was read; try again when less is going on: %w", path, attempt, err)
		}
		if err := pause(ctx, time.Duration(attempt)*50*time.Millisecond); err != nil {
			return Listing[T]{}, fmt.Errorf("list %s: %w", path, err)
		}
	}
}

func listOnce[T any](ctx context.Context, c *Client, path string, query url.Values) (Listing[T], error) {
	var all Listing[T]
	ask := url.Values{}
	maps.Copy(ask, query)
	ask.Set("limit", strconv.Itoa(pageLimit))
	for first := true; ; first = false {
		var page api.Page[T]
		if err := c.do(ctx, call{method: http.MethodGet, path: path, query: ask, safety: read}, &page); err != nil {
			return Listing[T]{}, err
		}
		if first {
			all.Stamp = page.Stamp
			all.Items = make([]T, 0, len(page.Items))
		}
		if page.Digest != all.Digest || page.Count != all.Count {
			return Listing[T]{}, fmt.Errorf("list %s: a page is of another list (%s, %d items) than the first (%s, %d items); the answer is not used", path, page.Digest, page.Count, all.Digest, all.Count)
		}
		all.Items = append(all.Items, page.Items...)
		if page.NextCursor == "" || len(page.Items) == 0 || len(all.Items) > all.Count {
			break
		}
		ask.Set("cursor", page.NextCursor)
	}
	if len(all.Items) != all.Count {
		return Listing[T]{}, fmt.Errorf("list %s: %d items came of %d; an incomplete list is not used", path, len(all.Items), all.Count)
	}
	return all, nil
}
