package governance

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func ids(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("billing/%03d", i)
	}
	return list
}

func TestMassChangeIsMoreThanTheShareAndTheFloor(t *testing.T) {
	for _, c := range []struct {
		gone, known int
		percent     int64
		want        bool
	}{
		{0, 100, 20, false},
		{8, 9, 20, false}, // below the floor, whatever share it is
		{10, 10, 20, true},
		{10, 50, 20, false}, // the share itself is allowed
		{11, 50, 20, true},
		{20, 100, 20, false},
		{21, 100, 20, true},
		{1000, 1000, 100, false}, // everything is believed
	} {
		for what, v := range map[string]Vanished{
			"accounts":     {Accounts: Share{Gone: ids(c.gone), Known: c.known}},
			"entitlements": {Entitlements: Share{Gone: ids(c.gone), Known: c.known}},
			"assignments":  {Assignments: Share{Gone: ids(c.gone), Known: c.known}},
		} {
			if got := v.TooMuch(c.percent, nil); got != c.want {
				t.Errorf("%d of %d %s with %d%%: %t", c.gone, c.known, what, c.percent, got)
			}
		}
	}
	if (DiscoverySchedule{}).MaxGone() != DefaultMaxGone || (DiscoverySchedule{MaxGonePercent: 5}).MaxGone() != 5 {
		t.Error("the share that is declared is not the one that counts")
	}
}

// However few there were: an answer that is empty, or nearly, is not believed unasked.
func TestAnswerThatIsNearlyEmptyIsAMassChange(t *testing.T) {
	for _, c := range []struct {
		gone, known int
		percent     int64
		want        bool
	}{
		{8, 8, 20, true}, {1, 1, 20, true}, {0, 0, 20, false}, {0, 1, 20, false}, {7, 8, 20, false},
		{9, 10, 20, true}, {9, 10, 95, true}, {8, 8, 100, false},
	} {
		share := Share{Gone: ids(c.gone), Known: c.known}
		if got := (Vanished{Accounts: share}).TooMuch(c.percent, nil); got != c.want {
			t.Errorf("%d of %d accounts with %d%%: %t", c.gone, c.known, c.percent, got)
		}
		if got := (Vanished{Entitlements: share}).TooMuch(c.percent, nil); got != c.want {
			t.Errorf("%d of %d entitlements with %d%%: %t", c.gone, c.known, c.percent, got)
		}
		if (Vanished{Assignments: share}).TooMuch(c.percent, nil) {
			t.Errorf("%d of %d assignments, which all may go, with %d%%", c.gone, c.known, c.percent)
		}
	}
}

// A target that goes bit by bit, each a small share of what is left, is asked about
// once it has lost as much as one read may; what comes makes up for what goes.
func TestTargetThatGoesBitByBitIsAskedAbout(t *testing.T) {
	var erosion Erosion
	believed := 0
	for known := 100; known > 0; {
		v := Vanished{Accounts: Share{Gone: ids(known / 10), Known: known}}.Since(erosion)
		if v.TooMuch(20, nil) {
			break
		}
		known -= len(v.Accounts.Gone)
		erosion, believed = v.Erosion(), believed+1
	}
	if believed != 2 || erosion.Accounts != 19 {
		t.Errorf("%d reads of a tenth each are believed, %d accounts in all", believed, erosion.Accounts)
	}
	held := Vanished{Accounts: Share{Gone: ids(8), Known: 81}}.Since(erosion).Hold(noon)
	if got := held.String(); got != "8 of 81 accounts (after 19 that went before unasked)" {
		t.Errorf("it is said to be %s", got)
	}
	if (Vanished{Accounts: Share{Gone: ids(8), Known: 81}}).Since(erosion).TooMuch(20, &held) {
		t.Error("what was let through is held again")
	}
	churn := Vanished{Accounts: Share{Gone: ids(10), Known: 100, Appeared: 10}}
	for range 100 {
		if churn = churn.Since(churn.Erosion()); churn.TooMuch(20, nil) {
			t.Fatal("what comes does not make up for what goes")
		}
	}
}

func TestAcceptedMassChangeCoversWhatItNamesAndNoMore(t *testing.T) {
	held := Vanished{Accounts: Share{Gone: ids(30), Known: 50}}.Hold(noon)
	more := append(ids(30), "billing/x")
	for name, c := range map[string]struct {
		gone []string
		want bool
	}{
		"the same":               {ids(30), false},
		"less":                   {ids(25), false},
		"a little more":          {more, false},
		"as much again":          {ids(50), true},
		"as much, but of others": {ids(50)[20:], true},
	} {
		if got := (Vanished{Accounts: Share{Gone: c.gone, Known: 50}}).TooMuch(20, &held); got != c.want {
			t.Errorf("%s: held again: %t", name, got)
		}
	}
}

func TestHeldMassChangeIsNamedByWhatIsGone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		gone := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,6}`), 1, 20, rapid.ID[string]).Draw(rt, "gone")
		shuffled := rapid.Permutation(gone).Draw(rt, "shuffled")
		name := Vanished{Accounts: Share{Gone: slices.Clone(gone)}}.Hold(noon).ID
		if again := (Vanished{Accounts: Share{Gone: slices.Clone(shuffled)}}).Hold(noon).ID; again != name {
			rt.Fatalf("the same is gone, and is called %s and %s", name, again)
		}
		if other := (Vanished{Assignments: Share{Gone: slices.Clone(gone)}}).Hold(noon).ID; other == name {
			rt.Fatal("accounts and assignments that are gone are called the same")
		}
		if fewer := (Vanished{Accounts: Share{Gone: slices.Clone(gone)[1:]}}).Hold(noon).ID; fewer == name {
			rt.Fatal("less is gone, and is called the same")
		}
	})
}
