package engine_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// calling is an actor who has named what they ask for.
func calling(name, key, digest string) journal.Actor {
	who := actor(name)
	who.Call = journal.Call{Key: key, Digest: digest}
	return who
}

// known reports whether a call of somebody's would be known again.
func (h *harness) known(who, key string) (is bool) {
	h.t.Helper()
	if err := h.engine.Journal.Read(h.t.Context(), func(tx *journal.Tx) error {
		_, err := tx.GetCall(h.t.Context(), sqlc.GetCallParams{IdentityID: who, Key: key})
		is = err == nil
		return nil
	}); err != nil {
		h.t.Fatal(err)
	}
	return is
}

func (h *harness) requests() int {
	h.t.Helper()
	list, err := h.engine.Access.ListRequests(h.t.Context(), access.RequestFilter{})
	if err != nil {
		h.t.Fatal(err)
	}
	return len(list)
}

func TestCallThatComesAgainIsDoneOnce(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		ask := func(by journal.Actor) access.RequestView {
			t.Helper()
			view, err := h.engine.Access.Request(t.Context(), by, askAuto(string(by.Identity), dba))
			if err != nil {
				t.Fatal(err)
			}
			return view
		}
		first := ask(calling("alice", "k", "a"))
		h.untilState(first.Grants[0], governance.GrantActive)
		if again := ask(calling("alice", "k", "a")); again.ID != first.ID || len(again.Grants) != 1 || again.Grants[0] != first.Grants[0] {
			t.Errorf("it is answered with %+v, not %+v", again, first)
		}
		if h.requests() != 1 || len(h.evidenceOf("request.granted", string(first.ID))) != 1 {
			t.Errorf("%d requests were made", h.requests())
		}
		if _, err := h.engine.Access.Request(t.Context(), calling("alice", "k", "b"), askAuto("alice", reader)); !fault.Is(err, fault.Invalid) {
			t.Errorf("another call with the key: %v", err)
		}
		ask(calling("bob", "k", "a")) // another's key is another
		ask(calling("alice", "l", "a"))
		ask(actor("alice"))
		if h.requests() != 4 {
			t.Errorf("%d requests were made", h.requests())
		}

		h.clock.Advance(journal.CallKnownFor)
		if later := ask(calling("alice", "k", "b")); later.ID == first.ID {
			t.Error("a call is known for longer than a day")
		}
		if err := h.engine.Journal.ForgetCalls(t.Context()); err != nil || h.known("bob", "k") || !h.known("alice", "k") {
			t.Errorf("a day later bob's call is known: %t, alice's new one: %t, %v", h.known("bob", "k"), h.known("alice", "k"), err)
		}
	})
}

func TestSameCallTwiceAtATimeIsDoneOnce(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		var wait sync.WaitGroup
		made := make([]governance.RequestID, 8)
		for i := range made {
			wait.Go(func() {
				view, err := h.engine.Access.Request(t.Context(), calling("alice", "k", "a"), askAuto("alice", dba))
				if err != nil {
					t.Error(err)
				}
				made[i] = view.ID
			})
		}
		wait.Wait()
		for _, id := range made {
			if id != made[0] {
				t.Errorf("one call made %s and %s", made[0], id)
			}
		}
		if h.requests() != 1 {
			t.Errorf("%d requests were made", h.requests())
		}
	})
}

func TestExtensionThatIsAskedForAgainExtendsOnce(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.extensible("extensible", governance.ApprovalDefinition{Automatic: true})
		id := h.request("alice", "extensible", "", dba).Grants[0]
		h.untilState(id, governance.GrantActive)
		was, more := h.grant(id).NotAfter, governance.Duration(30*time.Minute)
		for _, by := range []journal.Actor{calling("alice", "k", "a"), calling("alice", "k", "a"), calling("alice", "l", "a")} {
			if _, err := h.engine.Access.Extend(t.Context(), by, id, &more, ""); err != nil {
				t.Fatal(err)
			}
		}
		if g := h.grant(id); !g.NotAfter.Equal(was.Add(time.Hour)) {
			t.Errorf("two extensions by 30m, one of them asked for twice, took the end from %s to %s", was, g.NotAfter)
		}
	})
}

func TestEventThatIsOpenedAgainIsTheSame(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		event := governance.BusinessEvent{Name: "INC-1", Kind: governance.Incident, EndsAt: h.clock.Now().Add(time.Hour)}
		open := func(by journal.Actor) (governance.OpenEvent, error) {
			return h.engine.Access.OpenEvent(t.Context(), by, event)
		}
		other, err := open(actor("carol"))
		if err != nil {
			t.Fatal(err)
		}
		// What failed has made nothing, and is tried anew.
		if _, err := open(calling("carol", "k", "a")); !fault.Is(err, fault.AlreadyExists) {
			t.Errorf("two open events of one name: %v", err)
		}
		if _, err := h.engine.Access.CloseEvent(t.Context(), by, string(other.ID)); err != nil {
			t.Fatal(err)
		}
		opened, err := open(calling("carol", "k", "a"))
		if err != nil || opened.ID == other.ID {
			t.Fatalf("opened %s, %v", opened.ID, err)
		}
		again, err := open(calling("carol", "k", "a"))
		if err != nil || again.ID != opened.ID {
			t.Errorf("opened %s and then %s, %v", opened.ID, again.ID, err)
		}
	})
}
