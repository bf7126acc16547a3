package journal

import "time"

// Creep is how the high-water mark of time goes on while the clock is behind it:
// at half the pace of the clock. What waits for its time then (the end of a
// grant, the next attempt of a revocation, the lease of a process that died)
// still comes due, and the clock catches up in twice the time that it is behind.
// The zero value is ready; one process keeps one.
type Creep struct {
	// mark was raised last, when the clock said at.
	mark, at time.Time
}

// Mark is what to raise the mark to, which stands at mark while the clock says
// now. Of several processes whose clocks are behind one leads: only who raised
// the mark last raises it further, so together they do not make it faster.
func (c *Creep) Mark(now, mark time.Time) time.Time {
	next := now
	if now.Before(mark) {
		next = mark
		if c.mark.Equal(mark) && now.After(c.at) {
			next = mark.Add(now.Sub(c.at) / 2).Truncate(time.Microsecond)
		}
	}
	c.mark, c.at = next, now
	return next
}
