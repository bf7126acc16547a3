package governance

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"
)

// noon is when the tests of this package happen.
var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// world is the estate of testdata/world.json.
type world struct {
	Entitlements []Entitlement
	Policies     []EligibilityPolicy
	Rules        []SoDRule
	Templates    []GrantTemplate
	People       []Person
	Accounts     map[IdentityID][]AccountID
	Events       []OpenEvent
	Inclusions   Inclusions
}

func readWorld(t testing.TB) world {
	t.Helper()
	file, err := os.Open("testdata/world.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var w world
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&w); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w world) policySet(t testing.TB) *PolicySet {
	t.Helper()
	return policySet(t, Documents{Revision: 42, Applications: []Application{{Name: "billing"}, {Name: "crm"}}, Entitlements: w.Entitlements, Policies: w.Policies, Rules: w.Rules, Templates: w.Templates})
}

// makingAccounts is the world whose templates have accounts made.
func (w world) makingAccounts() world {
	w.Templates = slices.Clone(w.Templates)
	for i := range w.Templates {
		w.Templates[i].CreateAccount = true
	}
	return w
}

func policySet(t testing.TB, docs Documents) *PolicySet {
	t.Helper()
	set, err := NewPolicySet(docs)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func (w world) person(id IdentityID) *Person {
	for _, p := range w.People {
		if p.ID() == id {
			return &p
		}
	}
	return nil
}

func (w world) event(id string) *OpenEvent {
	for _, e := range w.Events {
		if string(e.ID) == id {
			return &e
		}
	}
	return nil
}
