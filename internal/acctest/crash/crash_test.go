package crash_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/crash"
	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
)

// beStint makes the test binary the stint command whose server has cuts.
const beStint = "STINT_TEST_BE_CRASHING_STINT"

func TestMain(m *testing.M) {
	if os.Getenv(beStint) != "" {
		os.Exit(crash.Main(os.Args[1:]))
	}
	os.Exit(pgtest.Run(m))
}

// atOnce is how many servers run beside each other.
const atOnce = 4

// Wherever the server is killed, it comes back to what was asked for: nobody
// holds more, or longer, and the evidence tells what happened.
func TestServerKilledAtAnyCutKeepsItsPromises(t *testing.T) {
	w := newWorld(t)
	var cases []trial
	seen := map[string]bool{}
	for _, s := range scenarios() {
		whole := w.run(t, trial{scenario: s})
		report(t, whole)
		for _, cut := range whole.passed {
			// What keeps no evidence comes at its own times, often: once is
			// enough, and what the scenarios share is cut in the first.
			if strings.Contains(cut, "RenewLease") {
				continue // only where a call is slow
			}
			if bookkeeping := !strings.Contains(cut, "call-") && !strings.Contains(cut, "."); bookkeeping && (seen[cut] || !strings.HasSuffix(cut, "#1")) {
				continue
			}
			seen[cut] = true
			cases = append(cases, trial{scenario: s, cut: cut})
		}
	}
	if len(cases) < 60 {
		t.Fatalf("only %d cuts were passed: the server is not watched", len(cases))
	}
	all := len(cases)
	if os.Getenv("STINT_SOAK") == "" {
		cases = everyNth(cases, 16)
	}
	t.Logf("killed at %d of %d cuts", len(cases), all)
	var wait sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, c := range cases {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			report(t, w.run(t, c))
		})
	}
	wait.Wait()
}

// everyNth is a slice of the matrix; the soak runs all of it.
func everyNth(cases []trial, n int) (some []trial) {
	for i := 0; i < len(cases); i += n {
		some = append(some, cases[i])
	}
	return some
}

func report(t *testing.T, o outcome) {
	t.Helper()
	for _, broken := range o.broken {
		t.Errorf("%s cut at %q: %s", o.scenario.name, o.cut, broken)
	}
}

// A judgement that accepts a server with a bug is worth nothing.
//
//nolint:tparallel // it sets the environment of its servers, which no parallel test may
func TestPlantedBugIsFound(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		plant    crash.Plant
		scenario string
		cut      string
		want     string
	}{
		{crash.PlantNoIntent, "return", "call-after grant#1", "intent first"},
		{crash.PlantNoEnd, "expire", "", "every grant ends"},
		{crash.PlantBlindRevoke, "return", "", "ended means read back"},
		{crash.PlantUncovered, "covered", "", "coverage"},
		{crash.PlantLaundered, "return", "", "never launders"},
		{crash.PlantNoEvidence, "return", "", "one evidence record"},
	} {
		t.Run(string(c.plant), func(t *testing.T) {
			t.Parallel()
			for _, s := range scenarios() {
				if s.name != c.scenario {
					continue
				}
				o := w.run(t, trial{scenario: s, cut: c.cut, plant: c.plant})
				if !strings.Contains(strings.Join(o.broken, "\n"), c.want) {
					t.Errorf("nothing says that %q is broken: %q", c.want, o.broken)
				}
			}
		})
	}
}

// wholeCourse carries a scenario out and lets all that it began come to an end.
func (w *world) wholeCourse(s scenario, p *person) error {
	if err := s.drive(w, p); err != nil {
		return err
	}
	p.advance(6 * time.Hour)
	if err := w.calm(p); err != nil {
		return err
	}
	p.advance(time.Minute) // the second reads
	return w.idle(p)
}

// trial is one run of a scenario.
type trial struct {
	scenario scenario
	cut      string
	plant    crash.Plant
}

type outcome struct {
	trial
	passed []string
	broken []string
}

// run carries a scenario out, with a kill at the cut if there is one, and judges.
func (w *world) run(t *testing.T, c trial) outcome {
	o := outcome{trial: c}
	for range 3 {
		p := w.newPerson(t)
		if c.plant != "" {
			p.patience = 3 * time.Second // what a bug keeps from happening never happens
		}
		if c.scenario.before != nil {
			c.scenario.before(w, t, p)
		}
		s := w.start(t, p.folder, c.cut, c.plant, 0)
		p.server = s
		s.tell("arm")
		err := w.wholeCourse(c.scenario, p)
		if c.cut == "" {
			if err != nil {
				o.broken = append(o.broken, fmt.Sprintf("the scenario stopped: %v", err))
			}
		} else if fired := s.killed(t, c.cut); !fired {
			s.stop()
			continue
		} else {
			o.broken = append(o.broken, w.judgeDead(t, p)...)
			p.server = w.start(t, p.folder, "", c.plant, p.shift)
			p.advance(10 * time.Second) // the lease of the dead runs out
			o.broken = append(o.broken, w.settle(p)...)
			o.broken = append(o.broken, w.judge(t, p)...)
		}
		p.advance(6 * time.Hour)
		o.broken = append(o.broken, w.settle(p)...)
		o.broken = append(o.broken, w.judgeEnd(t, p)...)
		o.passed = s.cutsPassed()
		p.server.stop()
		return o
	}
	o.broken = append(o.broken, "the cut never fired")
	return o
}
