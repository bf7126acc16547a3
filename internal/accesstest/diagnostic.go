package accesstest

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Position is a place in a file; Line and Column count from 1.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

func positionOf(r hcl.Range) Position {
	return Position{File: r.Filename, Line: r.Start.Line, Column: r.Start.Column}
}

// Diagnostic is one thing that is wrong in a file of access tests.
type Diagnostic struct {
	At      Position
	Message string // what is wrong, one sentence without a full stop
	Mend    string // what to write; empty when none is known
	Text    string // the offending text; empty when there is none
}

// Error is "file:line:column: message; mend (at the text)".
func (d Diagnostic) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", d.At, d.Message)
	if d.Mend != "" {
		fmt.Fprintf(&b, "; %s", d.Mend)
	}
	if d.Text != "" {
		fmt.Fprintf(&b, " (at %s)", shorten(d.Text))
	}
	return b.String()
}

// Diagnostics is everything that is wrong, in the order of the text.
type Diagnostics []Diagnostic

// Error is one line for each finding.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// shorten keeps a message on one line of readable length.
func shorten(text string) string {
	const limit = 60
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}
