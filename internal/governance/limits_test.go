package governance

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func perMinute(n int) *OperationLimits { return &OperationLimits{OperationsPerMinute: &n} }

func TestOperationsBeginEvenly(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits *OperationLimits
		taken  time.Time
		want   int
		until  time.Time
	}{
		{"no bound", nil, time.Time{}, 50, time.Time{}},
		{"concurrency alone", &OperationLimits{ConcurrentCalls: new(int)}, time.Time{}, 50, time.Time{}},
		{"a second's worth after a pause", perMinute(600), time.Time{}, 10, noon.Add(time.Second)},
		{"what is left of it", perMinute(600), noon.Add(750 * time.Millisecond), 2, noon.Add(950 * time.Millisecond)},
		{"nothing is left", perMinute(600), noon.Add(time.Second), 0, noon.Add(time.Second)},
		{"slower than one a second", perMinute(2), time.Time{}, 1, noon.Add(30 * time.Second)},
		{"and not before its time", perMinute(2), noon.Add(time.Millisecond), 0, noon.Add(time.Millisecond)},
		{"taken by a clock that was ahead", perMinute(600), noon.Add(time.Hour), 0, noon.Add(time.Second)},
	} {
		begin, until := c.limits.Begin(50, c.taken, noon)
		if begin != c.want || !until.Equal(c.until) {
			t.Errorf("%s: %d begin and take the rate up until %s, want %d and %s", c.name, begin, until, c.want, c.until)
		}
	}
}

// However they are asked for, no more operations begin in a span of time than the
// rate has room for in it, and one more second; and one that waits begins as soon
// as there is room.
func TestRateHoldsOverEverySpan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.IntRange(1, MaxOperationsPerMinute).Draw(t, "rate")
		limits := perMinute(rate)
		every := limits.every()
		slack := max(burst, every)
		type begun struct {
			at time.Time
			n  int
		}
		var all []begun
		var until time.Time
		for now := noon; len(all) < 30; now = now.Add(time.Duration(rapid.Int64Range(0, int64(2*every)).Draw(t, "pause"))) {
			n, next := limits.Begin(rapid.IntRange(0, 20).Draw(t, "asked"), until, now)
			until = next
			if one, _ := limits.Begin(1, until, now.Add(every)); one != 1 {
				t.Fatalf("nothing may begin %s after %d have begun", every, n)
			}
			all = append(all, begun{now, n})
			total := 0
			for i := len(all) - 1; i >= 0; i-- {
				total += all[i].n
				if span := now.Sub(all[i].at); time.Duration(total)*every > span+slack {
					t.Fatalf("%d operations at %d a minute began within %s", total, rate, span)
				}
			}
		}
	})
}

func TestLimitsThatLetNothingThroughAreRefused(t *testing.T) {
	none, much, some := 0, MaxOperationsPerMinute+1, 8
	for name, c := range map[string]struct {
		limits OperationLimits
		field  string
	}{
		"nothing said":         {OperationLimits{}, "limits"},
		"no call at a time":    {OperationLimits{ConcurrentCalls: &none}, "limits.concurrent_calls"},
		"too many at a time":   {OperationLimits{ConcurrentCalls: &much}, "limits.concurrent_calls"},
		"none in a minute":     {OperationLimits{OperationsPerMinute: &none}, "limits.operations_per_minute"},
		"too many in a minute": {OperationLimits{OperationsPerMinute: &much}, "limits.operations_per_minute"},
		"both right":           {OperationLimits{ConcurrentCalls: &some, OperationsPerMinute: &some}, ""},
	} {
		var p Problems
		c.limits.check(&p, "limits")
		if c.field == "" && len(p) != 0 || c.field != "" && (len(p) != 1 || p[0].Field != c.field) {
			t.Errorf("%s: %v", name, p)
		}
	}
}
