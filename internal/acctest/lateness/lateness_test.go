package lateness_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// soak: the large forms are asked for.
func soak() bool { return os.Getenv("STINT_SOAK") != "" }

// newTarget is a PostgreSQL with people and a right.
func newTarget(t *testing.T) *pgtest.Server {
	t.Helper()
	target := pgtest.Start(t, pgtest.AsInstalled())
	target.Exec(t, "postgres", `CREATE ROLE measured`, fmt.Sprintf(`DO $$ BEGIN FOR i IN 0..%d LOOP EXECUTE 'CREATE ROLE u' || i || ' LOGIN'; END LOOP; END $$`, people-1))
	return target
}

// grantAll gives the right to the first n people.
func grantAll(t *testing.T, target *pgtest.Server, n int) {
	t.Helper()
	target.Exec(t, "postgres", fmt.Sprintf(`DO $$ BEGIN FOR i IN 0..%d LOOP EXECUTE 'GRANT measured TO u' || i; END LOOP; END $$`, n-1))
}

// raw is how many REVOKEs a second the target itself takes on so many connections,
// each committed by itself.
func raw(t *testing.T, target *pgtest.Server, connections int) float64 {
	t.Helper()
	grantAll(t, target, people)
	began := time.Now()
	var group errgroup.Group
	for c := range connections {
		conn := target.Connect(t, "postgres")
		group.Go(func() error {
			for i := c; i < people; i += connections {
				if _, err := conn.Exec(t.Context(), "REVOKE measured FROM "+person(i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return people / time.Since(began).Seconds()
}

// run is one measurement of lateness.
type run struct {
	store, target string
	grants        int
	// span is the time over which the grants were due.
	span time.Duration
	late []time.Duration
	raw  float64
	load string
}

func (r run) at(share float64) time.Duration {
	return r.late[min(int(share*float64(len(r.late))), len(r.late)-1)]
}

// rate is how many grants ended each second, from when they were due to the last
// that ended.
func (r run) rate() float64 { return float64(r.grants) / r.late[len(r.late)-1].Seconds() }

// cells are the run as a row of a table.
func (r run) cells() []string {
	row := []string{r.store, r.target, fmt.Sprint(r.grants)}
	for _, share := range []float64{0.5, 0.99, 1} {
		row = append(row, fmt.Sprintf("%.2f s", r.at(share).Seconds()))
	}
	if r.span > 0 {
		return append(row, "", "", "", r.load)
	}
	return append(row, fmt.Sprintf("%.0f", r.rate()), fmt.Sprintf("%.0f", r.raw), fmt.Sprintf("%.2f", r.rate()/r.raw), r.load)
}

var runHead = []string{"store", "target", "grants", "p50", "p99", "max", "ended/s", "raw REVOKE/s", "share", "load"}

// measure has a server end n grants that are due at the same moment.
func measure(t *testing.T, database, name string, application governance.ApplicationID, n int) run {
	t.Helper()
	r := run{store: name, target: "PostgreSQL", grants: n}
	return r.of(t, database, application, time.Duration(n)*time.Second/1500)
}

// measureAlone has a server end n grants, one after the other.
func measureAlone(t *testing.T, database, name string, n int) run {
	t.Helper()
	r := run{store: name, target: "PostgreSQL", grants: n, span: time.Duration(n) * time.Second}
	return r.of(t, database, "measured", 0)
}

func (r run) of(t *testing.T, database string, application governance.ApplicationID, prepares time.Duration) run {
	t.Helper()
	target := newTarget(t)
	r.raw = max(raw(t, target, 1), raw(t, target, 4))
	s := prepare(t, database, target, bystanders)
	if application == "measured" {
		grantAll(t, target, r.grants)
	} else {
		r.target = "stub, 1 ms"
	}
	due := time.Now().UTC().Add(8*time.Second + prepares).Truncate(time.Second)
	s.open(t, func(e *engine.Engine) error { return s.hold(t.Context(), e, application, 0, r.grants, due, r.span) })
	server := start(t, s)
	if time.Now().After(due) {
		t.Fatal("the grants were due before the server ran; the machine is too slow for this measurement")
	}
	time.Sleep(time.Until(due))
	r.load = loadAverage()
	r.late = s.lateness(t, time.Minute+r.span+time.Duration(r.grants)*time.Second/50)
	slices.Sort(r.late)
	server.stop(t)
	t.Log(r.cells())
	return r
}

// begun is how long after the start of a server's process had ended what was due
// before it.
type begun struct {
	store string
	late  []time.Duration
	load  string
}

func (b begun) cells() []string {
	r := run{late: b.late}
	return []string{b.store, fmt.Sprint(len(b.late)), fmt.Sprintf("%.2f s", r.at(0.5).Seconds()), fmt.Sprintf("%.2f s", r.at(1).Seconds()), b.load}
}

var begunHead = []string{"store", "starts", "p50", "max", "load"}

// begin has a grant come due while no server runs, and starts one, n times; each is
// killed, so that the next one finds what a crash leaves.
func begin(t *testing.T, database, name string, n int) begun {
	t.Helper()
	target := newTarget(t)
	s := prepare(t, database, target, bystanders)
	grantAll(t, target, n)
	b := begun{store: name, load: loadAverage()}
	at := map[governance.AccountID]time.Time{}
	var ended []governance.Grant
	for i := range n {
		s.open(t, func(e *engine.Engine) error {
			return s.hold(t.Context(), e, "measured", i, 1, time.Now().UTC().Add(-time.Minute), 0)
		})
		at[governance.NewAccountID("measured", person(i))] = time.Now()
		server := start(t, s)
		ended = s.untilEnded(t, time.Minute)
		server.kill(t)
	}
	for _, g := range ended {
		b.late = append(b.late, g.EndedAt.Sub(at[g.Account]))
	}
	slices.Sort(b.late)
	t.Log(b.cells())
	return b
}

// loadAverage is how many processes want the processors, as Linux tells it.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	last, _, _ := strings.Cut(string(text), " ")
	return last
}

// Every grant of many that are due at once ends, and what is printed is how late. Each
// part can be measured by itself, as in -run /alone/SQLite or -run /requests.
func TestGrantsThatAreDueAtOnceAllEnd(t *testing.T) {
	if !soak() {
		measure(t, stores[0].open(t), stores[0].name, "measured", 50)
		begin(t, stores[0].open(t), stores[0].name, 2)
		return
	}
	var page page
	lateness := func(part string, measure func(t *testing.T, database, name string) run) {
		for _, on := range stores {
			t.Run(part+"/"+on.name, func(t *testing.T) { page.runs = append(page.runs, measure(t, on.open(t), on.name)) })
		}
	}
	lateness("alone", func(t *testing.T, database, name string) run { return measureAlone(t, database, name, 20) })
	lateness("many", func(t *testing.T, database, name string) run { return measure(t, database, name, "measured", people) })
	lateness("stub", func(t *testing.T, database, name string) run { return measure(t, database, name, "stub", *many) })
	for _, on := range stores {
		t.Run("start/"+on.name, func(t *testing.T) { page.begun = append(page.begun, begin(t, on.open(t), on.name, 20)) })
	}
	for _, on := range stores {
		replicas := []int{1}
		if on.name != "SQLite" {
			replicas = []int{1, 2, 4}
		}
		for _, n := range replicas {
			t.Run(fmt.Sprintf("requests/%s/%d", on.name, n), func(t *testing.T) { page.requests = append(page.requests, request(t, on.open(t), on.name, n)) })
		}
	}
	page.print(t)
}
