package fwconv

import (
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// Grammar is a kind of text that can be written in more than one way.
type Grammar int

// The grammars.
const (
	// Duration is a span such as 1h30m.
	Duration Grammar = iota + 1
	// Condition is a boolean expression. Whether its names and types are right
	// is found where the whole document is checked.
	Condition
	// Instant is a point in time in RFC 3339, with any offset.
	Instant
)

// canonical writes a text in the one way that its meaning allows.
func (g Grammar) canonical(text string) (string, error) {
	switch g {
	case Duration:
		d, err := condition.ParseDuration(text)
		return condition.FormatDuration(d), err
	case Condition:
		return condition.Canonical(text)
	case Instant:
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return "", fmt.Errorf("%q is not a time: write it like 2026-12-31T17:00:00Z", text)
		}
		return at.UTC().Format(time.RFC3339Nano), nil
	}
	return text, nil
}

// wire writes a text as the document carries it: a condition as its author laid
// it out, everything else canonically.
func (g Grammar) wire(text string) (string, error) {
	if g == Condition {
		return text, nil
	}
	return g.canonical(text)
}

// same reports whether two texts mean the same. Texts outside the grammar are
// the same only when they are equal.
func (g Grammar) same(a, b string) bool {
	if a == b {
		return true
	}
	first, err := g.canonical(a)
	if err != nil {
		return false
	}
	second, err := g.canonical(b)
	return err == nil && first == second
}

func (g Grammar) String() string {
	switch g {
	case Duration:
		return "duration"
	case Condition:
		return "condition"
	case Instant:
		return "time"
	}
	return "text"
}
