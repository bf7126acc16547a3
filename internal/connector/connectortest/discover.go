package connectortest

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

func (s suite) capabilities(t *testing.T) {
	can := s.open(t).Capabilities()
	if len(can.Kinds) == 0 || !slices.IsSorted(can.Kinds) || len(slices.Compact(slices.Clone(can.Kinds))) != len(can.Kinds) {
		t.Errorf("Kinds are %q, want some, sorted, each once", can.Kinds)
	}
	if kind := s.entitlement(t).Kind; !slices.Contains(can.Kinds, kind) {
		t.Errorf("Kinds are %q, without the target's own %q", can.Kinds, kind)
	}
	if can.Bound <= 0 {
		t.Errorf("Bound is %s, want a positive duration", can.Bound)
	}
}

func (s suite) discovers(t *testing.T) {
	c := s.open(t)
	holder, bystander := s.account(t), s.account(t)
	held, included := s.entitlement(t), s.entitlement(t)
	s.Hold(t, holder, held)
	nested := s.Include(t, held, included)

	found, err := c.Discover(t.Context())
	if err != nil {
		t.Fatalf("Discover: %v", err)
	}
	for _, name := range []string{holder, bystander} {
		if !slices.ContainsFunc(found.Accounts, func(a connector.Account) bool { return a.Name == name && !a.Disabled }) {
			t.Errorf("account %q is missing", name)
		}
	}
	for _, e := range []connector.Entitlement{held, included} {
		if !slices.ContainsFunc(found.Entitlements, func(d connector.DiscoveredEntitlement) bool { return d.Entitlement == e }) {
			t.Errorf("entitlement %v is missing", e)
		}
	}
	for _, a := range found.Assignments {
		if a.Account == bystander {
			t.Errorf("%q holds nothing and is reported to hold %v", bystander, a.Entitlement)
		}
		if a.Account == holder && a.Entitlement == included {
			t.Errorf("%q holds %v only through another and is reported to hold it directly", holder, included)
		}
	}
	if !slices.ContainsFunc(found.Assignments, func(a connector.Assignment) bool { return a.Account == holder && a.Entitlement == held }) {
		t.Errorf("the assignment of %v to %q is missing", held, holder)
	}
	if nested && !slices.ContainsFunc(found.Inclusions, func(i connector.Inclusion) bool { return i.From == held && i.To == included && !i.Implied }) {
		t.Errorf("the inclusion of %v in %v is missing", included, held)
	}
	if implying, ok := s.Implying(held); ok && !slices.ContainsFunc(found.Inclusions, func(i connector.Inclusion) bool { return i.From == implying && i.To == held && i.Implied }) {
		t.Errorf("that %v implies %v is missing", implying, held)
	}
}

func (s suite) discoversConsistently(t *testing.T) {
	c := s.open(t)
	account, entitlement, other := s.account(t), s.entitlement(t), s.entitlement(t)
	s.Hold(t, account, entitlement)
	s.Include(t, entitlement, other)

	found, err := c.Discover(t.Context())
	if err != nil {
		t.Fatalf("Discover: %v", err)
	}
	ascending(t, "accounts", found.Accounts, func(a, b connector.Account) int { return cmp.Compare(a.Name, b.Name) })
	ascending(t, "entitlements", found.Entitlements, func(a, b connector.DiscoveredEntitlement) int {
		return compare(a.Entitlement, b.Entitlement)
	})
	ascending(t, "assignments", found.Assignments, func(a, b connector.Assignment) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), compare(a.Entitlement, b.Entitlement))
	})
	ascending(t, "inclusions", found.Inclusions, func(a, b connector.Inclusion) int {
		return cmp.Or(compare(a.From, b.From), compare(a.To, b.To))
	})

	accounts, accountUIDs := map[string]bool{}, map[string]bool{}
	for _, a := range found.Accounts {
		if a.UID == "" || accountUIDs[a.UID] {
			t.Errorf("account %q has the uid %q, want one of its own", a.Name, a.UID)
		}
		accounts[a.Name], accountUIDs[a.UID] = true, true
	}
	entitlements, entitlementUIDs := map[connector.Entitlement]bool{}, map[connector.Entitlement]bool{}
	for _, e := range found.Entitlements {
		uid := connector.Entitlement{Kind: e.Kind, NativeID: e.UID}
		if e.UID == "" || entitlementUIDs[uid] {
			t.Errorf("entitlement %v has the uid %q, want one of its own within its kind", e.Entitlement, e.UID)
		}
		entitlements[e.Entitlement], entitlementUIDs[uid] = true, true
	}
	for _, a := range found.Assignments {
		if !accounts[a.Account] || !entitlements[a.Entitlement] {
			t.Errorf("assignment of %v to %q refers to what was not discovered", a.Entitlement, a.Account)
		}
	}
	for _, i := range found.Inclusions {
		if !entitlements[i.From] || !entitlements[i.To] {
			t.Errorf("inclusion of %v in %v refers to what was not discovered", i.To, i.From)
		}
	}
}

// ascending demands strict order, which also rules out duplicates.
func ascending[T any](t *testing.T, what string, found []T, compare func(a, b T) int) {
	t.Helper()
	for i := 1; i < len(found); i++ {
		if compare(found[i-1], found[i]) >= 0 {
			t.Errorf("%s are not sorted by key: %v stands before %v", what, found[i-1], found[i])
		}
	}
}

func compare(a, b connector.Entitlement) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.NativeID, b.NativeID))
}
