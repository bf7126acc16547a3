package cli

import (
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// durationFlag reads Stint's duration grammar; nil until it is given.
type durationFlag struct{ given *governance.Duration }

func durationOf(d time.Duration) durationFlag {
	given := governance.Duration(d)
	return durationFlag{given: &given}
}

func (f *durationFlag) Set(text string) error {
	var d governance.Duration
	if err := d.UnmarshalText([]byte(text)); err != nil {
		return err
	}
	f.given = &d
	return nil
}

func (f *durationFlag) String() string {
	if f.given == nil {
		return ""
	}
	return f.given.String()
}

func (*durationFlag) Type() string { return "duration" }

// timeFlag reads an RFC 3339 time; nil until it is given.
type timeFlag struct{ given *time.Time }

func (f *timeFlag) Set(text string) error {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return usageErrorf("%q is not a time; write it like 2026-12-31T17:00:00Z", text)
	}
	f.given = &t
	return nil
}

func (f *timeFlag) String() string {
	if f.given == nil {
		return ""
	}
	return f.given.Format(time.RFC3339)
}

func (*timeFlag) Type() string { return "time" }

// beginFlag reads a time, or how long it is until then.
type beginFlag struct {
	time timeFlag
	wait durationFlag
}

func (f *beginFlag) Set(text string) error {
	*f = beginFlag{}
	if f.time.Set(text) == nil || f.wait.Set(text) == nil {
		return nil
	}
	return usageErrorf("%q is neither a time nor a duration; write it like 2026-12-31T17:00:00Z, or like 8h", text)
}

func (f *beginFlag) String() string { return f.time.String() + f.wait.String() }

func (*beginFlag) Type() string { return "time or duration" }

// at is the time that is meant; nil when none is given.
func (f *beginFlag) at(now time.Time) *time.Time {
	if f.wait.given == nil {
		return f.time.given
	}
	at := now.Add(f.wait.given.Std()).UTC().Truncate(time.Second)
	return &at
}
