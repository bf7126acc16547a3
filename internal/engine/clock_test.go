package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// A clock that ran a month ahead leaves a time that was seen. Once the clock is
// right an administrator takes that time back: granting goes on, and whoever got
// something in the wrong month keeps it for as long as they would have.
func TestTimeThatNeverWasIsTakenBack(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		before := h.granted("alice", "", dba)
		const month = 30 * 24 * time.Hour
		h.clock.Advance(month)
		h.ended(before, governance.EndExpired, governance.OutcomeRemoved)
		meanwhile := h.granted("bob", "", dba)
		waiting := h.request("alice", "approved", "", dba).ID
		h.until("the time is marked", h.marked)
		h.stop()
		h.clock.Advance(-month)
		h.start()

		if _, err := h.engine.Access.Request(t.Context(), actor("alice"), askAuto("alice", reader)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("a month behind, something is granted: %v", err)
		}
		if _, err := h.engine.Access.ResetClock(t.Context(), by, " "); !fault.Is(err, fault.Invalid) {
			t.Errorf("without a reason: %v", err)
		}
		right := h.clock.Now()
		reset, err := h.engine.Access.ResetClock(t.Context(), by, "the machine came up in the wrong month")
		if err != nil || reset.To.Before(right) || reset.From.Sub(reset.To) < month-time.Minute {
			t.Fatalf("reset %+v, error %v", reset, err)
		}
		if _, err := h.engine.Access.ResetClock(t.Context(), by, "again"); !fault.Is(err, fault.Conflict) {
			t.Errorf("there is nothing to take back: %v", err)
		}
		const lag = time.Second // the time is marked once a second
		if g := h.grant(meanwhile); g.NotAfter.After(h.clock.Now().Add(time.Hour+lag)) || g.ActivatedAt.After(h.clock.Now()) {
			t.Errorf("given for an hour, activated at %s, it may stand until %s, and it is %s", g.ActivatedAt, g.NotAfter, h.clock.Now())
		}
		if view, err := h.engine.Access.GetRequest(t.Context(), waiting); err != nil || view.Deadline.After(h.clock.Now().Add(10*time.Minute+lag)) {
			t.Errorf("the stage has ten minutes, and until %s: %v", view.Deadline, err)
		}
		if g := h.grant(before); g.State != governance.GrantEnded {
			t.Errorf("the grant that ended is %s", g.State)
		}
		h.granted("alice", "", reader)
		h.clock.Advance(time.Hour + lag)
		h.ended(meanwhile, governance.EndExpired, governance.OutcomeRemoved)
		if n := h.verifyEvidence().Kinds["clock.set_back"]; n != 1 {
			t.Errorf("%d records of the reset", n)
		}
	})
}

// Whatever else compares a time with now goes back with it: nobody is suspended,
// cools down, is overdue or has used something up by a month that never was.
func TestWhatIsCountedFromAWrongTimeGoesBackWithIt(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.breakable(asIs)
		h.bounded("paused", func(g *governance.GrantTemplate) { g.Cooldown = span(4 * time.Hour) })
		end := h.clock.Now().Add(10 * 24 * time.Hour)
		change(h, governance.KindIdentity, "carol", func(i *governance.Identity) { i.ValidUntil = &end })
		change(h, governance.KindIdentity, "deploy-bot", func(i *governance.Identity) { i.AttestEvery = lasting(20 * 24 * time.Hour) })
		early := h.breaks("alice").ID

		const month, lag = 30 * 24 * time.Hour, time.Second // the time is marked once a second
		h.clock.Advance(month)
		h.untilStatus("carol", governance.Left)
		h.untilStatus("deploy-bot", governance.Suspended)
		reviewState := func(id governance.RequestID) governance.ReviewState {
			t.Helper()
			view, err := h.engine.Access.GetRequest(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return view.ReviewState()
		}
		h.until("the review is overdue", func() bool { return reviewState(early) == governance.ReviewOverdue })
		late := h.breaks("bob").ID
		event := governance.BusinessEvent{Name: "INC-1", Kind: governance.Incident, EndsAt: h.clock.Now().Add(time.Hour)}
		if _, err := h.engine.Access.OpenEvent(t.Context(), calling("carol", "k", "a"), event); err != nil {
			t.Fatal(err)
		}
		cooling := h.request("bob", "paused", "", payer).Grants[0]
		h.untilState(cooling, governance.GrantActive)
		if _, err := h.engine.Access.Return(t.Context(), actor("bob"), cooling, ""); err != nil {
			t.Fatal(err)
		}
		h.ended(cooling, governance.EndReturned, governance.OutcomeRemoved)
		h.sync()
		h.until("the time is marked", h.marked)
		h.stop()
		h.clock.Advance(-month)
		h.start()
		if _, err := h.engine.Access.ResetClock(t.Context(), by, "the machine came up in the wrong month"); err != nil {
			t.Fatal(err)
		}

		h.untilStatus("carol", governance.Active)
		h.untilStatus("deploy-bot", governance.Active)
		for _, id := range []governance.RequestID{early, late} {
			view, err := h.engine.Access.GetRequest(t.Context(), id)
			if err != nil || view.ReviewState() != governance.ReviewOpen || view.CreatedAt.After(h.clock.Now()) || view.Review.DueAt.After(h.clock.Now().Add(6*time.Hour+lag)) {
				t.Errorf("the review of %s is %+v of a request of %s, and it is %s: %v", id, view.Review, view.CreatedAt, h.clock.Now(), err)
			}
		}
		if g := h.grant(cooling); g.EndedAt.After(h.clock.Now()) || g.NotBefore.After(h.clock.Now()) {
			t.Errorf("the grant that is over ended at %s, and it is %s", g.EndedAt, h.clock.Now())
		}
		if view := h.request("bob", "paused", "", payer); !denied(view, governance.ReasonCooldown) {
			t.Errorf("right after the end it is %s", view.State)
		}
		h.asStint(`GRANT payments TO alice`) // what is moved in the wrong time hides nothing from a read
		h.sync()
		if !h.findings(governance.FindingStandingPrivilege)["billing/alice billing/role/payments"] {
			t.Error("a read after the reset finds nothing new")
		}
		h.clock.Advance(4*time.Hour + lag)
		h.granted("bob", "", reader)
		if view := h.request("bob", "paused", "", payer); len(view.Grants) != 1 {
			t.Errorf("after the pause it is %s: %+v", view.State, view.Decision.Reasons)
		}
		h.clock.Advance(2 * time.Hour)
		h.until("the reviews are overdue in their own time", func() bool {
			return reviewState(early) == governance.ReviewOverdue && reviewState(late) == governance.ReviewOverdue
		})
		h.clock.Advance(end.Sub(h.clock.Now()))
		h.untilStatus("carol", governance.Left)
		if err := h.engine.Journal.ForgetCalls(t.Context()); err != nil || h.known("carol", "k") {
			t.Errorf("days later the call is known: %t, %v", h.known("carol", "k"), err)
		}
		h.clock.Advance(10 * 24 * time.Hour)
		h.untilStatus("deploy-bot", governance.Suspended)
	})
}

// What another transaction does while time is set back would be done at a time that
// never was, and a revocation that fails then would wait for it: it is done again.
func TestWhatIsUnderWayWhenTimeIsSetBackIsDoneInTheRightTime(t *testing.T) {
	t.Parallel()
	const month = 30 * 24 * time.Hour
	write := func(j *journal.Journal, f func(tx *journal.Tx) error) error {
		return j.Write(context.WithoutCancel(t.Context()), by, f)
	}
	bookkeep := func(j *journal.Journal, f func(tx *journal.Tx) error) error {
		return j.Bookkeep(context.WithoutCancel(t.Context()), f)
	}
	for name, under := range map[string]struct {
		way func(j *journal.Journal, f func(tx *journal.Tx) error) error
		// holding: it has what the reset has to wait for.
		holding bool
	}{
		"change": {write, false}, "change that is waited for": {write, true},
		"bookkeeping": {bookkeep, false}, "bookkeeping that is waited for": {bookkeep, true},
	} {
		t.Run(name, func(t *testing.T) {
			onReplicas(t, func(t *testing.T, h *harness) {
				h.clock.Advance(month)
				h.until("the time is marked", h.marked)
				h.stop()
				h.clock.Advance(-month)
				h.start()

				began, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
				var times []time.Time
				go func() {
					ended <- under.way(h.engine.Journal, func(tx *journal.Tx) error {
						if times = append(times, tx.Now); len(times) > 1 {
							return nil
						}
						if under.holding {
							if err := tx.RaiseRevision(); err != nil {
								return err
							}
						}
						close(began)
						<-goOn
						return nil
					})
				}()
				<-began
				reset := make(chan error, 1)
				go func() {
					_, err := h.engine.Access.ResetClock(context.WithoutCancel(t.Context()), by, "the machine came up in the wrong month")
					reset <- err
				}()
				if under.holding {
					conn := pgtest.Shared(t).Connect(t, "postgres")
					h.until("the reset waits", func() (waits bool) {
						if err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE $1 LIKE '%' || datname || '%'
							AND wait_event_type = 'Lock' AND query LIKE '%SetClockBack%')`, h.config.Database).Scan(&waits); err != nil {
							t.Fatal(err)
						}
						return waits
					})
				} else if err := <-reset; err != nil {
					t.Error(err)
				}
				close(goOn)
				if under.holding {
					if err := <-reset; err != nil {
						t.Error(err)
					}
				}
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if now := h.clock.Now(); len(times) != 2 || times[0].Before(now.Add(month-time.Hour)) || times[1].After(now) {
					t.Errorf("it was done at %s, and it is %s", times, now)
				}
			})
		})
	}
}
