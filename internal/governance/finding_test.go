package governance

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func rights(ids ...string) map[EntitlementID]bool {
	there := map[EntitlementID]bool{}
	for _, id := range ids {
		there[EntitlementID("billing/role/"+id)] = true
	}
	return there
}

func assigned(account string, ids ...string) []Holding {
	var held []Holding
	for _, id := range ids {
		held = append(held, Holding{Account: AccountID("billing/" + account), Entitlement: EntitlementID("billing/role/" + id)})
	}
	return held
}

func declares(ids map[string]Standing) []Entitlement {
	var out []Entitlement
	for id, standing := range ids {
		out = append(out, Entitlement{Application: "billing", Kind: "role", NativeID: id, Risk: RiskCritical, Standing: standing})
	}
	return append(out, Entitlement{Application: "crm", Kind: "role", NativeID: "agent", Risk: RiskLow, Standing: StandingAllowed})
}

// given is a live grant to tom that was activated an hour ago.
func given(id string, change ...func(*Grant)) Grant {
	before, activated := false, noon.Add(-time.Hour)
	g := Grant{
		ID: GrantID("grant-of-" + id), Identity: "tom", Account: "billing/tom", Entitlement: EntitlementID("billing/role/" + id),
		State: GrantActive, Preexisting: &before, ActivatedAt: &activated, NotAfter: noon.Add(time.Hour),
	}
	for _, c := range change {
		c(&g)
	}
	return g
}

func stoodBefore(g *Grant) { stood := true; g.Preexisting = &stood }
func scheduled(g *Grant)   { g.State, g.Preexisting, g.ActivatedAt = GrantScheduled, nil, nil }
func cancelled(g *Grant)   { g.State, g.Preexisting, g.ActivatedAt = GrantCancelled, nil, nil }
func provisioning(g *Grant) {
	g.State, g.ActivatedAt = GrantProvisioning, nil
}
func ended(g *Grant) { g.State = GrantEnded }
func abandonedAt(at time.Time) func(*Grant) {
	return func(g *Grant) { g.State, g.Outcome, g.AbandonedAt = GrantEnded, OutcomeAbandoned, &at }
}

func revokingSince(due time.Time) func(*Grant) {
	return func(g *Grant) { g.State, g.RevokingAt = GrantRevoking, &due }
}

func noonPlus(distance time.Duration) *time.Time {
	t := noon.Add(distance)
	return &t
}

// found says a finding in one line.
func found(f Finding) string {
	line := string(f.Kind) + " " + string(f.Severity)
	for _, part := range []string{string(f.Account), string(f.Entitlement), string(f.Grant)} {
		if part != "" {
			line += " " + part
		}
	}
	return line
}

func TestFindings(t *testing.T) {
	forbidden := declares(map[string]Standing{"admin": StandingForbidden})
	standing := "standing_privilege critical billing/tom billing/role/admin"
	implies := Inclusions{"billing/role/admin": {"billing/role/read"}}
	both := declares(map[string]Standing{"admin": StandingForbidden, "read": StandingForbidden})
	for _, c := range []struct {
		name     string
		declared []Entitlement
		o        Observation
		want     []string
	}{
		{"nothing is wrong", forbidden, Observation{Entitlements: rights("admin")}, nil},
		{"a forbidden right that stands", forbidden, Observation{Entitlements: rights("admin"), Assignments: assigned("tom", "admin")}, []string{standing}},
		{"an allowed right that stands", declares(map[string]Standing{"admin": StandingAllowed}), Observation{Entitlements: rights("admin"), Assignments: assigned("tom", "admin")}, nil},
		{"an undeclared right that is held", nil, Observation{Entitlements: rights("odd"), Assignments: slices.Concat(assigned("tom", "odd"), assigned("eve", "odd"))}, []string{
			"standing_privilege high billing/eve billing/role/odd", "standing_privilege high billing/tom billing/role/odd", "undeclared_entitlement medium billing/role/odd",
		}},
		{"an undeclared right that nobody holds", nil, Observation{Entitlements: rights("odd")}, nil},
		{"a declared right that the target lacks", forbidden, Observation{Entitlements: rights()}, []string{"missing_entitlement high billing/role/admin"}},
		{"an account of nobody", nil, Observation{Accounts: []ObservedAccount{{ID: "billing/tom"}, {ID: "billing/eve", Identity: "eve", Matches: 1}}}, []string{"orphan_account medium billing/tom"}},

		{"what an active grant gave", forbidden, Observation{Entitlements: rights("admin"), Assignments: assigned("tom", "admin"), Grants: []Grant{given("admin")}}, nil},
		{"what a grant is giving", forbidden, Observation{Entitlements: rights("admin"), Assignments: assigned("tom", "admin"), Grants: []Grant{given("admin", provisioning)}}, nil},
		{"what a grant gave that is being revoked", forbidden, Observation{Entitlements: rights("admin"), Assignments: assigned("tom", "admin"), Grants: []Grant{given("admin", revokingSince(noon.Add(-59*time.Second)))}}, nil},
		{"what a grant gave that ended since the read", forbidden, Observation{Entitlements: rights("admin"), Assignments: assigned("tom", "admin"), Grants: []Grant{given("admin", ended)}}, nil},
		{"what a grant gave to another account", forbidden, Observation{Entitlements: rights("admin"), Assignments: assigned("eve", "admin"), Grants: []Grant{given("admin", provisioning)}}, []string{"standing_privilege critical billing/eve billing/role/admin"}},
		{"what stood before the grant", forbidden, Observation{Entitlements: rights("admin"), Assignments: assigned("tom", "admin"), Grants: []Grant{given("admin", stoodBefore)}}, []string{standing}},
		{"what stands while a grant is only scheduled", forbidden, Observation{Entitlements: rights("admin"), Assignments: assigned("tom", "admin"), Grants: []Grant{given("admin", scheduled)}}, []string{standing}},
		{"what stands after a grant was cancelled", forbidden, Observation{Entitlements: rights("admin"), Assignments: assigned("tom", "admin"), Grants: []Grant{given("admin", cancelled)}}, []string{standing}},

		{"what comes with a grant", both, Observation{Entitlements: rights("admin", "read"), Assignments: assigned("tom", "admin", "read"), Implied: implies, Inclusions: implies, Grants: []Grant{given("admin")}}, nil},
		{"what comes with a grant, but stood before", both, Observation{Entitlements: rights("admin", "read"), Assignments: assigned("tom", "admin", "read"), Implied: implies, Inclusions: implies,
			Grants: []Grant{given("admin", func(g *Grant) { g.Stood = []EntitlementID{"billing/role/read"} })}}, []string{"standing_privilege critical billing/tom billing/role/read"}},
		{"what a granted role includes, held directly as well", both, Observation{Entitlements: rights("admin", "read"), Assignments: assigned("tom", "admin", "read"), Inclusions: implies, Grants: []Grant{given("admin")}}, []string{"standing_privilege critical billing/tom billing/role/read"}},

		{"a granted right that somebody took away", forbidden, Observation{Entitlements: rights("admin"), ReadAt: noon, Grants: []Grant{given("admin")}}, []string{"removed_out_of_band low billing/tom billing/role/admin grant-of-admin"}},
		{"a right that was granted after the read", forbidden, Observation{Entitlements: rights("admin"), ReadAt: noon.Add(-2 * time.Hour), Grants: []Grant{given("admin")}}, nil},
		{"a right that was granted as the read began", forbidden, Observation{Entitlements: rights("admin"), ReadAt: noon.Add(-time.Hour), Grants: []Grant{given("admin")}}, nil},
		{"a right that is not given yet", forbidden, Observation{Entitlements: rights("admin"), ReadAt: noon, Grants: []Grant{given("admin", provisioning)}}, nil},

		{"a revocation that takes a minute", forbidden, Observation{Entitlements: rights("admin"), Grants: []Grant{given("admin", revokingSince(noon.Add(-time.Minute)))}}, []string{"revoke_overdue critical billing/tom billing/role/admin grant-of-admin"}},
		{"a right that came back", forbidden, Observation{Entitlements: rights("admin"), Resurfaced: []Grant{given("admin", ended)}}, []string{"resurfaced critical billing/tom billing/role/admin grant-of-admin"}},
		{"a right that ended and is held through another", both, Observation{Entitlements: rights("admin", "read"), Assignments: assigned("tom", "admin"), Inclusions: implies, Lingering: []Grant{given("read", ended)}, Grants: []Grant{given("admin")}},
			[]string{"still_effective high billing/tom billing/role/read grant-of-read"}},
		{"a right that ended and is no longer held through another", both, Observation{Entitlements: rights("admin", "read"), Assignments: assigned("eve", "admin"), Inclusions: implies, Lingering: []Grant{given("read", ended)}},
			[]string{"standing_privilege critical billing/eve billing/role/admin"}},

		{"an abandoned right that was not looked for since", forbidden, Observation{Entitlements: rights("admin"), ReadAt: noon.Add(-time.Hour), Lingering: []Grant{given("admin", abandonedAt(noon))}},
			[]string{"abandoned critical billing/tom billing/role/admin grant-of-admin"}},
		{"an abandoned right that still stands is not standing privilege", forbidden, Observation{Entitlements: rights("admin"), ReadAt: noon, Assignments: assigned("tom", "admin"), Lingering: []Grant{given("admin", abandonedAt(noon.Add(-time.Hour)))}},
			[]string{"abandoned critical billing/tom billing/role/admin grant-of-admin"}},
		{"an abandoned right that was seen gone", forbidden, Observation{Entitlements: rights("admin"), ReadAt: noon, Lingering: []Grant{given("admin", abandonedAt(noon.Add(-time.Hour)))}}, nil},
		{"an abandoned right that was seen gone and is held through another", both, Observation{Entitlements: rights("admin", "read"), ReadAt: noon, Assignments: assigned("tom", "admin"), Inclusions: implies, Grants: []Grant{given("admin")}, Lingering: []Grant{given("read", abandonedAt(noon.Add(-time.Hour)))}},
			[]string{"still_effective high billing/tom billing/role/read grant-of-read"}},
		{"an abandoned right that is taken back after all", forbidden, Observation{Entitlements: rights("admin"), ReadAt: noon, Assignments: assigned("tom", "admin"), Lingering: []Grant{given("admin", abandonedAt(noon.Add(-time.Hour)))}, Resurfaced: []Grant{given("admin", abandonedAt(noon.Add(-time.Hour)))}},
			[]string{"resurfaced critical billing/tom billing/role/admin grant-of-admin"}},
		{"an account that was made, while its grant lasts", nil, Observation{Accounts: []ObservedAccount{{ID: "billing/tom", Identity: "tom", Matches: 1, Mark: "m-1"}}, Made: []MadeAccount{{ID: "m-1", Account: "billing/tom", Identity: "tom", State: AccountMade}}}, nil},
		{"an account that could only be locked", nil, Observation{Made: []MadeAccount{{ID: "m-1", Account: "billing/tom", Identity: "tom", State: AccountLocked, Kept: []string{"it owns 1 table"}}}}, []string{"account_left medium billing/tom"}},
		{"an account whose removal has just begun", nil, Observation{Made: []MadeAccount{{ID: "m-1", Account: "billing/tom", Identity: "tom", State: AccountRemoving, RemovingAt: noonPlus(-59 * time.Second)}}}, nil},
		{"an account whose removal takes a minute", nil, Observation{Made: []MadeAccount{{ID: "m-1", Account: "billing/tom", Identity: "tom", State: AccountRemoving, RemovingAt: noonPlus(-time.Minute)}}}, []string{"account_left high billing/tom"}},
		{"an account that was given up", nil, Observation{Made: []MadeAccount{{ID: "m-1", Account: "billing/tom", Identity: "tom", State: AccountAbandoned}}}, []string{"account_left high billing/tom"}},
		{"an account with a mark that nobody knows", nil, Observation{Accounts: []ObservedAccount{{ID: "billing/tom", Identity: "tom", Matches: 1, Mark: "m-2"}}, Made: []MadeAccount{{ID: "m-1", Account: "billing/eve", Identity: "eve", State: AccountMade}}}, []string{"account_left high billing/tom"}},
		{"a mass change that is held", nil, Observation{Held: &HeldChange{ID: "abc"}}, []string{"mass_change_held high"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Application = "billing"
			set := policySet(t, Documents{Entitlements: c.declared})
			var got []string
			for _, f := range set.Findings(c.o, noon) {
				if f.Application != "billing" {
					t.Errorf("a finding is of application %q", f.Application)
				}
				got = append(got, found(f))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFindingsSayWhoWhatAndWhy(t *testing.T) {
	implies := Inclusions{"billing/role/zeta": {"billing/role/read"}, "billing/role/boss": {"billing/role/read"}, "billing/role/yard": {"billing/role/read"}}
	o := Observation{
		Application: "billing", ReadAt: noon, Inclusions: implies,
		Accounts:     []ObservedAccount{{ID: "billing/tom", Identity: "tom", Matches: 1}, {ID: "billing/two", Matches: 2}, {ID: "billing/none"}},
		Entitlements: rights("admin", "zeta", "boss", "yard", "read", "gone"),
		Assignments:  assigned("tom", "zeta", "boss", "yard", "admin"),
		Grants:       []Grant{given("gone", func(g *Grant) { g.Ineligible = &Ineligible{Since: noon, Why: "she left the team"} }), given("read", revokingSince(noon.Add(-time.Hour))), given("boss", revokingSince(noon), func(g *Grant) { g.EndReason = EndBackupRestored })},
		Lingering:    []Grant{given("read", ended), given("yard", abandonedAt(noon.Add(-time.Hour)))},
		Made:         []MadeAccount{{ID: "m-1", Account: "billing/new", Identity: "eve", State: AccountLocked, Kept: []string{"it owns 2 objects", "it is a member of role zeta"}}},
		Held:         &HeldChange{ID: "0a1b2c", Vanished: Vanished{Accounts: Share{Gone: []string{"billing/a", "billing/b"}, Known: 5}, Assignments: Share{Gone: []string{"x"}, Known: 3}}},
		Resurfaced:   []Grant{given("admin", ended)},
		Unreviewed: []Unreviewed{{
			Grant:  given("boss", func(g *Grant) { g.Request = "r-1" }),
			Review: Review{State: ReviewOverdue, DueAt: noon, Reviewers: Approvers{Identities: []IdentityID{"carol"}, Condition: "approver.name ==\n\"sue\""}},
		}},
	}
	set := policySet(t, Documents{Entitlements: declares(map[string]Standing{"admin": StandingForbidden, "zeta": StandingAllowed, "boss": StandingAllowed, "yard": StandingAllowed, "read": StandingAllowed, "gone": StandingAllowed, "lost": StandingAllowed})})
	got := map[string]string{}
	for _, f := range set.Findings(o, noon) {
		got[found(f)] = string(f.Identity) + "; " + f.Message
	}
	want := map[string]string{
		"abandoned critical billing/tom billing/role/yard grant-of-yard": `tom; two people gave up taking "billing/role/yard" from "billing/tom", and the account still has it`,
		"account_left medium billing/new": `eve; account "billing/new" was made by Stint, and the grants that it was made for are over; nobody can log in to it any more, but it cannot be removed: it owns 2 objects, it is a member of role zeta. ` +
			`Take these away from it, and it is removed with the next discovery`,
		"mass_change_held high": `; the last read of "billing" does not show 2 of 5 accounts, 1 of 3 assignments any more; that is too much to be believed unasked, so nothing of it is taken over (revocations go on). ` +
			`Look at the target; if it is true, let it through: stint sync billing --accept 0a1b2c`,
		"break_glass_unreviewed high billing/tom billing/role/boss grant-of-boss": `tom; "billing/tom" was given "billing/role/boss" by break-glass, and the review of request r-1 is overdue since 2026-03-10T12:00:00Z; it takes carol or whoever meets approver.name == "sue"`,
		"ineligible_grant high billing/tom billing/role/gone grant-of-gone":       `tom; "billing/tom" keeps "billing/role/gone" until 2026-03-10T13:00:00Z although it would be denied now: she left the team`,
		"missing_entitlement high billing/role/lost":                              `; "billing/role/lost" is declared but does not exist in the target`,
		"orphan_account medium billing/none":                                      `; account "billing/none" matches no identity`,
		"orphan_account medium billing/two":                                       `; account "billing/two" matches 2 identities; the correlation must pick one`,
		"orphaned_grant critical billing/tom billing/role/boss grant-of-boss":     `tom; "billing/tom" was given "billing/role/boss" after the backup was taken that was restored; it is being taken back`,
		"removed_out_of_band low billing/tom billing/role/gone grant-of-gone":     `tom; "billing/tom" was granted "billing/role/gone" until 2026-03-10T13:00:00Z, but somebody took it away in the target`,
		"resurfaced critical billing/tom billing/role/admin grant-of-admin":       `tom; "billing/tom" holds "billing/role/admin" again although its grant has ended; it is being revoked again`,
		"revoke_overdue critical billing/tom billing/role/read grant-of-read":     `tom; "billing/tom" should have lost "billing/role/read" at 2026-03-10T11:00:00Z, and the target has not confirmed it yet`,
		"standing_privilege critical billing/tom billing/role/admin":              `tom; "billing/tom" holds "billing/role/admin" without an end, which is declared standing = forbidden`,
		"still_effective high billing/tom billing/role/read grant-of-read":        `tom; the grant of "billing/role/read" to "billing/tom" has ended, but the account still has the right through "billing/role/boss"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	kinds := map[FindingKind]bool{FindingUndeclaredEntitlement: true} // said above
	for _, f := range set.Findings(o, noon) {
		kinds[f.Kind] = true
	}
	for _, kind := range FindingKinds() {
		if !kinds[kind] && !slices.Contains(IdentityFindingKinds(), kind) {
			t.Errorf("%s is not found", kind)
		}
	}
}

func TestFindingKindsListsEveryKindSorted(t *testing.T) {
	var listed []string
	for _, kind := range FindingKinds() {
		listed = append(listed, string(kind))
	}
	declared := declaredCodes(t, "finding.go", "FindingKind")
	slices.Sort(declared)
	if !slices.Equal(declared, listed) {
		t.Errorf("kinds are %v, listed are %v", declared, listed)
	}
}

func TestFindingsAreSortedAndNoTwoShareAKey(t *testing.T) {
	o := Observation{Application: "billing", Entitlements: rights("odd", "even"), Assignments: slices.Concat(assigned("tom", "odd", "even"), assigned("eve", "even", "odd"))}
	keys := []string{}
	for _, f := range policySet(t, Documents{Entitlements: declares(map[string]Standing{"lost": StandingAllowed})}).Findings(o, noon) {
		keys = append(keys, f.Key())
	}
	if len(keys) != 7 || !slices.IsSorted(keys) || len(slices.Compact(slices.Clone(keys))) != len(keys) {
		t.Errorf("keys are %v", keys)
	}
}
