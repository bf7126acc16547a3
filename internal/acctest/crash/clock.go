package crash

import (
	"sync"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/clock"
)

// Shifted is the machine's clock, moved by what it was advanced.
type Shifted struct {
	mu    sync.Mutex
	shift time.Duration
	moved chan struct{}
}

// NewShifted begins with a shift.
func NewShifted(shift time.Duration) *Shifted {
	return &Shifted{shift: shift, moved: make(chan struct{})}
}

// Now implements clock.Clock.
func (s *Shifted) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return clock.System{}.Now().Add(s.shift)
}

// After implements clock.Clock.
func (s *Shifted) After(d time.Duration) <-chan time.Time {
	fired, at := make(chan time.Time, 1), s.Now().Add(d)
	go func() {
		for {
			s.mu.Lock()
			moved := s.moved
			s.mu.Unlock()
			now := s.Now()
			if !now.Before(at) {
				fired <- now
				return
			}
			select {
			case <-moved:
			case <-time.After(at.Sub(now)):
			}
		}
	}()
	return fired
}

// Advance moves the clock and wakes who waits on it.
func (s *Shifted) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shift += d
	close(s.moved)
	s.moved = make(chan struct{})
}
