package cli

import (
	"testing"
	"time"
)

func TestTimesAreToldFromNow(t *testing.T) {
	for want, distance := range map[string]time.Duration{
		"now":       500 * time.Millisecond,
		"in 42s":    42 * time.Second,
		"in 1m30s":  90 * time.Second,
		"in 29m":    29*time.Minute + 40*time.Second,
		"3h12m ago": -(3*time.Hour + 12*time.Minute + 9*time.Second),
		"23h ago":   -(23*time.Hour + 59*time.Minute),
		"2d ago":    -48 * time.Hour,
		"in 2d3h":   51 * time.Hour,
		"1s ago":    -time.Second,
		"in 400d":   400 * 24 * time.Hour,
		"in 9m59s":  10*time.Minute - time.Second,
		"10m ago":   -10*time.Minute - time.Second,
		"in 1h":     time.Hour + 59*time.Second,
		"in 3d":     72*time.Hour + time.Minute,
		"7d ago":    -7 * 24 * time.Hour,
		"in 9h59m":  10*time.Hour - time.Minute,
		"in 1d":     24 * time.Hour,
		"59s ago":   -59*time.Second - 999*time.Millisecond,
		"in 1h1m":   time.Hour + time.Minute,
		"in 2m1s":   2*time.Minute + time.Second,
		"1d23h ago": -(47*time.Hour + 30*time.Minute),
		"in 9d23h":  10*24*time.Hour - time.Minute,
		"in 10d":    10*24*time.Hour + 5*time.Hour,
	} {
		if got := relative(noon.Add(distance), noon); got != want {
			t.Errorf("%s: %q, want %q", distance, got, want)
		}
	}
}
