// Command testreport reads the stream of `go test -json` and tells a person what
// they need: one line for each package, the whole output of each test that
// failed, and a closing line with the counts.
//
// It ends with 1 when a test or a build failed, when a test was skipped (none is
// to be), and when no test ran at all.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() {
	ok, err := report(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintf(os.Stderr, "testreport: %v\n", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build output
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// report copies the gist of events to out, and says whether all is well.
func report(events io.Reader, out io.Writer) (ok bool, err error) {
	r := reporter{out: bufio.NewWriter(out), output: map[string]*strings.Builder{}, skippedTests: map[string]string{}}
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			// The go command writes some errors as plain text.
			fmt.Fprintln(r.out, lines.Text())
			continue
		}
		r.take(e)
		if err := r.out.Flush(); err != nil {
			return false, fmt.Errorf("write the report: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return false, fmt.Errorf("read the test events: %w", err)
	}
	r.close()
	return r.failed == 0 && r.broken == 0 && r.skipped == 0 && r.passed > 0, r.out.Flush()
}

type reporter struct {
	out                             *bufio.Writer
	output                          map[string]*strings.Builder // by package and test
	passed, failed, skipped, broken int
	failures                        []string
	skippedTests                    map[string]string // with what the test said
}

func (r *reporter) take(e event) {
	key := e.Package + "\x00" + e.Test
	switch e.Action {
	case "build-output":
		r.log(e.ImportPath).WriteString(e.Output)
	case "build-fail":
		fmt.Fprint(r.out, r.log(e.ImportPath).String())
	case "output":
		r.log(key).WriteString(e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e, r.log(key).String())
		} else {
			r.endTest(e, r.log(key).String())
		}
		delete(r.output, key)
	}
}

func (r *reporter) log(key string) *strings.Builder {
	if r.output[key] == nil {
		r.output[key] = &strings.Builder{}
	}
	return r.output[key]
}

func (r *reporter) endTest(e event, said string) {
	name := e.Package + " " + e.Test
	switch e.Action {
	case "pass":
		r.passed++
	case "skip":
		r.skipped++
		r.skippedTests[name] = said
	case "fail":
		r.failed++
		r.failures = append(r.failures, name)
		fmt.Fprint(r.out, said)
	}
}

func (r *reporter) endPackage(e event, said string) {
	took := time.Duration(e.Elapsed * float64(time.Second)).Round(100 * time.Millisecond)
	switch {
	case e.Action == "fail" && e.FailedBuild != "":
		r.broken++
		r.failures = append(r.failures, e.Package+" does not build")
		fmt.Fprintf(r.out, "FAIL\t%s [build failed]\n", e.Package)
	case e.Action == "fail":
		r.broken++
		if len(r.failures) == 0 || !strings.HasPrefix(r.failures[len(r.failures)-1], e.Package+" ") {
			r.failures = append(r.failures, e.Package+" (outside of a test)")
		}
		fmt.Fprintf(r.out, "%sFAIL\t%s\t%s\n", withoutVerdict(said), e.Package, took)
	case e.Action == "pass":
		fmt.Fprintf(r.out, "ok  \t%s\t%s\n", e.Package, took)
	}
}

// withoutVerdict takes away the lines that only repeat that a package failed.
func withoutVerdict(said string) string {
	var kept strings.Builder
	for line := range strings.Lines(said) {
		if !strings.HasPrefix(line, "FAIL") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func (r *reporter) close() {
	for name, said := range r.skippedTests {
		fmt.Fprintf(r.out, "SKIPPED %s, which counts as a failure:\n%s", name, said)
	}
	for _, name := range r.failures {
		fmt.Fprintf(r.out, "FAILED %s\n", name)
	}
	if r.passed+r.failed+r.skipped == 0 {
		fmt.Fprintln(r.out, "no test ran")
	}
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", r.passed, r.failed+r.unexplained(), r.skipped)
}

// unexplained counts packages that failed without a failed test.
func (r *reporter) unexplained() int {
	return len(r.failures) - r.failed
}
