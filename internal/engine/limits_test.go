package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/operations"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// limit declares the limits of the application anew.
func (h *harness) limit(limits *governance.OperationLimits) {
	h.t.Helper()
	change(h, governance.KindApplication, string(billing), func(a *governance.Application) { a.Limits = limits })
}

func perMinute(n int) *governance.OperationLimits {
	return &governance.OperationLimits{OperationsPerMinute: &n}
}

// paced checks that no more operations were done since a moment than one a minute.
func (h *harness) paced(since time.Time, done ...*time.Time) {
	h.t.Helper()
	slices.SortFunc(done, func(a, b *time.Time) int { return a.Compare(*b) })
	for i, at := range done {
		if passed := at.Sub(since); passed < time.Duration(i)*time.Minute {
			h.t.Errorf("%d operations are done within %s", i+1, passed)
		}
	}
}

// beside runs another process on the same database until stop.
func (h *harness) beside() (stop func()) {
	h.t.Helper()
	other, err := h.openEngine()
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- other.Run(ctx) }()
	return func() {
		cancel()
		if err := errors.Join(<-ran, other.Close()); err != nil {
			h.t.Error(err)
		}
	}
}

func TestRateOfAnApplicationLetsRevocationsFirst(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.limit(perMinute(1))
		h.clock.Advance(time.Second)
		since := h.clock.Now()
		first := h.granted("alice", "", dba)
		waiting := []governance.GrantID{h.request("bob", "auto", "", reader).Grants[0], h.request("deploy-bot", "auto", "", reader).Grants[0]}
		if _, err := h.engine.Access.Return(t.Context(), actor("alice"), first, ""); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(time.Minute)
		h.ended(first, governance.EndReturned, governance.OutcomeRemoved)
		for _, id := range waiting {
			if state := h.grant(id).State; state != governance.GrantScheduled {
				t.Errorf("a grant that waited longer is %s when the revocation is done", state)
			}
		}
		h.limit(nil)
		done := []*time.Time{h.grant(first).ActivatedAt, h.grant(first).EndedAt}
		for _, id := range waiting {
			h.untilState(id, governance.GrantActive)
		}
		h.paced(since, done...)
	})
}

func TestRateOfAnApplicationIsSharedByAllProcesses(t *testing.T) {
	onReplicas(t, func(_ *testing.T, h *harness) {
		h.declare()
		h.limit(perMinute(1))
		defer h.beside()()
		h.clock.Advance(time.Second)
		since := h.clock.Now()
		var given []governance.GrantID
		for _, who := range []string{"alice", "bob", "deploy-bot"} {
			given = append(given, h.request(who, "auto", "", reader).Grants[0])
		}
		active := func() (at []*time.Time) {
			for _, id := range given {
				if g := h.grant(id); g.ActivatedAt != nil {
					at = append(at, g.ActivatedAt)
				}
			}
			return at
		}
		for n := range given {
			h.until("one more is given", func() bool { return len(active()) > n })
			h.clock.Advance(time.Minute)
		}
		h.paced(since, active()...)
	})
}

// What a rate makes late is seen to be late, and another rate takes effect at once.
func TestRevocationThatARateHoldsUpIsOverdueUntilTheRateIsRaised(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		var held []governance.GrantID
		for _, who := range []string{"alice", "bob", "deploy-bot"} {
			held = append(held, h.granted(who, "", reader))
		}
		h.limit(perMinute(1))
		// A look at what is declared comes before what is due then.
		h.clock.Advance(time.Second)
		for _, id := range held {
			if _, err := h.engine.Access.Revoke(t.Context(), by, id, ""); err != nil {
				t.Fatal(err)
			}
		}
		over := func() (n int) {
			for _, id := range held {
				if !h.grant(id).State.Live() {
					n++
				}
			}
			return n
		}
		h.until("the first is taken back", func() bool { return over() == 1 })
		h.clock.Advance(governance.OverdueAfter)
		h.until("the second is taken back", func() bool { return over() == 2 })
		h.until("the third is overdue", func() bool { return len(h.findings(governance.FindingRevokeOverdue)) == 1 })
		if late := h.open(operations.Filter{Overdue: true}); len(late) != 1 || late[0].Attempts != 0 {
			t.Errorf("what is overdue without a try is %+v", late)
		}
		h.limit(nil)
		h.within(5*time.Second, "the third is taken back", func() bool { return over() == 3 })
		h.until("nothing is overdue", func() bool { return len(h.findings(governance.FindingRevokeOverdue)) == 0 })
	})
}

// called is how many calls wait in a blocked target.
func (h *harness) called() (n int) {
	h.t.Helper()
	if err := h.admin.QueryRow(h.t.Context(), `SELECT COUNT(*) FROM pg_stat_activity WHERE usename = 'stint' AND wait_event_type = 'Lock'`).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// oneAtATime checks that no second call is made while the first waits.
func (h *harness) oneAtATime() {
	h.t.Helper()
	h.untilTargetIsCalled()
	began := h.clock.Now()
	h.until("more would have been called", func() bool { return h.clock.Now().Sub(began) > time.Second })
	if n := h.called(); n != 1 {
		h.t.Errorf("%d calls run at once", n)
	}
}

func TestAsManyCallsOfAnApplicationRunAsItSays(t *testing.T) {
	onBothStores(t, func(_ *testing.T, h *harness) {
		h.declare()
		one := 1
		h.limit(&governance.OperationLimits{ConcurrentCalls: &one})
		h.clock.Advance(time.Second)
		release := h.block()
		var given []governance.GrantID
		for _, who := range []string{"alice", "bob", "deploy-bot"} {
			given = append(given, h.request(who, "auto", "", reader).Grants[0])
		}
		h.oneAtATime()
		h.limit(nil)
		h.until("all are called", func() bool { return h.called() == 3 })
		release()
		for _, id := range given {
			h.untilState(id, governance.GrantActive)
		}
	})
}

func TestCallsOfAnApplicationAreSharedByAllProcesses(t *testing.T) {
	onReplicas(t, func(t *testing.T, h *harness) {
		h.declare()
		one := 1
		h.limit(&governance.OperationLimits{ConcurrentCalls: &one})
		stop := h.beside()
		h.clock.Advance(time.Second)
		release := h.block()
		var given []governance.GrantID
		for _, who := range []string{"alice", "bob", "deploy-bot"} {
			given = append(given, h.request(who, "auto", "", reader).Grants[0])
		}
		h.oneAtATime()
		release()
		for _, id := range given {
			h.untilState(id, governance.GrantActive)
		}
		stop()
		h.until("every share is given back", func() (free bool) {
			if err := h.engine.Journal.Read(t.Context(), func(tx *journal.Tx) error {
				pace, err := tx.GetPace(t.Context(), string(billing))
				free = pace.Shares == ""
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return free
		})
	})
}
