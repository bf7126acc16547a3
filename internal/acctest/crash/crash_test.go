package crash_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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
	code := pgtest.Run(m)
	discardProgram()
	os.Exit(code)
}

const (
	// atOnce is how many servers run beside each other.
	atOnce = 4
	// recorded is how often each scenario is recorded for the whole matrix, to tell
	// what comes by chance; a slice of it has few cuts and needs less.
	recorded, recordedForSlice = 3, 2
	// tries is how often a trial is repeated whose cut was not passed: what the
	// server does at its own times may fall out once.
	tries = 5
	// slice is how many of PostgreSQL's cuts are left out between two that every
	// test run kills at. SQLite's are all in every test run.
	slice = 12
)

// Wherever the server is killed, it comes back to what was asked for: nobody
// holds more, or longer, and the evidence tells what happened.
func TestServerKilledAtAnyCutKeepsItsPromisesOnSQLite(t *testing.T) {
	cutEverywhere(t, newWorld(t, sqliteState), 1, false)
}

func TestServerKilledAtAnyCutKeepsItsPromisesOnPostgreSQL(t *testing.T) {
	cutEverywhere(t, newWorld(t, postgresState), orAll(slice), false)
}

// A replica that is frozen for hours, in the middle of anything, and goes on as if
// nothing had happened does no harm to what another did meanwhile.
func TestReplicaFrozenAtAnyCutDoesNoHarm(t *testing.T) {
	cutEverywhere(t, newWorld(t, impatientState), orAll(5*slice), true)
}

func orAll(nth int) int {
	if os.Getenv("STINT_SOAK") != "" {
		return 1
	}
	return nth
}

// cutEverywhere records every scenario, and kills or freezes the server at every nth
// of the cuts that it passed.
func cutEverywhere(t *testing.T, w *world, nth int, freeze bool) {
	t.Helper()
	began, burnt := time.Now(), processorTime(t)
	times := recorded
	if nth > 1 {
		times = recordedForSlice
	}
	var recordings []outcome
	for _, s := range scenarios() {
		for range times {
			recordings = append(recordings, outcome{trial: trial{scenario: s}})
		}
	}
	side(len(recordings), func(i int) { recordings[i] = w.run(t, recordings[i].trial) })
	var cases []trial
	passed, seen := 0, map[string]bool{}
	for whole := range slices.Chunk(recordings, times) {
		for _, o := range whole {
			report(t, o)
		}
		passed += len(whole[0].passed)
		cases = append(cases, trials(whole, seen)...)
	}
	if len(cases) < 100 {
		t.Fatalf("only %d cuts were passed: the server is not watched", len(cases))
	}
	cases = withoutChance(cases)
	all := len(cases)
	cases = everyNth(cases, nth)
	for i := range cases {
		cases[i].freeze = freeze
	}
	outcomes := make([]outcome, len(cases))
	var done atomic.Int32
	side(len(cases), func(i int) {
		outcomes[i] = w.run(t, cases[i])
		report(t, outcomes[i]) // at once: who ends a long run still wants to know
		if n := done.Add(1); n%50 == 0 {
			t.Logf("soaking: cut at %d of %d", n, len(cases))
		}
	})
	again, missed := 0, []string{}
	for _, o := range outcomes {
		switch {
		case o.missed:
			missed = append(missed, o.cut)
		case o.tries > 1:
			again++
		}
	}
	said := fmt.Sprintf("%d scenarios pass %d points, %d of them different; cut at %d of these, %d fired, %d of those in a later try",
		len(scenarios()), passed, all, len(cases), len(cases)-len(missed), again)
	if len(missed) > 0 {
		said += "; not fired: " + strings.Join(missed, ", ")
	}
	t.Log("soak: " + said)
	t.Logf("%s, %s of processor time", time.Since(began).Round(time.Second), (processorTime(t) - burnt).Round(time.Second))
}

// side runs atOnce of n jobs beside each other.
func side(n int, job func(i int)) {
	var wait sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i := range n {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			job(i)
		})
	}
	wait.Wait()
}

// processorTime is what this process and those that it has waited for have used.
func processorTime(t *testing.T) (sum time.Duration) {
	t.Helper()
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var used syscall.Rusage
		if err := syscall.Getrusage(who, &used); err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	return sum
}

// clockwork is what the server writes because time has passed.
var clockwork = []string{"RaiseClockMark", "RenewLease", "AdvanceEvidence", "InsertCheckpoint", "PruneCheckpoints", "MarkFindingsDue", "PruneCalls"}

// trials kills a scenario at each point of its first recording. What is clockwork comes
// at its own times: it is cut when it comes first. What is not in all recordings comes
// by chance, and may not come again. seen holds what was cut before: up to
// the cut nothing may be different, in what was asked and in what the server did, for
// two trials to be the same, because after it the scenario does not go on.
func trials(recordings []outcome, seen map[string]bool) (cases []trial) {
	whole, course := recordings[0], ""
	times := map[string]int{}
	for _, o := range recordings {
		for _, point := range o.passed {
			cut, _ := rarest(point)
			times[cut]++
		}
	}
	if whole.scenario.before != nil {
		course = whole.scenario.name
	}
	for _, point := range whole.passed {
		cut, least := rarest(point)
		key := cut
		if isClockwork(cut) {
			if least > 1 {
				continue
			}
		} else if times[cut] == len(recordings) {
			course += "\n" + point
			key = course
		}
		if !seen[key] {
			seen[key] = true
			cases = append(cases, trial{scenario: whole.scenario, cut: cut, chance: times[cut] < len(recordings)})
		}
	}
	return cases
}

// withoutChance leaves out the cuts that come by chance in one scenario and for certain
// in another.
func withoutChance(cases []trial) []trial {
	certain := map[string]bool{}
	for _, c := range cases {
		if !c.chance {
			certain[c.cut] = true
		}
	}
	return slices.DeleteFunc(cases, func(c trial) bool { return c.chance && certain[c.cut] })
}

// rarest names a point by the part that had come by least often there, which says
// the most about it.
func rarest(point string) (cut string, least int) {
	words := strings.Fields(point)
	for _, part := range words[1:] {
		_, number, _ := strings.Cut(part, "#")
		n, err := strconv.Atoi(number)
		if err != nil {
			panic(err) // the server counts
		}
		if cut == "" || n < least {
			cut, least = words[0]+" "+part, n
		}
	}
	return cut, least
}

func isClockwork(cut string) bool {
	return slices.ContainsFunc(clockwork, func(name string) bool { return strings.Contains(cut, " "+name+"#") })
}

// everyNth is a slice of the matrix.
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

// A replica that is frozen just before it gives a right gives it hours later, when
// all is over: no fence of ours keeps a target from doing what it is told. The stale
// one sees that it was overtaken and has the target read, and the right goes.
func TestRightThatAFrozenReplicaGivesTooLateIsTakenBack(t *testing.T) {
	w := newWorld(t, impatientState)
	for _, s := range scenarios() {
		if s.name != "return" {
			continue
		}
		o := w.run(t, trial{scenario: s, cut: "call-before grant#1", freeze: true})
		report(t, o)
		if !slices.ContainsFunc(slices.Collect(maps.Values(o.story)), func(kinds []string) bool {
			return slices.Contains(kinds, "grant.resurfaced") && slices.Contains(kinds, "grant.removed_again")
		}) {
			t.Errorf("the right never came back, or nothing tells of it: %v", o.story)
		}
	}
}

// So it is with an account: who is frozen just before making it makes it when all is
// over, and sees that it has to go.
func TestAccountThatAFrozenReplicaMakesTooLateIsRemoved(t *testing.T) {
	w := newWorld(t, impatientState)
	for _, s := range scenarios() {
		if s.name != "made" {
			continue
		}
		o := w.run(t, trial{scenario: s, cut: "call-before make_account#1", freeze: true})
		report(t, o)
		if !slices.ContainsFunc(slices.Collect(maps.Values(o.story)), func(kinds []string) bool { return slices.Contains(kinds, "account.removed_again") }) {
			t.Errorf("the account never came back, or nothing tells of it: %v", o.story)
		}
	}
}

// A judgement that accepts a server with a bug is worth nothing.
//
//nolint:tparallel // it sets the environment of its servers, which no parallel test may
func TestPlantedBugIsFound(t *testing.T) {
	w := newWorld(t, sqliteState)
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
		{crash.PlantAccountNoIntent, "made", "call-after make_account#1", "intent first"},
		{crash.PlantAccountLeft, "made", "", "nothing is stranded"},
		{crash.PlantAccountUncovered, "made_covered", "", "coverage"},
		{crash.PlantAccountNoEvidence, "made", "", "one evidence record"},
	} {
		t.Run(string(c.plant), func(t *testing.T) {
			t.Parallel()
			for _, s := range append(scenarios(), madeCovered()) {
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
