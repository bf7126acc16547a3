// Package session is what the resources and data sources of one configured
// provider share: the client, and the reads that many of them need.
//
// Declared objects are read through one snapshot at one revision, fetched at
// first need and dropped by the next write, so that a refresh of any number of
// resources is a handful of requests. It is safe for concurrent use and keeps
// nothing beyond the life of the provider process.
package session

import (
	"context"
	"fmt"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
)

// Session is one configured provider.
type Session struct {
	client  *client.Client
	pending string

	mu       sync.Mutex
	snapshot *api.Snapshot

	targetsMu sync.Mutex
	targets   map[string]*Target

	attributesMu sync.Mutex
	attributes   attributes
}

// New is a session on a client.
func New(c *client.Client) *Session {
	return &Session{client: c, targets: map[string]*Target{}}
}

// Of is the session that a configured provider has handed to one of its objects;
// nil before it is configured.
func Of(data any) (*Session, diag.Diagnostics) {
	if data == nil {
		return nil, nil
	}
	s, ok := data.(*Session)
	if !ok {
		return nil, diag.Diagnostics{diag.NewErrorDiagnostic("The provider is not configured as expected", fmt.Sprintf("Its data is %T; this is a fault of the provider, please report it.", data))}
	}
	return s, nil
}

// Pending is the session of a provider whose configuration is not known yet. It
// can check what needs no server; argument names what is missing.
func Pending(argument string) *Session { return &Session{pending: argument} }

// Offline reports whether no server can be asked yet.
func (s *Session) Offline() bool { return s.client == nil }

// Client is for asking the server; the error tells what the provider's
// configuration still lacks.
func (s *Session) Client() (*client.Client, error) {
	if s.client == nil {
		return nil, fmt.Errorf("the provider's %s is not known before apply, so that no server can be asked; give it a value that is known at plan, or apply what it depends on first with -target", s.pending)
	}
	return s.client, nil
}

// Snapshot is the declared state. Callers do not change it.
func (s *Session) Snapshot(ctx context.Context) (*api.Snapshot, error) {
	c, err := s.Client()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.snapshot != nil {
		return s.snapshot, nil
	}
	snapshot, err := c.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	s.snapshot = &snapshot
	return s.snapshot, nil
}

// Wrote drops the snapshot. It is called after every write that the server may
// have carried out.
func (s *Session) Wrote() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snapshot = nil
}
