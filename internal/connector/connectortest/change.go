package connectortest

import (
	"slices"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

func (s suite) grantsTwice(t *testing.T) {
	c, account, entitlement := s.open(t), s.account(t), s.entitlement(t)
	s.expectHeld(t, c, account, entitlement, false)
	grant(t, c, account, entitlement, true)
	s.expectHeld(t, c, account, entitlement, true)
	grant(t, c, account, entitlement, false)
	s.expectHeld(t, c, account, entitlement, true)
}

func (s suite) revokesTwice(t *testing.T) {
	c, account, entitlement := s.open(t), s.account(t), s.entitlement(t)
	s.Hold(t, account, entitlement)
	revoke(t, c, true, account, entitlement)
	s.expectHeld(t, c, account, entitlement, false)
	revoke(t, c, false, account, entitlement)
	s.expectHeld(t, c, account, entitlement, false)
}

func (s suite) grantsWhatStood(t *testing.T) {
	c, account, entitlement := s.open(t), s.account(t), s.entitlement(t)
	s.Hold(t, account, entitlement)
	grant(t, c, account, entitlement, false)
	s.expectHeld(t, c, account, entitlement, true)
}

func (s suite) revokesNothingElse(t *testing.T) {
	c, account, other := s.open(t), s.account(t), s.account(t)
	revoked, kept := s.entitlement(t), s.entitlement(t)
	s.Hold(t, account, revoked)
	s.Hold(t, account, kept)
	s.Hold(t, other, revoked)
	revoke(t, c, true, account, revoked)
	s.expectHeld(t, c, account, revoked, false)
	s.expectHeld(t, c, account, kept, true)
	s.expectHeld(t, c, other, revoked, true)
}

func (s suite) readsPaths(t *testing.T) {
	c, account := s.open(t), s.account(t)
	first, second, last := s.entitlement(t), s.entitlement(t), s.entitlement(t)
	if !s.Include(t, first, second) {
		return
	}
	s.Include(t, second, last)
	expectReading(t, c, account, last, connector.Reading{})
	s.Hold(t, account, first)
	expectReading(t, c, account, first, connector.Reading{Direct: true, Effective: true})
	expectReading(t, c, account, second, connector.Reading{Effective: true, Via: []connector.Entitlement{first}})
	expectReading(t, c, account, last, connector.Reading{Effective: true, Via: []connector.Entitlement{first, second}})
}

func (s suite) readsRemainingPath(t *testing.T) {
	c, account, outer, inner := s.open(t), s.account(t), s.entitlement(t), s.entitlement(t)
	if !s.Include(t, outer, inner) {
		return
	}
	s.Hold(t, account, outer)
	grant(t, c, account, inner, true)
	expectReading(t, c, account, inner, connector.Reading{Direct: true, Effective: true})
	revoke(t, c, true, account, inner)
	expectReading(t, c, account, inner, connector.Reading{Effective: true, Via: []connector.Entitlement{outer}})
	revoke(t, c, false, account, inner)
	s.expectHeld(t, c, account, outer, true)
}

func expectReading(t *testing.T, c connector.Connector, account string, entitlement connector.Entitlement, want connector.Reading) {
	t.Helper()
	got, err := c.Read(t.Context(), account, entitlement)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	if got.Direct != want.Direct || got.Effective != want.Effective || !slices.Equal(got.Via, want.Via) {
		t.Fatalf("Read of %v is %+v, want %+v", entitlement, got, want)
	}
}

func (s suite) keepsImplied(t *testing.T) {
	c, account, entitlement := s.open(t), s.account(t), s.entitlement(t)
	implying, ok := s.Implying(entitlement)
	if !ok {
		return
	}
	s.Hold(t, account, entitlement)
	grant(t, c, account, implying, true)
	s.expectHeld(t, c, account, implying, true)
	revoke(t, c, true, account, implying, entitlement)
	s.expectHeld(t, c, account, implying, false)
	s.expectHeld(t, c, account, entitlement, true)
	revoke(t, c, false, account, implying, entitlement)
	s.expectHeld(t, c, account, entitlement, true)
}

func (s suite) takesImplied(t *testing.T) {
	c, account, entitlement := s.open(t), s.account(t), s.entitlement(t)
	implying, ok := s.Implying(entitlement)
	if !ok {
		return
	}
	grant(t, c, account, implying, true)
	s.expectHeld(t, c, account, implying, true)
	s.expectHeld(t, c, account, entitlement, true)
	revoke(t, c, true, account, implying)
	s.expectHeld(t, c, account, implying, false)
	s.expectHeld(t, c, account, entitlement, false)
}

func (s suite) keepsImplying(t *testing.T) {
	c, account, entitlement := s.open(t), s.account(t), s.entitlement(t)
	implying, ok := s.Implying(entitlement)
	if !ok {
		return
	}
	grant(t, c, account, implying, true)
	revoke(t, c, false, account, entitlement, implying)
	s.expectHeld(t, c, account, implying, true)
	s.expectHeld(t, c, account, entitlement, true)
	revoke(t, c, true, account, implying)
	// A kept right that does not stand holds nothing back.
	s.Hold(t, account, entitlement)
	revoke(t, c, true, account, entitlement, implying)
	s.expectHeld(t, c, account, entitlement, false)
}

func (s suite) unknownAccount(t *testing.T) {
	c, entitlement, nobody := s.open(t), s.entitlement(t), fresh("nobody")
	_, err := c.Grant(t.Context(), connector.Change{Account: nobody, Entitlement: entitlement})
	expectSentinel(t, err, connector.ErrAccountNotFound)
	revoke(t, c, false, nobody, entitlement)
	expectReading(t, c, nobody, entitlement, connector.Reading{})
}

func (s suite) unknownEntitlement(t *testing.T) {
	c, account := s.open(t), s.account(t)
	unknown := []connector.Entitlement{{Kind: "no such kind", NativeID: "nothing"}}
	for _, kind := range c.Capabilities().Kinds {
		unknown = append(unknown, connector.Entitlement{Kind: kind, NativeID: fresh("nothing")})
	}
	for _, nothing := range unknown {
		_, err := c.Grant(t.Context(), connector.Change{Account: account, Entitlement: nothing})
		expectSentinel(t, err, connector.ErrEntitlementNotFound)
		revoke(t, c, false, account, nothing)
		expectReading(t, c, account, nothing, connector.Reading{})
	}
}

func (s suite) revokesDropped(t *testing.T) {
	c, account, leaver := s.open(t), s.account(t), s.account(t)
	dropped, kept := s.entitlement(t), s.entitlement(t)
	grant(t, c, account, dropped, true)
	grant(t, c, leaver, kept, true)
	s.DropEntitlement(t, dropped)
	s.DropAccount(t, leaver)
	revoke(t, c, false, account, dropped)
	revoke(t, c, false, leaver, kept)
	expectReading(t, c, account, dropped, connector.Reading{})
	expectReading(t, c, leaver, kept, connector.Reading{})
}
