package connectortest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// concurrency lets many callers make the same and different changes at once,
// while others discover.
func (s suite) concurrency(t *testing.T) {
	const callers = 8
	c := s.open(t)
	same, right := s.account(t), s.entitlement(t)
	var accounts [callers]string
	for i := range accounts {
		accounts[i] = s.account(t)
	}

	atOnce(callers, func(int) {
		if _, err := c.Discover(t.Context()); err != nil {
			t.Errorf("Discover beside changes: %v", err)
		}
	}, func(i int) {
		if result, err := c.Grant(t.Context(), connector.Change{Account: accounts[i], Entitlement: right}); err != nil || !result.Changed {
			t.Errorf("Grant to an account of its own: %+v, %v", result, err)
		}
	})
	for _, account := range accounts {
		s.expectHeld(t, c, account, right, true)
	}

	for _, change := range []struct {
		name string
		make func(context.Context, connector.Change) (connector.Result, error)
		held bool
	}{{"Grant", c.Grant, true}, {"Revoke", c.Revoke, false}} {
		var changed atomic.Int32
		atOnce(callers, func(int) {
			result, err := change.make(t.Context(), connector.Change{Account: same, Entitlement: right})
			if err != nil {
				t.Errorf("%s beside equal ones: %v", change.name, err)
			}
			if result.Changed {
				changed.Add(1)
			}
		})
		if n := changed.Load(); n != 1 {
			t.Errorf("%d of %d equal calls of %s report that they changed something, want one", n, callers, change.name)
		}
		s.expectHeld(t, c, same, right, change.held)
	}
}

// atOnce runs every function n times, all at the same time.
func atOnce(n int, functions ...func(i int)) {
	var all sync.WaitGroup
	for _, function := range functions {
		for i := range n {
			all.Go(func() { function(i) })
		}
	}
	all.Wait()
}
