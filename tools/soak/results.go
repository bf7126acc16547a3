package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// results are what the tests of a part came to.
type results struct {
	// said are the lines of the tests that are for the page.
	said []string
	// fuzzed is how often each target was executed, in the order of its first line.
	fuzzed                  []executions
	passed, failed, skipped int
	broken                  []string
}

type executions struct {
	target string
	times  int
}

const none = "none"

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action, Package, Test, Output string
}

var (
	// forThePage is what a test says for the page; forNow is how far it has come.
	forThePage = regexp.MustCompile(`\bsoak: (.*)`)
	forNow     = regexp.MustCompile(`\bsoaking: `)
	execs      = regexp.MustCompile(`^fuzz: .*\bexecs: (\d+)`)
)

// follow runs the command, adds what it comes to, and shows what a person needs:
// how far it is, and whatever a test said that failed.
func (c command) follow(ctx context.Context, into *results, out io.Writer) error {
	test := exec.CommandContext(ctx, "go", append([]string{"test", "-json", "-vet=off"}, c.args...)...) //nolint:gosec // its arguments are ours
	test.Stderr = os.Stderr
	test.Env = append(os.Environ(), c.env...)
	if c.soaked {
		test.Env = append(test.Env, "STINT_SOAK=1")
	}
	stdout, err := test.StdoutPipe()
	if err != nil {
		return err
	}
	if err := test.Start(); err != nil {
		return err
	}
	before := len(into.broken)
	errs := into.read(stdout, out)
	err = test.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		// A build that fails, and a test binary that dies, fail no test.
		if len(into.broken) == before {
			into.broken = append(into.broken, "go "+strings.Join(c.args, " "))
		}
		err = nil
	}
	return errors.Join(errs, err)
}

// read takes the events of one command.
func (r *results) read(events io.Reader, out io.Writer) error {
	chatter := map[string]*strings.Builder{}
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			// The go command writes some errors as plain text.
			_, _ = fmt.Fprintln(out, lines.Text())
			continue
		}
		key := e.Package + " " + e.Test
		if chatter[key] == nil {
			chatter[key] = &strings.Builder{}
		}
		switch e.Action {
		case "output", "build-output":
			chatter[key].WriteString(e.Output)
			r.hear(e, out)
		case "pass", "fail", "skip":
			r.end(e, chatter[key].String(), out)
			delete(chatter, key)
		}
	}
	// What has not ended when the stream ends did not end well.
	for _, key := range slices.Sorted(maps.Keys(chatter)) {
		_, _ = io.WriteString(out, chatter[key].String())
	}
	return lines.Err()
}

func (r *results) hear(e event, out io.Writer) {
	if match := forThePage.FindStringSubmatch(e.Output); match != nil {
		r.said = append(r.said, match[1])
		_, _ = io.WriteString(out, e.Output)
	}
	if forNow.MatchString(e.Output) {
		_, _ = io.WriteString(out, e.Output)
	}
	if match := execs.FindStringSubmatch(e.Output); match != nil {
		times, _ := strconv.Atoi(match[1]) // it is digits
		if last := len(r.fuzzed) - 1; last >= 0 && r.fuzzed[last].target == e.Test {
			r.fuzzed[last].times = times
			return
		}
		r.fuzzed = append(r.fuzzed, executions{e.Test, times})
	}
}

func (r *results) end(e event, said string, out io.Writer) {
	switch {
	case e.Action == "fail":
		_, _ = io.WriteString(out, said)
		if e.Test != "" {
			r.failed++
			r.broken = append(r.broken, e.Test)
		}
	case e.Test == "":
		_, _ = fmt.Fprintln(out, e.Action, e.Package)
	case e.Action == "skip":
		r.skipped++
	default:
		r.passed++
	}
}

func (r *results) String() string {
	seen := slices.Clone(r.said)
	for _, f := range r.fuzzed {
		seen = append(seen, fmt.Sprintf("%s %s executions", f.target, thousands(f.times)))
	}
	tests := fmt.Sprintf("%s tests passed, %d failed", thousands(r.passed), r.failed)
	if r.skipped > 0 {
		tests += fmt.Sprintf(", %d skipped", r.skipped)
	}
	return strings.Join(append(seen, tests), "; ")
}

// failures names what failed, each once.
func (r *results) failures() string {
	if len(r.broken) == 0 {
		return none
	}
	names := slices.Clone(r.broken)
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
