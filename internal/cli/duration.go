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
