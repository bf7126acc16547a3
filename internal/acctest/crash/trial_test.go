package crash_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/crash"
)

// trial is one run of a scenario.
type trial struct {
	scenario scenario
	cut      string
	plant    crash.Plant
	// freeze: the server is not killed but frozen, and another takes over.
	freeze bool
	// chance: the cut does not come by each time.
	chance bool
}

func (c trial) settings() []string {
	s := []string{crash.EnvCut + "=" + c.cut, crash.EnvPlant + "=" + string(c.plant)}
	if c.freeze {
		s = append(s, crash.EnvFreeze+"=1")
	}
	return s
}

type outcome struct {
	trial
	// passed are the points that the server came by, each with all its parts.
	passed []string
	broken []string
	// story is the kinds of evidence about each grant, where a server was frozen.
	story map[string][]string
	// tries is how often it was run until the cut was passed.
	tries int
	// missed: the cut did not come by in any try.
	missed bool
}

// run carries a scenario out, with a kill at the cut if there is one, and judges.
func (w *world) run(t *testing.T, c trial) outcome {
	for try := range tries {
		if o, ok := w.try(t, c); ok {
			o.tries = try + 1
			return o
		}
	}
	o := outcome{trial: c, tries: tries, missed: true}
	if !c.chance {
		o.broken = []string{"the cut never fired"}
	}
	return o
}

// try is one try; ok is false when the cut was not passed.
func (w *world) try(t *testing.T, c trial) (o outcome, ok bool) {
	o = outcome{trial: c}
	p := w.newPerson(t)
	defer w.release(t, p)
	if c.plant != "" {
		p.patience = 3 * time.Second // what a bug keeps from happening never happens
	}
	if c.scenario.before != nil {
		c.scenario.before(w, p)
	}
	p.start(t, c.settings()...)
	defer func() { p.server.stop() }()
	p.server.tell("arm")
	err := w.wholeCourse(c.scenario, p)
	switch {
	case c.cut == "" && err != nil:
		o.broken = append(o.broken, fmt.Sprintf("the scenario stopped: %v", err))
	case c.freeze:
		if !p.server.froze(t, c.cut) {
			return o, false
		}
		w.takeOver(t, p, &o)
		return o, true
	case c.cut != "":
		if !p.server.killed(c.cut) {
			return o, false
		}
		o.broken = append(o.broken, w.judgeDead(t, p)...)
		p.start(t, crash.EnvPlant+"="+string(c.plant))
		p.advance(10 * time.Second) // the lease of the dead runs out
		o.broken = append(o.broken, w.settle(p)...)
		o.broken = append(o.broken, w.judge(t, p)...)
	}
	o.broken = append(o.broken, w.allOver(p)...)
	o.broken = append(o.broken, w.judgeEnd(t, p)...)
	o.passed = p.server.cutsPassed()
	return o, true
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
	return w.idle(p)
}

// allOver lets everything come to its end, as a judgement.
func (w *world) allOver(p *person) []string {
	p.advance(6 * time.Hour)
	broken := w.settle(p)
	if err := w.idle(p); err != nil {
		broken = append(broken, fmt.Sprintf("nothing is forgotten, and all is done: %v", err))
	}
	return broken
}

// takeOver has another server take over from a frozen one and bring all to its end.
// Then the first goes on where it stood.
func (w *world) takeOver(t *testing.T, p *person, o *outcome) {
	t.Helper()
	first := p.server
	defer first.stop()
	p.start(t)
	p.others = append(p.others, first)
	p.advance(10 * time.Second) // the lease of the frozen one runs out
	o.broken = append(o.broken, w.settle(p)...)
	o.broken = append(o.broken, w.judge(t, p)...)
	o.broken = append(o.broken, w.allOver(p)...)
	o.broken = append(o.broken, w.judgeNow(p)...)
	first.thaw(t)
	if err := first.quiet(p); err != nil {
		o.broken = append(o.broken, fmt.Sprintf("the thawed server does not come to rest: %v", err))
	}
	if err := w.idle(p); err != nil {
		o.broken = append(o.broken, fmt.Sprintf("what the thawed server left is not done: %v", err))
	}
	o.broken = append(o.broken, w.settle(p)...)
	o.broken = append(o.broken, w.judgeEnd(t, p)...)
	o.story = w.wholeEvidence(t, p)
	o.passed = first.cutsPassed()
}
