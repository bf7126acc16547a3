package governance

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var approverNames = []IdentityID{"ann", "ben", "cid", "dot"}

// requestMachine drives one request through whatever may be asked of it, with a
// clock that sometimes goes back.
type requestMachine struct {
	r       Request
	now     time.Time
	stages  []ApprovalStage
	since   time.Time // when the current stage began
	decided Decision
}

func newRequestMachine(t *rapid.T) *requestMachine {
	m := &requestMachine{now: noon, since: noon}
	for i := range rapid.IntRange(1, 3).Draw(t, "stages") {
		m.stages = append(m.stages, ApprovalStage{
			Name:    fmt.Sprintf("stage %d", i),
			Quorum:  rapid.IntRange(1, 3).Draw(t, "quorum"),
			Timeout: Duration(time.Duration(rapid.IntRange(1, 60).Draw(t, "timeout")) * time.Minute),
		})
	}
	effect := rapid.SampledFrom([]Effect{Allow, NeedsApproval, NeedsApproval, NeedsApproval, Deny}).Draw(t, "effect")
	d := Decision{Effect: effect, Duration: Duration(time.Hour)}
	opened, done := Request{ID: "r", Identity: "alice"}.Open(d, m.stages, m.now)
	if done != (effect == Allow) || (opened.State == RequestDenied) != (effect == Deny) || opened.Duration != d.Duration || !opened.CreatedAt.Equal(noon) {
		t.Fatalf("a request decided as %s opens as %+v, done %v", effect, opened, done)
	}
	m.r = opened
	return m
}

func (m *requestMachine) final() bool { return m.r.State != RequestPending }

// waits says whether a stage still runs.
func (m *requestMachine) waits() bool { return !m.final() && m.r.Deadline != nil }

func (m *requestMachine) given() (people map[IdentityID]int) {
	people = map[IdentityID]int{}
	for _, a := range m.r.Approvals {
		if a.Stage == m.r.Stage {
			people[a.Approver]++
		}
	}
	return people
}

func (m *requestMachine) step(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(-10, 40).Draw(t, "minutes")) * time.Minute)
	before, by := m.r, rapid.SampledFrom(approverNames).Draw(t, "by")
	may := m.waits() && m.now.Before(*m.r.Deadline) && m.given()[by] == 0
	var err error
	var want bool
	switch verb := rapid.SampledFrom([]string{"approve", "approve", "approve", "reject", "withdraw", "lapse", "conclude"}).Draw(t, "verb"); verb {
	case "approve":
		want = may
		var done bool
		m.r, done, err = m.r.Approve(Voice{Approver: by}, "fine", m.now)
		m.checkApproved(t, before, done, err)
	case "reject":
		want = may
		m.r, err = m.r.Reject(Voice{Approver: by}, "no", m.now)
		if err == nil && m.r.State != RequestRejected {
			t.Fatalf("a rejection comes to %s", m.r.State)
		}
	case "withdraw":
		want = !m.final()
		m.r, err = m.r.Withdraw(m.now)
		if err == nil && m.r.State != RequestWithdrawn {
			t.Fatalf("a withdrawal comes to %s", m.r.State)
		}
	case "lapse":
		want = m.waits() && !m.now.Before(*m.r.Deadline)
		var lapsed bool
		if m.r, lapsed = m.r.TimeOut(m.now); !lapsed {
			err = errors.New("not due")
		}
	case "conclude":
		m.decided = Decision{Effect: rapid.SampledFrom([]Effect{Allow, NeedsApproval, Deny}).Draw(t, "effect")}
		want = !m.final() && !m.waits()
		if m.r = m.r.Conclude(m.decided, m.now); m.r.State == before.State {
			err = errors.New("not concluded")
		}
	}
	if (err == nil) != want {
		t.Fatalf("from %+v at %s: error %v, want success: %v", before, m.now, err, want)
	}
	if err != nil && !reflect.DeepEqual(before, m.r) {
		t.Fatalf("a refusal changed the request from %+v to %+v", before, m.r)
	}
}

func (m *requestMachine) checkApproved(t *rapid.T, before Request, done bool, err error) {
	if err != nil {
		return
	}
	quorum := countStage(m.r.Approvals, before.Stage) == m.stages[before.Stage].Quorum
	last := before.Stage == len(m.stages)-1
	switch {
	case done != (quorum && last):
		t.Fatalf("done is %v with %v of quorum %d in stage %d of %d", done, m.r.Approvals, m.stages[before.Stage].Quorum, before.Stage, len(m.stages))
	case quorum && !last:
		m.since = m.now
		if m.r.Stage != before.Stage+1 {
			t.Fatalf("stage %d is full, and stage %d is next", before.Stage, m.r.Stage)
		}
	case m.r.Stage != before.Stage:
		t.Fatalf("stage %d is not full, and stage %d is next", before.Stage, m.r.Stage)
	}
}

func countStage(approvals []Approval, stage int) int {
	n := 0
	for _, a := range approvals {
		if a.Stage == stage {
			n++
		}
	}
	return n
}

func (m *requestMachine) holds(t *rapid.T) {
	for by, n := range m.given() {
		if n > 1 {
			t.Fatalf("%s counts %d times in stage %d", by, n, m.r.Stage)
		}
	}
	if m.waits() && !m.r.Deadline.Equal(m.since.Add(m.stages[m.r.Stage].Timeout.Std())) {
		t.Fatalf("stage %d began at %s, and its deadline is %s", m.r.Stage, m.since, m.r.Deadline)
	}
	if m.final() && (m.r.EndedAt == nil || m.r.Deadline != nil) {
		t.Fatalf("a request that is over has end %v and deadline %v", m.r.EndedAt, m.r.Deadline)
	}
	if m.r.State != RequestGranted {
		return
	}
	if m.r.Decision.Effect == Deny {
		t.Fatal("a request is granted that is denied")
	}
	if m.r.Decision.Effect == NeedsApproval && len(m.r.Stages) == 0 {
		t.Fatal("a request is granted that needs an approval and never had a stage")
	}
	for i, stage := range m.r.Stages {
		people := map[IdentityID]bool{}
		for _, a := range m.r.Approvals {
			if a.Stage == i && a.Approved {
				people[a.Approver] = true
			}
		}
		if len(people) < stage.Quorum {
			t.Fatalf("granted with %d of %d people in stage %d", len(people), stage.Quorum, i)
		}
	}
}

func TestRequestsKeepTheirPromisesWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newRequestMachine(t)
		m.holds(t)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			m.step(t)
			m.holds(t)
		}
	})
}

func stage(name string, quorum int) ApprovalStage {
	return ApprovalStage{Name: name, Quorum: quorum, Timeout: Duration(15 * time.Minute), OnTimeout: Lapse}
}

func pending(stages ...ApprovalStage) Request {
	r, _ := Request{ID: "r1"}.Open(Decision{Effect: NeedsApproval, Duration: Duration(time.Hour)}, stages, noon)
	return r
}

func TestRefusalsOfARequestSayWhy(t *testing.T) {
	waiting := pending(stage("lead", 2), stage("owner", 1))
	spoken, _, err := waiting.Approve(Voice{Approver: "ann"}, "", noon)
	if err != nil {
		t.Fatal(err)
	}
	rejected, err := waiting.Reject(Voice{Approver: "ann"}, "", noon)
	if err != nil {
		t.Fatal(err)
	}
	automatic, _ := Request{ID: "r1"}.Open(Decision{Effect: Allow}, nil, noon)
	late := noon.Add(15 * time.Minute)
	for _, c := range []struct {
		name string
		do   func() error
		want string
	}{
		{"who has spoken", func() error { _, _, err := spoken.Approve(Voice{Approver: "ann"}, "", noon); return err }, `cannot approve request r1: it is pending; ann has spoken in stage "lead" already`},
		{"who has approved and now rejects", func() error { _, err := spoken.Reject(Voice{Approver: "ann"}, "", noon); return err }, `cannot reject request r1: it is pending; ann has spoken in stage "lead" already`},
		{"at the deadline", func() error { _, _, err := waiting.Approve(Voice{Approver: "ann"}, "", late); return err }, `cannot approve request r1: it is pending; stage "lead" ran out of time at 2026-03-10T12:15:00Z`},
		{"after the end", func() error { _, err := rejected.Withdraw(noon); return err }, `cannot withdraw request r1: it is rejected`},
		{"approval of an automatic one", func() error { _, _, err := automatic.Approve(Voice{Approver: "ann"}, "", noon); return err }, `cannot approve request r1: it is pending; its last approval is given`},
		{"rejection of an automatic one", func() error { _, err := automatic.Reject(Voice{Approver: "ann"}, "", noon); return err }, `cannot reject request r1: it is pending; its last approval is given`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.do()
			var refused *TransitionError
			if !errors.As(err, &refused) || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestAnApprovalJustBeforeTheDeadlineCounts(t *testing.T) {
	r, done, err := pending(stage("lead", 1)).Approve(Voice{Approver: "ann"}, "fine", noon.Add(15*time.Minute-time.Nanosecond))
	if err != nil || !done || r.Deadline != nil {
		t.Errorf("got %+v, done %v, %v", r, done, err)
	}
}

func TestAPersonMaySpeakAgainInTheNextStage(t *testing.T) {
	r, done, err := pending(stage("lead", 1), stage("owner", 1)).Approve(Voice{Approver: "ann"}, "", noon)
	if err != nil || done || r.Stage != 1 {
		t.Fatalf("got stage %d, done %v, %v", r.Stage, done, err)
	}
	if _, done, err = r.Approve(Voice{Approver: "ann"}, "", noon); err != nil || !done {
		t.Errorf("done %v, %v", done, err)
	}
}

func TestVerdictsDoNotChangeTheRequestTheyWereGivenOn(t *testing.T) {
	r := pending(stage("lead", 3))
	r.Approvals = slices.Grow(r.Approvals, 4)
	one, _, _ := r.Approve(Voice{Approver: "ann"}, "", noon)
	two, _, _ := one.Approve(Voice{Approver: "ben"}, "", noon)
	three, _, _ := one.Approve(Voice{Approver: "dot"}, "", noon)
	other, err := one.Reject(Voice{Approver: "cid"}, "", noon)
	if err != nil || three.Approvals[1].Approver != "dot" || len(r.Approvals) != 0 || len(one.Approvals) != 1 || two.Approvals[1].Approver != "ben" || other.Approvals[1].Approver != "cid" {
		t.Errorf("verdicts share their list: %v, %v, %v, %v", one.Approvals, two.Approvals, three.Approvals, other.Approvals)
	}
}

func TestARequestThatWasNeverApprovedIsNotGranted(t *testing.T) {
	waiting := pending(stage("lead", 1))
	if got := waiting.Conclude(Decision{Effect: Allow}, noon); got.State != RequestPending || got.Deadline == nil {
		t.Errorf("a waiting request was concluded as %s", got.State)
	}
	automatic, _ := Request{ID: "r1"}.Open(Decision{Effect: Allow}, nil, noon)
	if got := automatic.Conclude(Decision{Effect: NeedsApproval}, noon); got.State != RequestInvalidated {
		t.Errorf("an automatic request that has come to need an approval is %s", got.State)
	}
}

func escalating(name string) ApprovalStage {
	s := stage(name, 1)
	s.Approvers, s.OnTimeout = Approvers{Groups: []string{"leads"}}, Escalate
	s.Escalation = &Escalation{Approvers: Approvers{Groups: []string{"chiefs"}}, Timeout: Duration(time.Hour)}
	return s
}

func TestAStageEscalatesOnceAndThenLapses(t *testing.T) {
	r := pending(escalating("lead"), stage("owner", 1))
	late := noon.Add(20 * time.Minute)
	r, changed := r.TimeOut(late)
	if !changed || r.State != RequestPending || !r.Escalated || !r.Deadline.Equal(late.Add(time.Hour)) {
		t.Fatalf("timed out to %+v, changed %v", r, changed)
	}
	if same, changed := r.TimeOut(late.Add(time.Hour - 1)); changed || !same.Escalated {
		t.Errorf("within the escalation's time it becomes %+v", same)
	}
	if lapsed, _ := r.TimeOut(late.Add(time.Hour)); lapsed.State != RequestLapsed {
		t.Errorf("after the escalation's time it is %s", lapsed.State)
	}
	next, _, err := r.Approve(Voice{Approver: "ann"}, "", late)
	if err != nil || next.Stage != 1 || next.Escalated {
		t.Errorf("approved to stage %d, escalated %v, %v", next.Stage, next.Escalated, err)
	}
}

func TestOneVoiceCountsOnceByDelegationToo(t *testing.T) {
	r := pending(stage("lead", 3))
	r, _, err := r.Approve(Voice{Approver: "ann", OnBehalfOf: "ben"}, "", noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, voice := range []Voice{{Approver: "ann"}, {Approver: "ben"}, {Approver: "cid", OnBehalfOf: "ben"}, {Approver: "cid", OnBehalfOf: "ann"}} {
		if _, _, err := r.Approve(voice, "", noon); err == nil {
			t.Errorf("%+v counts beside ann, who spoke for ben", voice)
		}
	}
	if _, _, err := r.Approve(Voice{Approver: "cid"}, "", noon); err != nil {
		t.Errorf("cid is refused: %v", err)
	}
}

func TestWhoSpokeInAStageStaysOutOfOneThatIsDistinct(t *testing.T) {
	owner := stage("owner", 1)
	owner.DistinctFrom = []string{"lead"}
	r := pending(stage("lead", 1), stage("peer", 1), owner)
	for _, by := range []IdentityID{"ann", "ben"} {
		var err error
		if r, _, err = r.Approve(Voice{Approver: by}, "", noon); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.Approve(Voice{Approver: "ann"}, "", noon); err == nil || !strings.Contains(err.Error(), `ann has spoken in stage "lead" already`) {
		t.Errorf("ann approves in both: %v", err)
	}
	if _, _, err := r.Approve(Voice{Approver: "cid", OnBehalfOf: "ann"}, "", noon); err == nil {
		t.Error("ann approves in both by delegation")
	}
	if _, done, err := r.Approve(Voice{Approver: "ben"}, "", noon); err != nil || !done {
		t.Errorf("ben, of a stage that may overlap: done %v, %v", done, err)
	}
}
