package governance

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func drawSpan(t *rapid.T, label string) Duration {
	return Duration(time.Duration(rapid.IntRange(1, 180).Draw(t, label)) * time.Minute)
}

// drawScheduled makes one grant as an approved request makes it.
func drawScheduled(t *rapid.T) (Grant, *OpenEvent) {
	var event *OpenEvent
	if rapid.Bool().Draw(t, "for an event") {
		event = &OpenEvent{ID: "inc-7", BusinessEvent: BusinessEvent{EndsAt: noon.Add(drawSpan(t, "event ends in").Std())}}
	}
	r := Request{ID: "r", Duration: drawSpan(t, "duration"), Decision: Decision{Grants: []Holding{{Account: "billing/tom", Entitlement: "billing/role/admin"}}}}
	made := Schedule(r, GrantTemplate{ActivateWithin: drawSpan(t, "activate within")}, event, Basis{}, noon, func() GrantID { return "g" })
	return made[0], event
}

var outcomes = []Outcome{OutcomeRemoved, OutcomeCovered, OutcomePreexisting, OutcomeRemovedElsewhere, OutcomeUnverifiable}

// grantMachine drives one grant through whatever may happen to it, with a clock
// that sometimes goes back.
type grantMachine struct {
	g   Grant
	now time.Time
	// called and active: the grant once was.
	called, active bool
	// endedFor is the first reason to end; dueSince is when that was due.
	endedFor EndReason
	dueSince time.Time
}

func (m *grantMachine) step(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(-20, 60).Draw(t, "minutes")) * time.Minute)
	before := m.g
	_, due := m.g.DueReason(m.now)
	var err error
	var want bool
	switch rapid.SampledFrom([]string{"provision", "activate", "tighten", "end", "finish", "finish wrongly"}).Draw(t, "verb") {
	case "provision":
		want = before.State == GrantScheduled && !m.now.Before(before.NotBefore) && !due
		m.g, err = m.g.Provision(rapid.Bool().Draw(t, "preexisting"), nil, m.now)
		m.called = m.called || err == nil
	case "activate":
		want = before.State == GrantProvisioning && !due
		m.g, err = m.g.Activate(m.now)
		m.active = m.active || err == nil
	case "tighten":
		want = true
		m.g = m.g.Tighten(m.now.Add(time.Duration(rapid.IntRange(-60, 240).Draw(t, "to")) * time.Minute))
	case "end":
		want = before.State.Live()
		reason := rapid.SampledFrom([]EndReason{EndExpired, EndReturned, EndEventClosed}).Draw(t, "reason")
		if m.endedFor == "" && want {
			m.endedFor, m.dueSince = reason, earliest(m.now, before.NotAfter)
			if before.State == GrantProvisioning {
				m.dueSince = earliest(m.dueSince, before.ActivateBy)
			}
		}
		m.g, err = m.g.End(reason, m.now)
	case "finish":
		want = before.State == GrantRevoking
		m.g, err = m.g.Finish(rapid.SampledFrom(outcomes).Draw(t, "outcome"), m.now)
	case "finish wrongly":
		m.g, err = m.g.Finish(rapid.SampledFrom([]Outcome{"", "hoped", "provision_failed"}).Draw(t, "outcome"), m.now)
	}
	m.compare(t, before, want, err)
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (m *grantMachine) compare(t *rapid.T, before Grant, want bool, err error) {
	var refused *TransitionError
	switch {
	case (err == nil) != want:
		t.Fatalf("from %+v at %s: error %v, want success: %v", before, m.now, err, want)
	case err != nil && (!errors.As(err, &refused) || !reflect.DeepEqual(before, m.g)):
		t.Fatalf("the refusal %v changed %+v to %+v", err, before, m.g)
	case m.g.NotAfter.After(before.NotAfter):
		t.Fatalf("not_after grew from %s to %s", before.NotAfter, m.g.NotAfter)
	case !before.State.Live() && m.g.State != before.State:
		t.Fatalf("a grant that was %s has become %s", before.State, m.g.State)
	case m.g.State == GrantEnded && before.State != GrantEnded && before.State != GrantRevoking:
		t.Fatalf("a grant ended that was %s", before.State)
	}
}

func (m *grantMachine) holds(t *rapid.T) {
	g := m.g
	switch g.State {
	case GrantCancelled:
		if m.called || g.EndReason != m.endedFor || g.EndedAt == nil {
			t.Fatalf("a cancelled grant, called %v: %+v", m.called, g)
		}
	case GrantProvisionFailed:
		if m.active || g.Outcome != OutcomeRemoved && g.Outcome != OutcomeRemovedElsewhere {
			t.Fatalf("provision_failed, active %v: %+v", m.active, g)
		}
	case GrantEnded:
		if g.Outcome == "" || g.EndedAt == nil || !m.active && (g.Outcome == OutcomeRemoved || g.Outcome == OutcomeRemovedElsewhere) {
			t.Fatalf("ended, active %v: %+v", m.active, g)
		}
	}
	if g.RevokingAt != nil && (!g.RevokingAt.Equal(m.dueSince) || g.EndReason != m.endedFor) {
		t.Fatalf("due since %s because of %s, want %s because of %s", g.RevokingAt, g.EndReason, m.dueSince, m.endedFor)
	}
	if m.called == (g.Preexisting == nil) {
		t.Fatalf("called %v, preexisting %v", m.called, g.Preexisting)
	}
	over := !m.now.Before(g.NotAfter)
	var want bool
	switch g.State {
	case GrantScheduled, GrantProvisioning:
		want = over || !m.now.Before(g.ActivateBy)
	case GrantActive:
		want = over
	}
	if reason, due := g.DueReason(m.now); due != want || due != (reason == EndExpired) {
		t.Fatalf("due %v because of %q at %s: %+v", due, reason, m.now, g)
	}
}

func TestGrantsKeepTheirPromisesWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, event := drawScheduled(t)
		if g.NotAfter.After(g.ActivateBy.Add(g.Duration.Std())) || event != nil && g.NotAfter.After(event.EndsAt) {
			t.Fatalf("scheduled past its bounds: %+v", g)
		}
		m := &grantMachine{g: g, now: noon}
		m.holds(t)
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			m.step(t)
			m.holds(t)
		}
		if m.g.ActivatedAt != nil && m.g.NotAfter.After(m.g.ActivatedAt.Add(m.g.Duration.Std())) {
			t.Fatalf("active for longer than its duration: %+v", m.g)
		}
	})
}

func TestScheduleMakesOneGrantForEachHolding(t *testing.T) {
	r := Request{
		ID: "r1", Template: "t", Identity: "tom", BusinessEvent: "inc-7", Duration: Duration(time.Hour),
		Decision: Decision{Grants: []Holding{{Account: "billing/tom", Entitlement: "billing/role/admin"}, {Account: "crm/tom", Entitlement: "crm/role/agent"}}},
	}
	n := 0
	ids := func() GrantID { n++; return GrantID(fmt.Sprint("g", n)) }
	basis := Basis{Revision: 42, IdentityVersion: 3, EventVersion: 1}
	got := Schedule(r, GrantTemplate{ActivateWithin: Duration(15 * time.Minute)}, nil, basis, noon, ids)
	first := Grant{
		ID: "g1", Request: "r1", Template: "t", Identity: "tom", Application: "billing", Account: "billing/tom", Entitlement: "billing/role/admin",
		BusinessEvent: "inc-7", State: GrantScheduled, Duration: Duration(time.Hour), NotBefore: noon, CreatedAt: noon,
		ActivateBy: noon.Add(15 * time.Minute), NotAfter: noon.Add(75 * time.Minute), Basis: basis,
	}
	second := first
	second.ID, second.Application, second.Account, second.Entitlement = "g2", "crm", "crm/tom", "crm/role/agent"
	if diff := cmp.Diff([]Grant{first, second}, got); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
}

func TestScheduledEndIsTheEarlierOfDurationAndEvent(t *testing.T) {
	r := Request{Duration: Duration(time.Hour), Decision: Decision{Grants: make([]Holding, 1)}}
	for ends, want := range map[time.Duration]time.Duration{74 * time.Minute: 74 * time.Minute, 76 * time.Minute: 75 * time.Minute} {
		event := &OpenEvent{BusinessEvent: BusinessEvent{EndsAt: noon.Add(ends)}}
		got := Schedule(r, GrantTemplate{ActivateWithin: Duration(15 * time.Minute)}, event, Basis{}, noon, func() GrantID { return "g" })
		if !got[0].NotAfter.Equal(noon.Add(want)) {
			t.Errorf("the event ends at %s, the grant at %s, want %s", event.EndsAt, got[0].NotAfter, noon.Add(want))
		}
	}
}

func TestDurationRunsFromActivation(t *testing.T) {
	g := Grant{State: GrantProvisioning, Duration: Duration(time.Hour), ActivateBy: noon.Add(15 * time.Minute), NotAfter: noon.Add(75 * time.Minute)}
	active, err := g.Activate(noon.Add(5 * time.Minute))
	if err != nil || !active.NotAfter.Equal(noon.Add(65*time.Minute)) {
		t.Errorf("active until %s, %v", active.NotAfter, err)
	}
}

func TestAGrantIsNotActivatedWhenItIsDue(t *testing.T) {
	g := Grant{ID: "g1", State: GrantProvisioning, Duration: Duration(time.Hour), ActivateBy: noon.Add(15 * time.Minute), NotAfter: noon.Add(75 * time.Minute)}
	_, err := g.Activate(g.ActivateBy)
	if err == nil || err.Error() != "cannot activate grant g1: it is provisioning; the time for it ran out at 2026-03-10T12:15:00Z" {
		t.Errorf("got %v", err)
	}
	g.NotAfter = noon.Add(10 * time.Minute)
	if _, err := g.Activate(g.NotAfter); err == nil {
		t.Error("it was activated when its event had ended")
	}
}

func TestLatenessIsMeasuredFromWhenTheEndWasDue(t *testing.T) {
	later := noon.Add(3 * time.Hour)
	for name, c := range map[string]struct {
		g    Grant
		want time.Time
	}{
		"an active grant past its end":                        {Grant{State: GrantActive, ActivateBy: noon, NotAfter: noon.Add(time.Hour)}, noon.Add(time.Hour)},
		"an active grant returned early":                      {Grant{State: GrantActive, ActivateBy: noon, NotAfter: noon.Add(4 * time.Hour)}, later},
		"a grant that was not activated in time":              {Grant{State: GrantProvisioning, ActivateBy: noon, NotAfter: noon.Add(time.Hour)}, noon},
		"a grant whose event ended before it was to activate": {Grant{State: GrantProvisioning, ActivateBy: noon.Add(time.Hour), NotAfter: noon}, noon},
	} {
		if got, err := c.g.End(EndReturned, later); err != nil || !got.RevokingAt.Equal(c.want) {
			t.Errorf("%s is due since %s, %v; want %s", name, got.RevokingAt, err, c.want)
		}
	}
}

func TestEndingTwiceKeepsTheFirstReason(t *testing.T) {
	g, err := Grant{State: GrantActive, NotAfter: noon.Add(time.Hour)}.End(EndReturned, noon)
	if err != nil {
		t.Fatal(err)
	}
	again, err := g.End(EndExpired, noon.Add(2*time.Hour))
	if err != nil || again.EndReason != EndReturned || !again.RevokingAt.Equal(noon) {
		t.Errorf("got %s since %s, %v", again.EndReason, again.RevokingAt, err)
	}
}

func TestProvisionRemembersWhatStood(t *testing.T) {
	g, err := Grant{State: GrantScheduled, ActivateBy: noon.Add(time.Minute), NotAfter: noon.Add(time.Hour)}.Provision(true, []EntitlementID{"billing/role/read"}, noon)
	if err != nil || g.Preexisting == nil || !*g.Preexisting || len(g.Stood) != 1 {
		t.Errorf("got %+v, %v", g, err)
	}
}

// Whatever a grant has ahead of it when time is set back, it has after it too, and
// not more.
func TestTimeThatIsSetBackGivesNoGrantMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := func(label string) time.Time {
			return noon.Add(time.Duration(rapid.Int64Range(-1e6, 1e6).Draw(t, label)) * time.Second)
		}
		now, by := noon, time.Duration(rapid.Int64Range(1, 1e6).Draw(t, "by"))*time.Second
		activated, ends := moment("activated"), moment("ends")
		g := Grant{
			State:     rapid.SampledFrom([]GrantState{GrantScheduled, GrantProvisioning, GrantActive}).Draw(t, "state"),
			NotBefore: moment("not before"), ActivateBy: moment("activate by"), NotAfter: moment("not after"), ActivatedAt: &activated,
			Ineligible: &Ineligible{EndsAt: &ends},
		}
		was, _ := g.DueAt()
		back := g.SetBack(by, now)
		if g.State == GrantScheduled && g.NotBefore.After(now.Add(by)) {
			if !back.NotBefore.Equal(g.NotBefore) || !back.NotAfter.Equal(g.NotAfter) {
				t.Errorf("it was to begin at %s, and now at %s", g.NotBefore, back.NotBefore)
			}
			return
		}
		is, _ := back.DueAt()
		if left, before := is.Sub(now), was.Sub(now.Add(by)); left != before {
			t.Errorf("it had %s left, and has %s", before, left)
		}
		if back.ActivatedAt.After(now) || !g.Ineligible.EndsAt.Equal(ends) {
			t.Errorf("activated at %s, now is %s; the first grant ends at %s", back.ActivatedAt, now, g.Ineligible.EndsAt)
		}
	})
}
