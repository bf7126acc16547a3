// Package clock is the one source of time: everything that asks for the time or
// waits for it takes a Clock, so that tests can make days run in milliseconds.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time and waits for it.
type Clock interface {
	// Now is the current time in UTC, to the microsecond, which is what the
	// database keeps.
	Now() time.Time
	// After fires once d has passed.
	After(d time.Duration) <-chan time.Time
}

// System is the machine's clock.
type System struct{}

// Now implements Clock.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// After implements Clock.
func (System) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Manual is a clock that stands still until it is advanced. It is safe for
// concurrent use.
type Manual struct {
	mu      sync.Mutex
	now     time.Time
	waiting []waiter
}

type waiter struct {
	at time.Time
	ch chan time.Time
}

// NewManual is a clock that stands at start.
func NewManual(start time.Time) *Manual {
	return &Manual{now: start.UTC().Truncate(time.Microsecond)}
}

// Now implements Clock.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// After implements Clock.
func (m *Manual) After(d time.Duration) <-chan time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	ch := make(chan time.Time, 1)
	if d <= 0 {
		ch <- m.now
		return ch
	}
	m.waiting = append(m.waiting, waiter{at: m.now.Add(d), ch: ch})
	return ch
}

// Advance moves the clock and fires everything that came due. A negative d
// moves it back, as a clock that was set wrong does.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
	left := m.waiting[:0]
	for _, w := range m.waiting {
		if w.at.After(m.now) {
			left = append(left, w)
			continue
		}
		w.ch <- m.now
	}
	m.waiting = left
}
