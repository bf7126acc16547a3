package governance

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReconsiderFollowsTheTemplate(t *testing.T) {
	grace := Duration(10 * time.Minute)
	denied := &Denial{Why: "no"}
	for _, c := range []struct {
		name   string
		on     OnIneligible
		denial *Denial
		state  GrantState
		was    *Ineligible
		came   Reconsidered
		ends   time.Duration // after noon; 0 is no end of its own
	}{
		{"nothing is said against it", IneligibleRevoke, nil, GrantActive, nil, StaysAsItIs, 0},
		{"no answer", "", denied, GrantActive, nil, MustEnd, 0},
		{"revoke", IneligibleRevoke, denied, GrantActive, nil, MustEnd, 0},
		{"grace", IneligibleGrace, denied, GrantActive, nil, StaysIneligible, 10 * time.Minute},
		{"grace that runs", IneligibleGrace, denied, GrantActive, &Ineligible{Since: noon.Add(-4 * time.Minute), Why: "earlier"}, StaysIneligible, 6 * time.Minute},
		{"grace before activation", IneligibleGrace, denied, GrantScheduled, nil, MustEnd, 0},
		{"grace against what ends at once", IneligibleGrace, &Denial{Why: "left", AtOnce: true}, GrantActive, nil, MustEnd, 0},
		{"flag", IneligibleFlag, denied, GrantActive, nil, StaysIneligible, 0},
		{"flag, said already", IneligibleFlag, denied, GrantActive, &Ineligible{Since: noon, Why: "no"}, StaysAsItIs, 0},
		{"eligible again", IneligibleFlag, nil, GrantActive, &Ineligible{Since: noon, Why: "no"}, EligibleAgain, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, came := Grant{State: c.state, NotAfter: noon.Add(time.Hour), ActivateBy: noon.Add(time.Hour), Ineligible: c.was}.
				Reconsider(c.denial, GrantTemplate{OnIneligible: c.on, IneligibleGrace: &grace}, noon)
			if came != c.came {
				t.Fatalf("it is %s, want %s", came, c.came)
			}
			want := noon.Add(time.Hour)
			if c.ends > 0 {
				want = noon.Add(c.ends)
			}
			if due, _ := g.DueAt(); !due.Equal(want) || !g.NotAfter.Equal(noon.Add(time.Hour)) {
				t.Errorf("it ends by %s and not after %s, want %s", due, g.NotAfter, want)
			}
		})
	}
}

func TestWhatCountsBesideALiveGrant(t *testing.T) {
	given, no := false, true
	at := func(id GrantID, entitlement EntitlementID, minute int, state GrantState, preexisting *bool) Grant {
		return Grant{ID: id, Account: "a", Entitlement: entitlement, CreatedAt: noon.Add(time.Duration(minute) * time.Minute), State: state, Preexisting: preexisting}
	}
	me := at("2", "mine", 2, GrantActive, &given)
	live := []Grant{
		at("1", "earlier", 1, GrantActive, &given), me, at("3", "later", 3, GrantActive, &given), at("4", "planned", 4, GrantScheduled, nil),
		at("0", "leaving", 0, GrantRevoking, &given), at("5", "stood", 5, GrantActive, &no),
	}
	held := []Holding{
		{Account: "a", Entitlement: "earlier"}, {Account: "a", Entitlement: "earlier", Grant: "1"}, {Account: "a", Entitlement: "later"}, {Account: "a", Entitlement: "later", Grant: "3"},
		{Account: "a", Entitlement: "included"}, {Account: "a", Entitlement: "planned", Grant: "4"}, {Account: "a", Entitlement: "leaving"}, {Account: "a", Entitlement: "leaving", Grant: "0"},
		{Account: "a", Entitlement: "stood"}, {Account: "a", Entitlement: "stood", Grant: "5"}, {Account: "b", Entitlement: "later"},
	}
	want := []Holding{
		{Account: "a", Entitlement: "earlier"}, {Account: "a", Entitlement: "earlier", Grant: "1"}, {Account: "a", Entitlement: "stood"}, {Account: "b", Entitlement: "later"},
	}
	if diff := cmp.Diff(want, Beside(me, held, live, Inclusions{"later": {"included"}})); diff != "" {
		t.Errorf("what counts (-want +got):\n%s", diff)
	}
}
