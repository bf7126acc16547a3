package fulfilment

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// collecting is a target that takes a second for what is revoked together, and
// answers with the account of each.
type collecting struct {
	connector.Connector
	mu    sync.Mutex
	sizes []int
	cut   int
}

func (c *collecting) RevokeTogether(ctx context.Context, changes []connector.Change) ([]connector.Revocation, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sizes = append(c.sizes, len(changes))
	c.mu.Unlock()
	var err error
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(time.Second):
	}
	c.mu.Lock()
	if err != nil {
		c.cut++
		return nil, err
	}
	revoked := make([]connector.Revocation, len(changes))
	for i, change := range changes {
		revoked[i].Ended = []connector.Session{{ID: change.Account}}
	}
	return revoked, nil
}

// revokeAtOnce has n jobs of a lane revoke at the same time, each within its context.
func revokeAtOnce(l *lane, target connector.Connector, n int, within func(i int) context.Context, came func(i int, r connector.Revocation, err error)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			r, err := l.revokeTogether(within(i), &job{target: target}, connector.Change{Account: fmt.Sprint(i)})
			came(i, r, err)
		})
	}
	all.Wait()
}

func TestWhatWaitsForItsTurnIsRevokedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &collecting{}
		l := newLane(&Worker{}, "billing")
		began := time.Now()
		revokeAtOnce(l, target, 150, func(int) context.Context { return t.Context() }, func(i int, r connector.Revocation, err error) {
			if err != nil || len(r.Ended) != 1 || r.Ended[0].ID != fmt.Sprint(i) {
				t.Errorf("%d came to %+v, %v", i, r, err)
			}
		})
		sum := 0
		for _, size := range target.sizes {
			sum += size
			if size > mostTogether {
				t.Errorf("%d were revoked together, at most %d may be", size, mostTogether)
			}
		}
		if took := time.Since(began); sum != 150 || took > 2*time.Second {
			t.Errorf("%d were revoked in %s, in calls of %v", sum, took, target.sizes)
		}
		if len(l.together.waiting) != 0 {
			t.Errorf("%d wait still", len(l.together.waiting))
		}
	})
}

func TestJobThatIsNotToGoOnHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := &collecting{}
		l := newLane(&Worker{}, "billing")
		cancelled, cancel := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, cancel)
		revokeAtOnce(l, target, 100, func(i int) context.Context {
			if i%2 == 0 {
				return cancelled
			}
			return t.Context()
		}, func(i int, _ connector.Revocation, err error) {
			if i%2 == 1 && err != nil {
				t.Errorf("%d came to %v beside one that was cancelled", i, err)
			}
		})
		revokeAtOnce(l, target, 3, func(int) context.Context {
			soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			context.AfterFunc(soon, cancel)
			return soon
		}, func(i int, _ connector.Revocation, err error) {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%d, whose time was over, came to %v", i, err)
			}
		})
		if target.cut == 0 || len(l.together.waiting) != 0 {
			t.Errorf("%d calls were cut off, %d wait still", target.cut, len(l.together.waiting))
		}
	})
}
