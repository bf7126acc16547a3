package journal

import (
	"errors"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// away makes a refusal of an error that is the database's absence.
func away(err error) error {
	switch {
	case errors.Is(err, store.ErrInDoubt):
		return &fault.Error{Code: fault.Unavailable, Message: "the database's answer to the commit did not arrive, so whether the change was made is not known; look before you try again", Err: err}
	case errors.Is(err, store.ErrUnavailable):
		return &fault.Error{Code: fault.Unavailable, Message: "the database does not answer, so nothing was done; try again in a moment", Err: err}
	}
	return err
}

// longestPace bounds the pause between two rounds while the database is away,
// and so how long after its return work goes on.
const longestPace = 2 * time.Second

// Pace spaces the rounds of work that repeats. Its zero value is ready.
type Pace struct{ away int }

// Pause is how long to wait after a round that ended with err: usual, or longer
// from round to round while the database is away.
func (p *Pace) Pause(usual time.Duration, err error) time.Duration {
	if !errors.Is(err, store.ErrUnavailable) {
		p.away = 0
		return usual
	}
	p.away = min(p.away+1, 10)
	return max(usual, min(usual<<p.away, longestPace))
}
