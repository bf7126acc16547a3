// Package report writes what was measured as Markdown, which reads as well in a
// terminal.
package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Section is what one suite found.
type Section struct {
	Title string
	// About says what was measured, and how: one paragraph each.
	About []string
	// Table is what came out, its head first.
	Table [][]string
	Aims  []Aim
}

// Aim is a figure that Stint is to reach.
type Aim struct {
	Text string
	// Measured is the figure that was reached.
	Measured string
	Met      bool
}

// AtMost is the aim of a figure that is to be small.
func AtMost(text string, measured, bound float64, unit string) Aim {
	return Aim{Text: text, Measured: Number(measured) + unit, Met: measured <= bound}
}

// AtLeast is the aim of a figure that is to be large.
func AtLeast(text string, measured, bound float64, unit string) Aim {
	return Aim{Text: text, Measured: Number(measured) + unit, Met: measured >= bound}
}

// Report is one run.
type Report struct {
	Machine  Machine
	Rounds   int
	Command  string
	Sections []Section
}

// Write writes the report as a page.
func (r Report) Write(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\n")
	fmt.Fprintf(&b, "Written by `%s`, which measures all of it again. All figures are of one run and are medians of %d rounds; the rounds of the contestants take turns, so that what slows the machine down slows all of them. Times are processor time of the thread that does the work, except over HTTP. Each answer is checked while it is timed. A ratio says more than a time: times differ between machines.\n\n", r.Command, r.Rounds)
	b.WriteString(r.Machine.markdown())
	for _, section := range r.Sections {
		section.write(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Write writes the section alone.
func (s Section) Write(w io.Writer) error {
	var b strings.Builder
	s.write(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (s Section) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n", s.Title)
	for _, paragraph := range s.About {
		fmt.Fprintf(b, "%s\n\n", paragraph)
	}
	writeTable(b, s.Table)
	if len(s.Aims) == 0 {
		return
	}
	b.WriteString("\n")
	aims := [][]string{{"aim", "measured", ""}}
	for _, aim := range s.Aims {
		aims = append(aims, []string{aim.Text, aim.Measured, verdict(aim.Met)})
	}
	writeTable(b, aims)
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "**missed**"
}

// writeTable aligns the first column to the left and the others to the right.
func writeTable(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 3)
		}
	}
	for n, row := range rows {
		for i, cell := range row {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				fmt.Fprintf(b, "| %s%s |", cell, padding)
			} else {
				fmt.Fprintf(b, " %s%s |", padding, cell)
			}
		}
		b.WriteString("\n")
		if n == 0 {
			writeRule(b, widths)
		}
	}
}

func writeRule(b *strings.Builder, widths []int) {
	for i, width := range widths {
		if i == 0 {
			fmt.Fprintf(b, "|%s|", strings.Repeat("-", width+2))
		} else {
			fmt.Fprintf(b, "%s:|", strings.Repeat("-", width+1))
		}
	}
	b.WriteString("\n")
}
