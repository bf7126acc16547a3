package journal_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
)

func TestTimeGoesOnAtHalfPaceUntilTheClockCatchesUp(t *testing.T) {
	var creep journal.Creep
	mark := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	now := mark.Add(-10 * time.Minute)
	seconds := 0
	for ; now.Before(mark); seconds++ {
		mark = creep.Mark(now, mark)
		now = now.Add(time.Second)
	}
	if want := 20 * 60; seconds < want-2 || seconds > want+2 {
		t.Errorf("the clock was 10 minutes behind, and caught up after %d s, want about %d", seconds, want)
	}
	if got := creep.Mark(now.Add(time.Second), mark); !got.Equal(now.Add(time.Second)) {
		t.Errorf("a clock that is right again marks %s, want its own time", got)
	}
}

// Whatever the clocks of several processes do, the mark never goes back, is never
// ahead of where it was by more than half of the time that passed, and follows a
// clock that is right.
func TestMarkOfSeveralNeverRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		creeps := make([]journal.Creep, 3)
		start := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
		mark := start
		behind := make([]time.Duration, len(creeps))
		for i := range behind {
			behind[i] = time.Hour + time.Duration(rapid.IntRange(0, 3600).Draw(t, "more seconds behind"))*time.Second
		}
		passed := time.Duration(0)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			passed += time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * time.Millisecond
			i := rapid.IntRange(0, len(creeps)-1).Draw(t, "process")
			next := creeps[i].Mark(start.Add(passed-behind[i]), mark)
			if next.Before(mark) {
				t.Fatalf("the mark goes back from %s to %s", mark, next)
			}
			if mark = next; mark.After(start.Add(passed / 2)) {
				t.Fatalf("%s passed, and the mark moved by %s", passed, mark.Sub(start))
			}
		}
	})
}
