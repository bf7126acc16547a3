package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

// WhoAmI says who the token stands for.
func (c *Client) WhoAmI(ctx context.Context) (api.WhoAmI, error) {
	var who api.WhoAmI
	err := c.do(ctx, call{method: http.MethodGet, path: "/v1/whoami", safety: read}, &who)
	return who, err
}

// Ready is nil when the server can do its work.
func (c *Client) Ready(ctx context.Context) error {
	return c.do(ctx, call{method: http.MethodGet, path: "/readyz", safety: read}, nil)
}

// ResetClock takes back a time that was seen and never was.
func (c *Client) ResetClock(ctx context.Context, reason string) (api.ClockReset, error) {
	return post[api.ClockReset](ctx, c, "/v1/clock/reset", api.ClockResetInput{Reason: reason})
}

// Resume accepts a state that comes from a backup.
func (c *Client) Resume(ctx context.Context, reason string) (api.Resumed, error) {
	return post[api.Resumed](ctx, c, "/v1/resume", api.ResumeInput{Reason: reason})
}

// CreateToken makes a token; its secret is in this answer and never again.
func (c *Client) CreateToken(ctx context.Context, input api.TokenInput) (api.CreatedToken, error) {
	return post[api.CreatedToken](ctx, c, "/v1/tokens", input)
}

// Tokens lists all tokens, revoked and expired ones too.
func (c *Client) Tokens(ctx context.Context) (Listing[api.Token], error) {
	return list[api.Token](ctx, c, "/v1/tokens", nil)
}

// RevokeToken ends a token at once.
func (c *Client) RevokeToken(ctx context.Context, id string) (api.Token, error) {
	var token api.Token
	err := c.do(ctx, call{method: http.MethodDelete, path: "/v1/tokens/" + segment(id)}, &token)
	return token, err
}

// EvidenceCheckpoint reads the latest signed checkpoint.
func (c *Client) EvidenceCheckpoint(ctx context.Context) (api.EvidenceCheckpoint, error) {
	var checkpoint api.EvidenceCheckpoint
	err := c.do(ctx, call{method: http.MethodGet, path: "/v1/evidence/checkpoint", safety: read}, &checkpoint)
	return checkpoint, err
}

// EvidenceRecords reads at most limit records from an index on; fewer when the
// log ends or the answer would grow too large, none only at the log's end.
func (c *Client) EvidenceRecords(ctx context.Context, from int64, limit int) ([]api.EvidenceRecord, error) {
	query := url.Values{"from": {strconv.FormatInt(from, 10)}, "limit": {strconv.Itoa(limit)}}
	var answer api.EvidenceRecords
	err := c.do(ctx, call{method: http.MethodGet, path: "/v1/evidence/records", query: query, safety: read}, &answer)
	return answer.Records, err
}
