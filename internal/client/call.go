package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

// Bounds of an answer.
const (
	maxAnswer   = 256 << 20
	maxProblem  = 1 << 20
	readTimeout = 2 * time.Minute
)

// pauses before the second and further attempts; 1.2 s together.
func pauses() []time.Duration {
	return []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, 800 * time.Millisecond}
}

// safety says when a call may be made again.
type safety int

const (
	// once: only when the server never saw it.
	once safety = iota
	// conditional carries a precondition: also when the server says that it
	// was unavailable.
	conditional
	// named carries a key by which the server knows the call again: also when the
	// connection broke.
	named
	// read changes nothing: as named, within a bounded time.
	read
)

type call struct {
	method string
	path   string // escaped, from the endpoint on
	query  url.Values
	header http.Header
	body   any // nil: none
	safety safety
}

// do makes the call and decodes the answer into out, unless that is nil.
func (c *Client) do(ctx context.Context, what call, out any) error {
	var body []byte
	if what.body != nil {
		var err error
		if body, err = json.Marshal(what.body); err != nil {
			return fmt.Errorf("encode the body of %s %s: %w", what.method, what.path, err)
		}
	}
	waits := pauses()
	for {
		again, err := c.attempt(ctx, what, body, out)
		if err == nil || !again || len(waits) == 0 {
			return err
		}
		if pause(ctx, waits[0]) != nil {
			return err
		}
		waits = waits[1:]
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (c *Client) attempt(ctx context.Context, what call, body []byte, out any) (again bool, err error) {
	if what.safety == read {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, readTimeout)
		defer cancel()
	}
	request, err := c.request(ctx, what, body)
	if err != nil {
		return false, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return refused(err) || what.safety >= named && brokenOff(err), c.unreachable(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return what.safety != once && response.StatusCode == http.StatusServiceUnavailable, c.refusal(response)
	}
	answer, err := io.ReadAll(http.MaxBytesReader(nil, response.Body, c.maxAnswer))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return false, fmt.Errorf("the answer to %s %s%s is larger than %d bytes and is not read; ask for less of it", what.method, c.endpoint, what.path, c.maxAnswer)
	case err != nil:
		return what.safety >= named && brokenOff(err), c.unreachable(ctx, err)
	case out == nil:
		return false, nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return false, fmt.Errorf("read the answer of %s to %s %s: %w; is it a Stint server of this version? check %s", c.endpoint, what.method, what.path, err, EnvEndpoint)
	}
	return false, nil
}

func (c *Client) request(ctx context.Context, what call, body []byte) (*http.Request, error) {
	target := c.endpoint + what.path
	if len(what.query) > 0 {
		target += "?" + what.query.Encode()
	}
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, what.method, target, content)
	if err != nil {
		return nil, fmt.Errorf("make the request %s %s: %w", what.method, target, err)
	}
	if what.header != nil {
		request.Header = what.header.Clone()
	}
	request.Header.Set("Accept", "application/json, application/problem+json")
	request.Header.Set("User-Agent", c.userAgent)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	return request, nil
}

// unreachable keeps the caller's own cancellation apart from the server's
// absence.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("ask Stint at %s: %w", c.endpoint, context.Canceled)
	}
	return &UnreachableError{Endpoint: c.endpoint, Err: err}
}

func (c *Client) refusal(response *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxProblem))
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	problem := &api.Problem{}
	if media != "application/problem+json" || json.Unmarshal(text, problem) != nil || problem.Code == "" {
		return c.foreign(response, text)
	}
	if response.StatusCode == http.StatusUnauthorized {
		return &UnauthenticatedError{Endpoint: c.endpoint, NoToken: c.token == "", Problem: problem}
	}
	return problem
}

// foreign is the error for an answer that no Stint server gives.
func (c *Client) foreign(response *http.Response, text []byte) error {
	if to := response.Header.Get("Location"); to != "" {
		return fmt.Errorf("%s redirects to %s, where the token is not sent; set %s to the server itself", c.endpoint, to, EnvEndpoint)
	}
	said := strings.ToValidUTF8(strings.Join(strings.Fields(string(text[:min(len(text), 200)])), " "), "")
	if said != "" {
		said = fmt.Sprintf(" (%q)", said)
	}
	return fmt.Errorf("%s answered %s%s, which is not an answer of Stint's; is there something in between? check %s", c.endpoint, response.Status, said, EnvEndpoint)
}
