package connectortest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

func (s suite) permissionDenied(t *testing.T) {
	c, powerless := s.open(t), closing(t, s.OpenUnprivileged(t))
	account, wanted, held := s.account(t), s.entitlement(t), s.entitlement(t)
	s.Hold(t, account, held)
	_, err := powerless.Grant(t.Context(), connector.Change{Account: account, Entitlement: wanted})
	expectSentinel(t, err, connector.ErrPermission)
	s.expectHeld(t, c, account, wanted, false)
	_, err = powerless.Revoke(t.Context(), connector.Change{Account: account, Entitlement: held})
	expectSentinel(t, err, connector.ErrPermission)
	s.expectHeld(t, c, account, held, true)
}

func (s suite) targetDown(t *testing.T) {
	c, fromBefore := s.open(t), s.open(t)
	account, wanted, held := s.account(t), s.entitlement(t), s.entitlement(t)
	s.Hold(t, account, held)
	s.expectHeld(t, fromBefore, account, held, true)

	s.Stop(t)
	for _, down := range []connector.Connector{c, fromBefore} {
		_, err := down.Discover(t.Context())
		expectSentinel(t, err, connector.ErrUnavailable)
		_, err = down.Read(t.Context(), account, held)
		expectSentinel(t, err, connector.ErrUnavailable)
		_, err = down.Grant(t.Context(), connector.Change{Account: account, Entitlement: wanted})
		expectSentinel(t, err, connector.ErrUnavailable)
		_, err = down.Revoke(t.Context(), connector.Change{Account: account, Entitlement: held})
		expectSentinel(t, err, connector.ErrUnavailable)
		if together, ok := down.(connector.Together); ok {
			_, err = together.RevokeTogether(t.Context(), []connector.Change{{Account: account, Entitlement: held}})
			expectSentinel(t, err, connector.ErrUnavailable)
		}
	}
	s.Start(t)

	for _, up := range []connector.Connector{c, fromBefore} {
		s.expectHeld(t, up, account, wanted, false)
		s.expectHeld(t, up, account, held, true)
	}
	grant(t, c, account, wanted, true)
	revoke(t, fromBefore, true, account, held)
}

func (s suite) cancelledBefore(t *testing.T) {
	c, account, wanted, held := s.open(t), s.account(t), s.entitlement(t), s.entitlement(t)
	s.Hold(t, account, held)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Discover(cancelled)
	expectSentinel(t, err, connector.ErrUnavailable)
	_, err = c.Grant(cancelled, connector.Change{Account: account, Entitlement: wanted})
	expectSentinel(t, err, connector.ErrUnavailable)
	_, err = c.Revoke(cancelled, connector.Change{Account: account, Entitlement: held})
	expectSentinel(t, err, connector.ErrUnavailable)
	s.expectHeld(t, c, account, wanted, false)
	s.expectHeld(t, c, account, held, true)
}

func (s suite) cancelledGrant(t *testing.T) {
	c, account, entitlement := s.open(t), s.account(t), s.entitlement(t)
	s.cancelWhileWaiting(t, c, account, entitlement, false, func(ctx context.Context) error {
		_, err := c.Grant(ctx, connector.Change{Account: account, Entitlement: entitlement})
		return err
	})
}

func (s suite) cancelledRevoke(t *testing.T) {
	c, account, entitlement := s.open(t), s.account(t), s.entitlement(t)
	s.Hold(t, account, entitlement)
	s.cancelWhileWaiting(t, c, account, entitlement, true, func(ctx context.Context) error {
		_, err := c.Revoke(ctx, connector.Change{Account: account, Entitlement: entitlement})
		return err
	})
}

// cancelWhileWaiting cancels a change that waits inside the target, lets the
// target go on at once, and checks what the contract says about the outcome:
// after a sure error nothing changed, and once the bound is over a read is true
// and stays true.
func (s suite) cancelWhileWaiting(t *testing.T, c connector.Connector, account string, entitlement connector.Entitlement, before bool, change func(context.Context) error) {
	t.Helper()
	waiting, release := s.Block(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	returned := make(chan error, 1)
	go func() { returned <- change(ctx) }()
	await(t, "the change waits in the target", func() bool {
		select {
		case err := <-returned:
			t.Fatalf("the change returned (%v) instead of waiting in the target", err)
		default:
		}
		return waiting()
	})

	cancel()
	var err error
	select {
	case err = <-returned:
	case <-time.After(patience):
		t.Fatalf("the change did not return within %s of its cancellation", patience)
	}
	release()
	bound := time.After(c.Capabilities().Bound)
	expectSentinel(t, err, connector.ErrIndeterminate, connector.ErrUnavailable)

	<-bound
	after := s.Holds(t, account, entitlement)
	s.expectHeld(t, c, account, entitlement, after)
	if sure := !errors.Is(err, connector.ErrIndeterminate); sure && after != before {
		t.Fatalf("the error (%v) says that nothing was changed, and the target was", err)
	}
	for watched := time.After(time.Second); ; {
		s.expectHeld(t, c, account, entitlement, after)
		select {
		case <-watched:
			return
		default:
		}
	}
}

// await polls until condition holds; it fails the test when that takes longer
// than anything should.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !condition() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("waited %s in vain until %s", patience, what)
		}
	}
}
