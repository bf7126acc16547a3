package governance

import (
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// Duration is a span of time written in Stint's one grammar (`1h30m`; units d,
// h, m, s), in JSON as that text.
type Duration time.Duration

// Std is the span as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return condition.FormatDuration(time.Duration(d)) }

// MarshalText writes the canonical form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the grammar; its error tells the mend.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := condition.ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = Duration(parsed)
	return nil
}
