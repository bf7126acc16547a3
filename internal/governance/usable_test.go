package governance

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUsableIsWhatPolicyStandsBehind(t *testing.T) {
	set, err := NewPolicySet(Documents{
		Applications: []Application{{Name: "a"}},
		Entitlements: []Entitlement{
			{Application: "a", Kind: "r", NativeID: "open", Risk: RiskLow, Standing: StandingAllowed},
			{Application: "a", Kind: "r", NativeID: "shut", Risk: RiskLow, Standing: StandingForbidden},
			{Application: "a", Kind: "r", NativeID: "part", Risk: RiskLow, Standing: StandingForbidden},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	const open, shut, part, wild = EntitlementID("a/r/open"), EntitlementID("a/r/shut"), EntitlementID("a/r/part"), EntitlementID("a/r/wild")
	held := func(account AccountID, ids ...EntitlementID) []Holding {
		var list []Holding
		for _, id := range ids {
			list = append(list, Holding{Identity: "i", Account: account, Entitlement: id})
		}
		return list
	}
	grant := func(account AccountID, id EntitlementID, state GrantState, until time.Time) Grant {
		return Grant{Identity: "i", Account: account, Entitlement: id, State: state, NotAfter: until}
	}
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	later := noon.Add(time.Hour)
	nested := Inclusions{shut: {part}, part: {open, wild}, wild: {shut}}
	for name, c := range map[string]struct {
		possession Possession
		want       Usable
	}{
		"nothing is held":                  {Possession{Inclusions: nested}, Usable{}},
		"it may stand":                     {Possession{Held: held("a/x", open)}, Usable{open: {}}},
		"it may not stand":                 {Possession{Held: held("a/x", shut)}, Usable{}},
		"nobody has declared it":           {Possession{Held: held("a/x", wild)}, Usable{}},
		"what may stand comes with others": {Possession{Held: held("a/x", shut), Inclusions: nested}, Usable{open: {}}},
		"a grant, with all that it includes, even undeclared": {
			Possession{Held: held("a/x", shut), Inclusions: nested, Grants: []Grant{grant("a/x", shut, GrantActive, noon)}},
			Usable{shut: noon, part: noon, wild: noon, open: {}},
		},
		"a grant that was not observed": {Possession{Grants: []Grant{grant("a/x", shut, GrantActive, noon)}}, Usable{}},
		"a grant on another account":    {Possession{Held: held("a/x", shut), Grants: []Grant{grant("a/y", shut, GrantActive, noon)}}, Usable{}},
		"a grant of what includes it, where only the part is held": {
			Possession{Held: held("a/x", part), Inclusions: nested, Grants: []Grant{grant("a/x", shut, GrantActive, noon)}}, Usable{open: {}},
		},
		"a grant that is provisioning": {Possession{Held: held("a/x", shut), Grants: []Grant{grant("a/x", shut, GrantProvisioning, noon)}}, Usable{}},
		"a grant that is revoking":     {Possession{Held: held("a/x", shut), Grants: []Grant{grant("a/x", shut, GrantRevoking, noon)}}, Usable{}},
		"a grant that has ended":       {Possession{Held: held("a/x", shut), Grants: []Grant{grant("a/x", shut, GrantEnded, noon)}}, Usable{}},
		"the longest of several grants": {
			Possession{Held: held("a/x", shut), Grants: []Grant{grant("a/x", shut, GrantActive, later), grant("a/x", shut, GrantActive, noon)}}, Usable{shut: later},
		},
		"the longest of several ways": {
			Possession{Held: append(held("a/x", shut), held("a/y", part)...), Inclusions: Inclusions{shut: {part}}, Grants: []Grant{grant("a/x", shut, GrantActive, noon), grant("a/y", part, GrantActive, later)}},
			Usable{shut: noon, part: later},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := set.Usable(c.possession)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for id, until := range got {
				if !until.IsZero() && (!got.At(until.Add(-time.Microsecond), id) || got.At(until, id)) {
					t.Errorf("%s does not end at %s", id, until)
				}
			}
			if got.At(noon, "a/r/other") {
				t.Error("what is not listed may be used")
			}
		})
	}
}
