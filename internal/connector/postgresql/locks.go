package postgresql

import (
	"cmp"
	"context"
	"sync"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// lockKey is what changes of this connector take turns for.
type lockKey struct {
	account     string
	entitlement connector.Entitlement
}

// compare is the order in which several turns are waited for.
func (k lockKey) compare(other lockKey) int {
	return cmp.Or(
		cmp.Compare(k.entitlement.Kind, other.entitlement.Kind), cmp.Compare(k.entitlement.NativeID, other.entitlement.NativeID),
		cmp.Compare(k.account, other.account),
	)
}

// keyedLocks lets one change at a time work on one account and entitlement, so
// that of several equal ones exactly one reports that it changed something. An
// advisory lock in the target would do the same across engines, but anyone who
// may connect there could hold it and so hold off a revocation.
type keyedLocks struct {
	mu   sync.Mutex
	held map[lockKey]chan struct{}
}

// acquire waits for its turn or for the end of ctx.
func (l *keyedLocks) acquire(ctx context.Context, key lockKey) (release func(), err error) {
	for {
		l.mu.Lock()
		busy, taken := l.held[key]
		if !taken {
			if l.held == nil {
				l.held = make(map[lockKey]chan struct{})
			}
			done := make(chan struct{})
			l.held[key] = done
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.held, key)
				l.mu.Unlock()
				close(done)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// acquireAll is acquire for keys that are all different.
func (l *keyedLocks) acquireAll(ctx context.Context, keys []lockKey) (release func(), err error) {
	var releases []func()
	release = func() {
		for _, one := range releases {
			one()
		}
	}
	for _, key := range keys {
		one, err := l.acquire(ctx, key)
		if err != nil {
			release()
			return nil, err
		}
		releases = append(releases, one)
	}
	return release, nil
}
