package property_test

import (
	"sync"
	"time"
)

// warped is the clock of an engine in a bubble: the bubble's time, which timers
// follow, and what it was set forward or back by.
type warped struct {
	mu sync.Mutex
	// offset is how far the clock is ahead of the bubble; passed is how much of
	// that is time that has passed, and not a clock that is wrong.
	offset, passed time.Duration
}

// beginning is when the bubble's time begins, by the engine's clock.
var beginning = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func newWarped() *warped {
	ahead := time.Until(beginning)
	return &warped{offset: ahead, passed: ahead}
}

// Now implements clock.Clock.
func (w *warped) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.offset).UTC().Truncate(time.Microsecond)
}

// After implements clock.Clock.
func (w *warped) After(d time.Duration) <-chan time.Time { return time.After(d) }

// world is the time that has really passed, whatever the clock says.
func (w *warped) world() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.passed).UTC()
}

// pass lets time pass at once.
func (w *warped) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offset += d
	w.passed += d
}

// set sets the clock forward or back, without time passing.
func (w *warped) set(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offset += d
}

// wrong is how far the clock is ahead of the time that has passed.
func (w *warped) wrong() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.offset - w.passed
}
