package separation

import (
	"slices"
	"testing"
)

// small is a part of the estate, which the slow ways can search in a test.
func small() estate {
	e := newEstate()
	e.held = e.held[:1_000]
	for i := range e.tries {
		e.tries[i].identity %= 1_000
	}
	return e
}

func TestAllWaysFindTheSame(t *testing.T) {
	e := small()
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
	for _, rule := range newEstate().rules {
		both := slices.Concat(rule[0], rule[1])
		slices.Sort(both)
		if len(slices.Compact(both)) != 2*dutySize {
			t.Fatalf("%v", rule)
		}
	}
}
