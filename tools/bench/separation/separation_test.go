package separation

import (
	"slices"
	"testing"
)

func TestAllWaysFindTheSame(t *testing.T) {
	e := newEstate(1_000)
	s, b, l := declare(e).ready(), newBitmaps(e), loops{e}
	if want := l.detect(); want < 500 || s.detect() != want || b.detect() != want {
		t.Errorf("loops find %d conflicts, Stint %d, bitmaps %d", want, s.detect(), b.detect())
	}
	broken := 0
	for _, try := range e.tries {
		want := l.whatIf(try)
		if s.whatIf(try) != want || b.whatIf(try) != want {
			t.Errorf("%+v: loops find %d conflicts, Stint %d, bitmaps %d", try, want, s.whatIf(try), b.whatIf(try))
		}
		broken += want
	}
	if broken == 0 {
		t.Error("no try breaks a rule")
	}
}

func TestNoDutyIsEmptyAndNoneOverlaps(t *testing.T) {
	for _, rule := range newEstate(1).rules {
		both := slices.Concat(rule[0], rule[1])
		slices.Sort(both)
		if len(slices.Compact(both)) != 2*dutySize {
			t.Fatalf("%v", rule)
		}
	}
}
