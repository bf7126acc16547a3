// Package contest measures several ways to do the same work against each other,
// in processor time of the one thread that does it. Its rounds are interleaved,
// so that a machine that slows down slows all of them, and every answer is
// checked while it is timed.
package contest

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Contestant is one way to do the work.
type Contestant struct {
	Name string
	// Do does the work once and returns the answer.
	Do func() (answer int, err error)
}

// Contest is some work with the ways to do it.
type Contest struct {
	Contestants []Contestant
	// Answer is what each of them must come to, every time.
	Answer int
	// Rounds is how often each is measured.
	Rounds int
	// Share is how long one contestant takes in one round, about; at least one
	// repetition is made.
	Share time.Duration
}

// Figure is what one contestant needs for the work once.
type Figure struct {
	Name string
	// Time is the median of the rounds, Fastest and Slowest their range.
	Time, Fastest, Slowest Nanoseconds
	// Allocations is the median of the rounds.
	Allocations float64
}

// Nanoseconds is a span of time that may be shorter than a time.Duration can say.
type Nanoseconds float64

// Run measures all contestants. A wrong answer ends it.
func (c Contest) Run() ([]Figure, error) {
	repetitions := make([]int, len(c.Contestants))
	for i, contestant := range c.Contestants {
		n, err := c.repetitions(contestant)
		if err != nil {
			return nil, err
		}
		repetitions[i] = n
	}
	rounds := make([][]round, len(c.Contestants))
	for range c.Rounds {
		for i, contestant := range c.Contestants {
			runtime.GC() // what others left is not this one's to collect
			r, err := c.measure(contestant, repetitions[i])
			if err != nil {
				return nil, err
			}
			rounds[i] = append(rounds[i], r)
		}
	}
	figures := make([]Figure, len(c.Contestants))
	for i, contestant := range c.Contestants {
		figures[i] = figure(contestant.Name, rounds[i])
	}
	return figures, nil
}

// round is what one repetition needed on average.
type round struct {
	time        Nanoseconds
	allocations float64
}

// repetitions finds out how many fill the share, which warms up too.
func (c Contest) repetitions(contestant Contestant) (int, error) {
	for n := 1; ; n *= 2 {
		r, err := c.measure(contestant, n)
		if err != nil {
			return 0, err
		}
		if took := r.time * Nanoseconds(n); took >= Nanoseconds(c.Share)/4 {
			return max(1, int(Nanoseconds(c.Share)/r.time)), nil
		}
	}
}

func (c Contest) measure(contestant Contestant, n int) (round, error) {
	var before, after runtime.MemStats
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	runtime.ReadMemStats(&before)
	began, err := processorTime()
	if err != nil {
		return round{}, err
	}
	for range n {
		answer, err := contestant.Do()
		if err != nil {
			return round{}, fmt.Errorf("measure %s: %w", contestant.Name, err)
		}
		if answer != c.Answer {
			return round{}, fmt.Errorf("measure %s: it answers %d, not %d", contestant.Name, answer, c.Answer)
		}
	}
	ended, err := processorTime()
	if err != nil {
		return round{}, err
	}
	runtime.ReadMemStats(&after)
	return round{
		time:        Nanoseconds(ended-began) / Nanoseconds(n),
		allocations: float64(after.Mallocs-before.Mallocs) / float64(n),
	}, nil
}

// processorTime is what this thread has used so far, in nanoseconds. The garbage
// collector's own threads are not in it.
func processorTime() (int64, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0, fmt.Errorf("read the processor time: %w", err)
	}
	return t.Nano(), nil
}

func figure(name string, rounds []round) Figure {
	times := make([]Nanoseconds, len(rounds))
	allocations := make([]float64, len(rounds))
	for i, r := range rounds {
		times[i], allocations[i] = r.time, r.allocations
	}
	return Figure{Name: name, Time: Median(times), Fastest: slices.Min(times), Slowest: slices.Max(times), Allocations: Median(allocations)}
}

// Median is the middle of the values; of an even number, the mean of the two in
// the middle.
func Median[T ~int64 | ~float64](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
