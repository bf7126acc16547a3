package cli

import (
	"fmt"
	"time"
)

// relative says how far t is from now: "in 29m", "3h12m ago", "now".
func relative(t, now time.Time) string {
	distance := t.Sub(now)
	switch {
	case distance >= time.Second:
		return "in " + span(distance)
	case distance <= -time.Second:
		return span(-distance) + " ago"
	default:
		return "now"
	}
}

// span shows a length of time in its largest unit, with the next one below
// only where the first is small enough for it to matter.
func span(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}
	const matters = 10
	for i, unit := range units {
		whole := d / unit.size
		if whole == 0 {
			continue
		}
		text := fmt.Sprintf("%d%s", whole, unit.name)
		if whole >= matters || i == len(units)-1 {
			return text
		}
		next := units[i+1]
		if rest := (d % unit.size) / next.size; rest > 0 {
			text += fmt.Sprintf("%d%s", rest, next.name)
		}
		return text
	}
	return "0s"
}

// moment shows a time in full, in the person's time zone.
func (a *app) moment(t time.Time) string {
	return fmt.Sprintf("%s (%s)", t.In(a.Zone).Format("2006-01-02 15:04:05 MST"), relative(t, a.Now()))
}

// momentOf shows a time that may be absent; absent is nothing.
func (a *app) momentOf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return a.moment(*t)
}

// when shows a time in a table cell; absent is a dash.
func (a *app) when(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return relative(*t, a.Now())
}
