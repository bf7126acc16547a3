package property_test

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// inBubble runs f with virtual time; what it panics with comes out of it.
func inBubble(t *testing.T, f func()) {
	var panicked any
	synctest.Test(t, func(*testing.T) {
		defer func() { panicked = recover() }()
		f()
	})
	if panicked != nil {
		panic(panicked)
	}
}

// amount is how many worlds are made and how much happens in each, on average.
type amount struct{ worlds, steps int }

// tries sets the amount, where the command line does not say so: less in every test
// run than in a soak.
func tries(t *testing.T, usual, soaked amount) {
	t.Helper()
	if os.Getenv("STINT_SOAK") != "" {
		usual = soaked
	}
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]int{"rapid.checks": usual.worlds, "rapid.steps": usual.steps} {
		if given[name] {
			continue
		}
		f := flag.Lookup(name)
		if err := f.Value.Set(strconv.Itoa(value)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Value.Set(f.DefValue) })
	}
}

// TestTheEngineKeepsItsPromises lets engines live through whatever comes; the
// invariants hold after each step, and everything is over in the end.
func TestTheEngineKeepsItsPromises(t *testing.T) {
	tries(t, amount{10, 25}, amount{300, 60})
	keepsPromises(t, onSQLite)
}

// TestTheEngineKeepsItsPromisesOnPostgreSQL is the same with several processes on
// one database.
func TestTheEngineKeepsItsPromisesOnPostgreSQL(t *testing.T) {
	tries(t, amount{2, 25}, amount{60, 40})
	keepsPromises(t, func(t *testing.T) (string, string) {
		dir, _ := onSQLite(t)
		return dir, pgtest.Shared(t).NewDatabase(t)
	})
}

// databases are where a world may keep its state.
type databases func(t *testing.T) (dir, database string)

func onSQLite(t *testing.T) (string, string) {
	dir := t.TempDir()
	return dir, filepath.Join(dir, "stint.db")
}

func keepsPromises(t *testing.T, at databases) {
	// The shortest story that ended badly is told: what rapid repeats may differ,
	// because nobody orders what goes on at the same moment.
	shortest, length := "", 0
	var lived amount
	made := 0
	t.Cleanup(func() {
		t.Logf("soak: %d worlds with %d steps, %d accounts made", lived.worlds, lived.steps, made)
		if t.Failed() {
			t.Log(shortest)
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		dir, database := at(t)
		inBubble(t, func() {
			w := newWorld(rt, dir, database, plant{})
			defer func() {
				if len(w.heard) > 0 && (shortest == "" || len(w.story) < length) {
					shortest, length = w.told(), len(w.story)
				}
				w.close()
				made += w.judge.made()
				lived.worlds++
				if lived.steps += w.steps; lived.worlds%20 == 0 {
					t.Logf("soaking: %d worlds with %d steps", lived.worlds, lived.steps)
				}
			}()
			m := &machine{world: w, rt: rt}
			w.check()
			rt.Repeat(m.actions())
			w.drain()
		})
	})
}

func (m *machine) actions() map[string]func(*rapid.T) {
	actions := map[string]func(*rapid.T){}
	for name, draw := range map[string]func() (step, bool){
		"requests": m.request, "requests again": m.request, "arrivals": m.arrival, "verdicts": m.verdict, "grants": m.endOrExtend, "events": m.happening,
		"edits": m.edit, "statuses": m.status, "deletions": m.remove, "restorations": m.restore, "reads": m.sync,
		"targets": m.behave, "others": m.meddle, "masses": m.masses, "reviews": m.review, "operations": m.operate, "resets": m.resetClock, "time": m.time, "more time": m.time, "while": m.wait, "clock": m.wrongClock, "processes": m.processesComeAndGo,
	} {
		actions[name] = func(*rapid.T) { m.run(draw) }
	}
	actions["at once"] = func(*rapid.T) { m.together() }
	return actions
}
