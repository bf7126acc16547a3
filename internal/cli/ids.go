package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

const (
	uuidLength = 36
	// shortestID is how much of an id must be written to stand for it.
	shortestID = 6
)

// shortID is the last group of a UUIDv7: its random part, which tells ids apart
// that were made in the same moment.
func shortID[T ~string](id T) string {
	text := printable(string(id))
	if len(text) != uuidLength {
		return text
	}
	return text[strings.LastIndexByte(text, '-')+1:]
}

// resolve finds the one id that begins or ends with what was written. list is
// only called when that is not an id in full.
func resolve(noun, written string, list func() ([]string, error)) (string, error) {
	if len(written) == uuidLength {
		return strings.ToLower(written), nil
	}
	if len(written) < shortestID {
		return "", usageErrorf("%q is too short for the id of a %s; give at least %d characters from its beginning or end", written, noun, shortestID)
	}
	all, err := list()
	if err != nil {
		return "", err
	}
	part := strings.ToLower(written)
	var matches []string
	for _, id := range all {
		if strings.HasPrefix(id, part) || strings.HasSuffix(id, part) {
			matches = append(matches, id)
		}
	}
	switch len(matches) {
	case 1:
		return matches[0], nil
	case 0:
		return "", usageErrorf("no %s that you can see has an id that begins or ends with %q", noun, written)
	default:
		slices.Sort(matches)
		return "", usageErrorf("%q stands for %s: %s; give more of the id", written, plural(int64(len(matches)), noun), strings.Join(matches, ", "))
	}
}

func resolveRequest(ctx context.Context, c *client.Client, written string) (governance.RequestID, error) {
	id, err := resolve("request", written, func() ([]string, error) {
		listing, err := c.Requests(ctx, client.RequestFilter{})
		return idsOf(listing.Items, func(r api.Request) string { return string(r.ID) }), err
	})
	return governance.RequestID(id), err
}

func resolveGrant(ctx context.Context, c *client.Client, written string) (governance.GrantID, error) {
	id, err := resolve("grant", written, func() ([]string, error) {
		listing, err := c.Grants(ctx, client.GrantFilter{})
		return idsOf(listing.Items, func(g api.Grant) string { return string(g.ID) }), err
	})
	return governance.GrantID(id), err
}

func resolveOperation(ctx context.Context, c *client.Client, written string) (governance.OperationID, error) {
	id, err := resolve("operation", written, func() ([]string, error) {
		listing, err := c.Operations(ctx, client.OperationFilter{})
		return idsOf(listing.Items, func(o api.Operation) string { return string(o.ID) }), err
	})
	return governance.OperationID(id), err
}

func resolveToken(ctx context.Context, c *client.Client, written string) (string, error) {
	return resolve("token", written, func() ([]string, error) {
		listing, err := c.Tokens(ctx)
		return idsOf(listing.Items, func(t api.Token) string { return t.ID }), err
	})
}

func idsOf[T any](items []T, id func(T) string) []string {
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i] = id(item)
	}
	return ids
}
