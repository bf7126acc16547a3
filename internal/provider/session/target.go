package session

import (
	"context"
	"slices"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

// Target is what was seen in an application.
type Target struct {
	SyncedAt     time.Time
	Entitlements []api.DiscoveredEntitlement
}

// Target is what was seen in the application when it was last read, or nil when
// it is not declared yet or was never read. It is asked for once in the
// session: whoever lacks a right that came about since is told when that was.
// Callers do not change it.
func (s *Session) Target(ctx context.Context, application string) (*Target, error) {
	s.targetsMu.Lock()
	defer s.targetsMu.Unlock()
	if seen, ok := s.targets[application]; ok {
		return seen, nil
	}
	snapshot, err := s.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(snapshot.Applications, func(a api.Application) bool { return a.Meta.ID == application })
	if i < 0 || snapshot.Applications[i].SyncedAt == nil {
		return nil, nil
	}
	listing, err := s.client.DiscoveredEntitlements(ctx, snapshot.Applications[i].Application.ID())
	if err != nil {
		return nil, err
	}
	s.targets[application] = &Target{SyncedAt: *snapshot.Applications[i].SyncedAt, Entitlements: listing.Items}
	return s.targets[application], nil
}
