package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// holds asks the target itself whether the account is a member of anything.
func (h *harness) holds(account string) bool {
	h.t.Helper()
	var is bool
	if err := h.admin.QueryRow(h.t.Context(), `SELECT EXISTS (SELECT FROM pg_auth_members WHERE member = $1::regrole)`, account).Scan(&is); err != nil {
		h.t.Fatal(err)
	}
	return is
}

// refusedTransition demands that the thing could not do it in its state.
func refusedTransition(t *testing.T, what string, err error, tells string) {
	t.Helper()
	var refused *governance.TransitionError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), tells) {
		t.Errorf("%s: %v, want a refusal that tells %q", what, err, tells)
	}
}

func TestWhatIsAskedForOrGivenIsCancelledInEveryState(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.bounded("booked", aheadBy(24*time.Hour))
		withdraw := func(who string, id governance.RequestID) error {
			_, err := h.engine.Access.Withdraw(t.Context(), actor(who), id)
			return err
		}
		giveBack := func(who string, id governance.GrantID) error {
			_, err := h.engine.Access.Return(t.Context(), actor(who), id, "")
			return err
		}

		pending := h.request("alice", "approved", "", dba)
		if err := withdraw("bob", pending.ID); !fault.Is(err, fault.Forbidden) {
			t.Errorf("somebody else withdraws: %v", err)
		}
		if err := withdraw("alice", pending.ID); err != nil {
			t.Fatal(err)
		}
		refusedTransition(t, "withdrawn twice", withdraw("alice", pending.ID), "it is withdrawn")
		_, err := h.approves("carol", pending.ID)
		refusedTransition(t, "approved when withdrawn", err, "it is withdrawn")

		booked := h.books("alice", "booked", h.clock.Now().Add(2*time.Hour))
		scheduled := booked.Grants[0]
		refusedTransition(t, "a granted request is withdrawn", withdraw("alice", booked.ID), "give its grant back")
		if err := giveBack("alice", scheduled); err != nil {
			t.Fatal(err)
		}
		if g := h.grant(scheduled); g.State != governance.GrantCancelled || g.EndReason != governance.EndReturned || h.queued(scheduled, grants.OperationGrant) {
			t.Errorf("a scheduled grant that is returned is %s because %s", g.State, g.EndReason)
		}
		refusedTransition(t, "a cancelled grant is returned", giveBack("alice", scheduled), "it is cancelled")

		release := h.block()
		provisioning := h.request("alice", "auto", "", dba).Grants[0]
		h.untilTargetIsCalled()
		if err := giveBack("alice", provisioning); err != nil {
			t.Fatal(err)
		}
		if g := h.grant(provisioning); g.State != governance.GrantRevoking {
			t.Errorf("a grant that the target was called for, and that is returned, is %s", g.State)
		}
		if _, err := h.engine.Access.Revoke(t.Context(), by, provisioning, ""); err != nil {
			t.Errorf("a grant that is ending is revoked: %v", err)
		}
		release()
		h.until("it is over", func() bool { return !h.grant(provisioning).State.Live() })
		if g := h.grant(provisioning); g.EndReason != governance.EndReturned || h.holds("alice") {
			t.Errorf("it ended because %s, and the target holds something: %v", g.EndReason, h.holds("alice"))
		}

		active := h.granted("alice", "", dba)
		if err := giveBack("alice", active); err != nil {
			t.Fatal(err)
		}
		h.ended(active, governance.EndReturned, governance.OutcomeRemoved)
		refusedTransition(t, "an ended grant is returned", giveBack("alice", active), "it is ended")
		h.clock.Advance(2 * time.Hour)
		h.settled()
		if h.holds("alice") {
			t.Error("what was cancelled was given when its time came")
		}
	})
}

// However a return meets the worker that gives the grant, it is heard, and
// nothing stands when the grant is over.
func TestACancellationThatMeetsTheActivationLeavesNothing(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		for round := range 12 {
			id := h.request("alice", "auto", "", dba).Grants[0]
			var wait sync.WaitGroup
			wait.Go(func() {
				for range round { // a little later each time
					changed := h.engine.Journal.Changed()
					if g, err := h.engine.Access.GetGrant(t.Context(), id); err != nil || g.State == governance.GrantActive {
						break
					}
					<-changed
				}
				if _, err := h.engine.Access.Return(t.Context(), actor("alice"), id, ""); err != nil {
					t.Errorf("round %d: return: %v", round, err)
				}
			})
			over := false
			h.until("the grant is over", func() bool {
				over = over || !h.grant(id).State.Live()
				return over
			})
			wait.Wait()
			if g := h.grant(id); g.EndReason != governance.EndReturned || h.holds("alice") {
				t.Fatalf("round %d: the grant is %s because %s, and the target holds something: %v", round, g.State, g.EndReason, h.holds("alice"))
			}
		}
	})
}

// meet runs a change, and while it is not committed yet what somebody else does
// at the same moment.
func (h *harness) meet(change func(tx *journal.Tx) error, meanwhile func() error) {
	h.t.Helper()
	var once sync.Once
	done := make(chan error, 1)
	err := h.engine.Journal.Write(h.t.Context(), journal.Engine(), func(tx *journal.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		once.Do(func() {
			go func() { done <- meanwhile() }()
			h.untilOneWaits()
		})
		return nil
	})
	if err := errors.Join(err, <-done); err != nil {
		h.t.Error(err)
	}
}

// untilOneWaits waits until a transaction waits for another one. SQLite lets
// only one in at a time.
func (h *harness) untilOneWaits() {
	if !store.IsPostgres(h.config.Database) {
		return
	}
	conn, err := pgx.Connect(h.t.Context(), h.config.Database)
	if err != nil {
		h.t.Error(err)
		return
	}
	defer func() { _ = conn.Close(context.WithoutCancel(h.t.Context())) }()
	for waits := false; !waits && err == nil; {
		err = conn.QueryRow(h.t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waits)
	}
	if err != nil {
		h.t.Error(err)
	}
}

func TestAWithdrawalAndAReturnAreHeardWhileSomethingElseHappens(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id := h.granted("alice", "", dba)
		h.meet(func(tx *journal.Tx) error {
			g, err := grants.Get(t.Context(), tx, id)
			if err == nil {
				_, err = grants.Update(t.Context(), tx, g, g.Tighten(tx.Now.Add(time.Minute)))
			}
			return err
		}, func() error {
			_, err := h.engine.Access.Return(t.Context(), actor("alice"), id, "")
			return err
		})
		h.ended(id, governance.EndReturned, governance.OutcomeRemoved)

		request := h.request("alice", "approved", "", dba)
		h.meet(func(tx *journal.Tx) error {
			var r governance.Request
			body, err := tx.GetRequest(t.Context(), string(request.ID))
			if err == nil {
				err = json.Unmarshal([]byte(body), &r)
			}
			if err != nil {
				return err
			}
			r, _, err = r.Approve(governance.Voice{Approver: "carol"}, "", tx.Now)
			if err != nil {
				return err
			}
			next, err := json.Marshal(r)
			if err != nil {
				return err
			}
			_, err = tx.UpdateRequest(t.Context(), sqlc.UpdateRequestParams{ID: string(r.ID), State: string(r.State), Deadline: store.NullMicros(r.DueAt()), Body: string(next), Was: body})
			return err
		}, func() error {
			_, err := h.engine.Access.Withdraw(t.Context(), actor("alice"), request.ID)
			return err
		})
		view, err := h.engine.Access.GetRequest(t.Context(), request.ID)
		if err != nil || view.State != governance.RequestWithdrawn || len(view.Approvals) != 1 {
			t.Errorf("the request is %s with %d approvals, %v", view.State, len(view.Approvals), err)
		}
	})
}
