package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// row is what a part saw when it was last run.
type row struct{ part, when, took, commit, machine, seen, failed string }

var head = row{"part", "when (UTC)", "took", "commit", "machine", "seen", "failed"}

func (r row) cells() []string {
	return []string{r.part, r.when, r.took, r.commit, r.machine, r.seen, r.failed}
}

// keep replaces one row of the page, which may not be there yet.
func keep(path string, r row) error {
	text, err := os.ReadFile(path) //nolint:gosec // it is the caller's choice
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	rows := rowsOf(string(text))
	rows[r.part] = r
	return os.WriteFile(path, []byte(page(rows)), 0o644) //nolint:gosec // everyone may read the docs
}

// rowsOf reads the rows of a page by their part.
func rowsOf(text string) map[string]row {
	rows := map[string]row{}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != len(head.cells()) {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows[cells[0]] = row{cells[0], cells[1], cells[2], cells[3], cells[4], cells[5], cells[6]}
	}
	return rows
}

// page has a row for each part, also for one that was never run.
func page(rows map[string]row) string {
	var b strings.Builder
	b.WriteString(intro)
	for _, p := range parts {
		fmt.Fprintf(&b, "- `%s`: %s\n", p.name, p.about)
	}
	b.WriteString("\n## What was seen\n\n")
	line := func(cells []string) {
		for i, cell := range cells {
			cells[i] = strings.ReplaceAll(cell, "|", "/")
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	line(head.cells())
	b.WriteString("|" + strings.Repeat(" --- |", len(head.cells())) + "\n")
	for _, p := range parts {
		r, ok := rows[p.name]
		if !ok {
			r = row{part: p.name, when: "not run"}
		}
		line(r.cells())
	}
	b.WriteString(reading)
	return b.String()
}

const intro = `# What the long tests saw

` + "`make test`" + ` runs everything in a form that takes minutes. ` + "`make soak`" + ` runs the long forms, which take hours, in parts; ` + "`make soak SOAK=crash`" + ` runs those whose names match. Each part writes its row below and leaves the others as they were, so the rows may be of different commits. A part that failed says so here as well, and one without a row of its own yet says *not run*.

`

const reading = `
A *cut* is a point at which the server is killed with ` + "`SIGKILL`" + ` or stopped with ` + "`SIGSTOP`" + `: before and after each commit, and before and after each call of the target. It has *fired* when the process died, or stood still, at just that point; some points come by only sometimes, and count as fired when they did in one of several tries. A *world* is a whole engine with its database and two targets, in which so many *steps* happen at random and everything is judged after each. The *load* of a machine is its load average when the part ended: what else it was doing makes everything slower.

How late access ends, and how fast it is given, is on a page of its own: [How late access ends](lateness.md).
`

// machine is where a soak runs.
type machine struct {
	commit string
	parts  []string
}

// String names the machine, with how busy it is now.
func (m machine) String() string {
	load := "unknown"
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		load, _, _ = strings.Cut(string(text), " ")
	}
	return strings.Join(append(m.parts, "load "+load), ", ")
}

func thisMachine(ctx context.Context, postgres string) (m machine, err error) {
	m.parts = []string{fmt.Sprintf("%d cores", runtime.NumCPU()), memory(), runtime.Version()}
	server, err := output(ctx, filepath.Join(postgres, "postgres"), "--version")
	if err != nil {
		return m, err
	}
	if words := strings.Fields(server); len(words) > 2 {
		m.parts = append(m.parts, "PostgreSQL "+words[2])
	}
	if m.commit, err = output(ctx, "git", "rev-parse", "--short", "HEAD"); err != nil {
		return m, err
	}
	changed, err := output(ctx, "git", "status", "--porcelain", "--", ".", ":!docs")
	if changed != "" {
		m.commit += " with changes"
	}
	return m, err
}

func output(ctx context.Context, name string, args ...string) (string, error) {
	said, err := exec.CommandContext(ctx, name, args...).Output() //nolint:gosec // they are ours
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(said)), nil
}

// memory is how much the machine has, as Linux tells it.
func memory() string {
	text, err := os.ReadFile("/proc/meminfo")
	var kibibytes int
	if err != nil {
		return "memory unknown"
	}
	if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kibibytes); err != nil {
		return "memory unknown"
	}
	return fmt.Sprintf("%.0f GiB", float64(kibibytes)/(1<<20))
}
