package governance

import "time"

const (
	// DefaultConcurrentCalls is how many calls of a target run at the same time in
	// each process unless its application says otherwise.
	DefaultConcurrentCalls = 4
	// MaxConcurrentCalls and MaxOperationsPerMinute bound what an application
	// may say.
	MaxConcurrentCalls     = 64
	MaxOperationsPerMinute = 600_000
	// burst is for how long a target that was left alone may be called without a
	// pause.
	burst = time.Second
)

// OperationLimits protect a target from Stint: they bound the operations that are
// carried out in it, each try of one counted anew, over all processes. Reads by
// discovery do not count.
type OperationLimits struct {
	// ConcurrentCalls is how many calls of the target run at the same time, of all
	// processes together; absent is DefaultConcurrentCalls of each.
	ConcurrentCalls *int `json:"concurrent_calls,omitempty"`
	// OperationsPerMinute is how many operations begin in a minute, spread evenly;
	// absent is no bound.
	OperationsPerMinute *int `json:"operations_per_minute,omitempty"`
}

func (l *OperationLimits) check(p *Problems, field string) {
	if l.ConcurrentCalls == nil && l.OperationsPerMinute == nil {
		p.add(field, CodeRequired, "say concurrent_calls, operations_per_minute or both, or leave %s out", field)
	}
	for _, limit := range []struct {
		name  string
		given *int
		most  int
	}{
		{"concurrent_calls", l.ConcurrentCalls, MaxConcurrentCalls},
		{"operations_per_minute", l.OperationsPerMinute, MaxOperationsPerMinute},
	} {
		switch n := limit.given; {
		case n == nil:
		case *n < 1:
			p.add(field+"."+limit.name, CodeInvalid, "%d would let no operation through, and no access would ever end; give at least 1", *n)
		case *n > limit.most:
			p.add(field+"."+limit.name, CodeInvalid, "%d is more than %d, the most that can be said", *n, limit.most)
		}
	}
}

// Concurrent is how many calls of the target may run at the same time. shared: of
// all processes together, as the application has declared it; else of each.
func (l *OperationLimits) Concurrent() (calls int, shared bool) {
	if l == nil || l.ConcurrentCalls == nil {
		return DefaultConcurrentCalls, false
	}
	return *l.ConcurrentCalls, true
}

// every is the time that each operation takes up of the rate; zero is no bound.
func (l *OperationLimits) every() time.Duration {
	if l == nil || l.OperationsPerMinute == nil {
		return 0
	}
	return time.Minute / time.Duration(*l.OperationsPerMinute)
}

// AtOnce is how many operations may begin together when none has for a while.
// bounded: the rate has a bound at all.
func (l *OperationLimits) AtOnce() (n int, bounded bool) {
	every := l.every()
	if every == 0 {
		return 0, false
	}
	return int(max(burst, every) / every), true
}

// Begin says how many of n operations may begin now, where those that have begun
// before take up the rate until a time; it answers until when they do together.
// It never makes anything wait longer than for the next operation, whatever
// takenUntil says: a clock may have been ahead.
func (l *OperationLimits) Begin(n int, takenUntil, now time.Time) (begin int, until time.Time) {
	every := l.every()
	if every == 0 {
		return n, takenUntil
	}
	window := now.Add(max(burst, every))
	switch {
	case takenUntil.Before(now):
		takenUntil = now
	case takenUntil.After(window):
		takenUntil = window
	}
	begin = min(n, int(window.Sub(takenUntil)/every))
	return begin, takenUntil.Add(time.Duration(begin) * every)
}
