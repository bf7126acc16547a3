package lateness_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// allOfThem are as many grants as are measured for the page.
const allOfThem = 100_000

var (
	update = flag.Bool("update", false, "write docs/lateness.md from what is measured")
	many   = flag.Int("many", allOfThem, "how many grants of the stub are due at once")
)

// page is what was measured in one run.
type page struct {
	runs     []run
	begun    []begun
	requests []asked
}

// print writes the page, to docs/lateness.md when that is asked for.
func (p page) print(t *testing.T) {
	t.Helper()
	text := p.text()
	t.Log("\n" + text)
	if !*update {
		return
	}
	if err := os.WriteFile(filepath.Join("..", "..", "..", "docs", "lateness.md"), []byte(text), 0o644); err != nil { //nolint:gosec // everyone may read the docs
		t.Fatal(err)
	}
}

func (p page) text() string {
	var b strings.Builder
	b.WriteString("# How late access ends\n\n")
	b.WriteString(intro)
	fmt.Fprintf(&b, "\nMeasured with %s on %s, %d cores, %s, %s. *load* is the machine's load average when the grants came due: whatever else it was doing slowed down both the server and the raw statements beside it. One machine ran the server, its database, and the target.\n\n", command(), processor(), runtime.NumCPU(), runtime.GOOS+"/"+runtime.GOARCH, runtime.Version())
	b.WriteString("## From the end that was due to the end that was read back\n\n")
	rows := [][]string{runHead}
	for _, r := range p.runs {
		rows = append(rows, r.cells())
	}
	table(&b, rows)
	b.WriteString(reading)
	b.WriteString("\n## From the start of a server to the end of what came due while none ran\n\nThe server before it was killed. It is counted from the start of the process until the right was read back as gone.\n\n")
	rows = [][]string{begunHead}
	for _, one := range p.begun {
		rows = append(rows, one.cells())
	}
	table(&b, rows)
	b.WriteString("\n## From a request to a grant that is active\n\n")
	fmt.Fprintf(&b, "%d people at once ask for a right in a real PostgreSQL through an automatic template, each until they hold it, for at most %s. SQLite has one server.\n\n", requestsAtOnce, requestsFor.Round(time.Second))
	rows = [][]string{askedHead}
	for _, a := range p.requests {
		rows = append(rows, a.cells())
	}
	table(&b, rows)
	return b.String()
}

func table(b *strings.Builder, rows [][]string) {
	for i, row := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(b, "|%s\n", strings.Repeat(" --- |", len(row)))
		}
	}
}

// command is what measures as this run does.
func command() string {
	if *many == allOfThem {
		return "`make lateness`"
	}
	return fmt.Sprintf("`STINT_SOAK=1 go test ./internal/acctest/lateness -many %d` (`make lateness` has %d grants end in the target of the stub)", *many, allOfThem)
}

// processor is the model as Linux tells it, else the architecture.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return runtime.GOARCH
}

const intro = `No system promises that access ends at the very second. Stint says how late it ends, under which conditions, and measures it.

**The bound.** One grant whose target answers has ended 2 seconds after it was due, read back in the target: what is due is looked for every 100 ms, and the calls take what the target takes. Of many that are due at once the last has ended when the server has worked through them, at the rates below; revocations go before grants. The bound holds while

- a server runs, its database answers, and its clock is right; after a start, what is overdue ends at once;
- the target answers. While it cannot be reached, one operation at a time probes it, at most 5 seconds apart, and everything goes on when one gets through. What a reachable target refuses is tried again at most 15 seconds later, for ever;
- no server died holding the account: its lease runs out after 6 seconds, and another server goes on.

A revocation that takes longer is not forgotten: it is the finding ` + "`revoke_overdue`" + `, and an error in the log.
`

const reading = `
*Raw* is what the target itself took in the same run: REVOKE after REVOKE, each committed by itself, on one connection or on four, whichever was faster. *share* is how much of that Stint reached. Each revocation that Stint makes is more than a REVOKE: the intent is committed before the call, the sessions that run on the right are looked for and ended, the target is read back, and the end is written with its evidence.

What holds the rest is not the target. Those that wait for their turn are revoked in PostgreSQL and read back together, up to 64 in one transaction of three round trips; only who has a session at that moment is looked at alone. Stint's own record of each is what takes the time: the grant that is over, the intent, and the end are three transactions, shared by many, in which each revocation writes some seventeen rows with two records of evidence and their hashes. That takes one to two milliseconds of processor time, the database's share of it being the larger one where that is PostgreSQL, and a REVOKE alone between a tenth of one and half a one: the share differs more between machines than the rate does. The rows without a rate are grants that are due one second after another; the others are all due at the same moment. The stub stands in for a target that takes 1 ms for each call, where a hundred thousand accounts would measure the target.
`
