package connectortest

import (
	"context"
	"errors"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// together is the connector under test; the test is over when it revokes one by one.
func (s suite) together(t *testing.T) connector.Together {
	t.Helper()
	opened := s.open(t)
	c, ok := opened.(connector.Together)
	if says := opened.Capabilities().Together; says != ok {
		t.Fatalf("the capabilities say that it revokes together: %v, it does: %v", says, ok)
	}
	if !ok {
		t.Skip("it revokes one by one")
	}
	return c
}

func (s suite) revokesTogether(t *testing.T) {
	c := s.together(t)
	right, other, outer := s.entitlement(t), s.entitlement(t), s.entitlement(t)
	nested := s.Include(t, outer, right)
	held, notHeld, throughPath, pinned, dropped := s.account(t), s.account(t), s.account(t), s.account(t), s.account(t)
	for _, account := range []string{held, throughPath, dropped} {
		s.Hold(t, account, right)
	}
	s.Hold(t, held, other)
	if nested {
		s.Hold(t, throughPath, outer)
	}
	implying, implies := s.Implying(right)
	if implies {
		grant(t, c, pinned, implying, true)
	}
	s.DropAccount(t, dropped)
	changes := []connector.Change{
		{Account: held, Entitlement: right},
		{Account: notHeld, Entitlement: right},
		{Account: throughPath, Entitlement: right},
		{Account: dropped, Entitlement: right},
		{Account: fresh("nobody"), Entitlement: right},
		{Account: s.account(t), Entitlement: connector.Entitlement{Kind: right.Kind, NativeID: fresh("nothing")}},
		{Account: s.account(t), Entitlement: connector.Entitlement{Kind: "no such kind", NativeID: "nothing"}},
		{Account: "", Entitlement: right},
		{Account: held, Entitlement: other},
		{Account: held, Entitlement: right},
	}
	changed := []bool{true, false, true, false, false, false, false, false, true, false}
	if implies {
		changes = append(changes, connector.Change{Account: pinned, Entitlement: right, Keep: []connector.Entitlement{implying}})
		changed = append(changed, false)
	}
	for i, r := range s.revokeAll(t, c, changes) {
		if r.Changed != changed[i] {
			t.Errorf("the revocation of %v from %q reports Changed %v, want %v", changes[i].Entitlement, changes[i].Account, r.Changed, changed[i])
		}
		expectReading(t, c, changes[i].Account, changes[i].Entitlement, r.Reading)
	}
	for _, account := range []string{held, notHeld, throughPath} {
		s.expectHeld(t, c, account, right, false)
	}
	s.expectHeld(t, c, held, other, false)
	if nested {
		s.expectHeld(t, c, throughPath, outer, true)
		expectReading(t, c, throughPath, right, connector.Reading{Effective: true, Via: []connector.Entitlement{outer}})
	}
	if implies {
		s.expectHeld(t, c, pinned, implying, true)
	}
}

// revokeAll revokes together, and alone what is left to that.
func (s suite) revokeAll(t *testing.T, c connector.Together, changes []connector.Change) []connector.Revocation {
	t.Helper()
	revoked, err := c.RevokeTogether(t.Context(), changes)
	if err != nil {
		t.Fatalf("RevokeTogether: %v", err)
	}
	if len(revoked) != len(changes) {
		t.Fatalf("RevokeTogether answers %d outcomes for %d changes", len(revoked), len(changes))
	}
	for i, r := range revoked {
		if !r.Alone {
			continue
		}
		result, err := c.Revoke(t.Context(), changes[i])
		if err != nil {
			t.Fatalf("Revoke: %v", err)
		}
		revoked[i].Changed = r.Changed || result.Changed
		if revoked[i].Reading, err = connector.Read(t.Context(), c, changes[i]); err != nil {
			t.Fatalf("Read: %v", err)
		}
	}
	return revoked
}

// Most of many that are usual are not left to be done alone.
func (s suite) revokesManyTogether(t *testing.T) {
	c := s.together(t)
	right, bystander := s.entitlement(t), s.account(t)
	s.Hold(t, bystander, right)
	changes := make([]connector.Change, 20)
	for i := range changes {
		changes[i] = connector.Change{Account: s.account(t), Entitlement: right}
		s.Hold(t, changes[i].Account, right)
	}
	revoked, err := c.RevokeTogether(t.Context(), changes)
	if err != nil || len(revoked) != len(changes) {
		t.Fatalf("RevokeTogether: %v, %v", revoked, err)
	}
	for i, r := range revoked {
		if r.Alone || !r.Changed || r.Reading.Effective {
			t.Errorf("revocation %d came to %+v", i, r)
		}
		s.expectHeld(t, c, changes[i].Account, right, false)
	}
	s.expectHeld(t, c, bystander, right, true)
}

func (s suite) followsRenamesTogether(t *testing.T) {
	c := s.together(t)
	if s.RenameAccount == nil {
		t.Skip("its target knows no renaming")
	}
	account, entitlement := s.account(t), s.entitlement(t)
	s.Hold(t, account, entitlement)
	change := identified(t, c, account, entitlement)
	renamed := fresh("renamed")
	s.RenameAccount(t, account, renamed)
	s.NewAccount(t, account)
	s.Hold(t, account, entitlement)
	if r := s.revokeAll(t, c, []connector.Change{change}); !r[0].Changed || r[0].Reading.Effective {
		t.Errorf("the revocation came to %+v", r[0])
	}
	s.expectHeld(t, c, renamed, entitlement, false)
	s.expectHeld(t, c, account, entitlement, true)
}

// What the target refuses of one, it refuses of all, and nothing is changed.
func (s suite) refusesTogether(t *testing.T) {
	c := s.together(t)
	powerless := closing(t, s.OpenUnprivileged(t)).(connector.Together)
	right := s.entitlement(t)
	changes := []connector.Change{{Account: s.account(t), Entitlement: right}, {Account: s.account(t), Entitlement: right}}
	for _, change := range changes {
		s.Hold(t, change.Account, right)
	}
	revoked, err := powerless.RevokeTogether(t.Context(), changes)
	if err != nil {
		expectSentinel(t, err, connector.ErrPermission)
	}
	for i, r := range revoked {
		if !r.Alone || r.Changed {
			t.Errorf("revocation %d came to %+v, and its connector may change nothing", i, r)
		}
	}
	for _, change := range changes {
		s.expectHeld(t, c, change.Account, right, true)
	}
}

func (s suite) cancelledTogether(t *testing.T) {
	c := s.together(t)
	account, entitlement := s.account(t), s.entitlement(t)
	s.Hold(t, account, entitlement)
	s.cancelWhileWaiting(t, c, account, entitlement, true, func(ctx context.Context) error {
		changes := []connector.Change{{Account: account, Entitlement: entitlement}}
		for {
			// One that gives up on what it waits for is told to be done alone.
			revoked, err := c.RevokeTogether(ctx, changes)
			if err != nil {
				return err
			}
			if !revoked[0].Alone {
				return errors.New("it was revoked behind what blocks it")
			}
		}
	})
}
