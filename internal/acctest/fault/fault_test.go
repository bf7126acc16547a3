package fault_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

const (
	billing = governance.ApplicationID("billing")
	ledger  = governance.ApplicationID("ledger")
)

// course is what the evidence tells of a grant that went as it should.
var course = []string{"grant.scheduled", "grant.provisioning", "grant.activated", "grant.revoking", "grant.ended"}

func begins(statement, word string) bool {
	return len(statement) >= len(word) && strings.EqualFold(statement[:len(word)], word)
}

//nolint:tparallel // both stores run side by side in it already
func TestRevocationOutlastsThreeDaysWithoutItsTarget(t *testing.T) {
	type outage struct {
		name  string
		begin func(*fault.Wire)
	}
	outages := []outage{{"resets", (*fault.Wire).Reset}}
	if os.Getenv("STINT_SOAK") != "" {
		outages = append(outages, outage{"silence", (*fault.Wire).Swallow}) // each call waits for its own bound
	}
	for _, outage := range outages {
		t.Run(outage.name, func(t *testing.T) {
			onBothStores(t, func(t *testing.T, h *harness) {
				wire := fault.NewWire(t, h.address())
				h.declare(time.Second, map[governance.ApplicationID]int{billing: wire.Port()})
				id := h.granted("alice", billing)
				outage.begin(wire)
				due := h.grant(id).NotAfter
				h.clock.Advance(due.Sub(h.clock.Now()))
				for range 3 {
					tried := h.grant(id).Attempts
					h.until("it is tried again", func() bool { return h.grant(id).Attempts > tried })
					h.clock.Advance(24 * time.Hour)
				}
				if g := h.grant(id); g.State != governance.GrantRevoking || g.LastError == "" || !h.holds("alice", billing) {
					t.Errorf("in the outage the grant is %s, error %q, held %t", g.State, g.LastError, h.holds("alice", billing))
				}
				if !h.overdue(billing) {
					t.Error("nothing says that the revocation is overdue")
				}
				wire.Heal()
				h.untilState(id, governance.GrantEnded)
				if h.holds("alice", billing) || h.overdue(billing) {
					t.Errorf("after the outage it is held: %t, overdue: %t", h.holds("alice", billing), h.overdue(billing))
				}
				if g := h.grant(id); g.EndReason != governance.EndExpired || g.Outcome != governance.OutcomeRemoved || g.EndedAt.Sub(due) < 72*time.Hour {
					t.Errorf("it ended because %s with outcome %s, %s after it was due", g.EndReason, g.Outcome, g.EndedAt.Sub(due))
				}
				if story := h.story(id); !slices.Equal(story, course) {
					t.Errorf("the evidence tells %v", story)
				}
			})
		})
	}
}

// Whichever statement of a call a reset meets (every third of them, but in the soak), before the target heard of it or after
// it was done, the grant comes to its state and to its end.
func TestCallsThatAreResetAnywhereAreMadeGood(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		proxy := fault.NewStatements(t, h.address())
		h.declare(10*time.Second, map[governance.ApplicationID]int{billing: proxy.Port()})
		step := 3
		if os.Getenv("STINT_SOAK") != "" {
			step = 1
		}
		for _, fate := range []fault.Fate{fault.Drop, fault.Lose} {
			for k := 0; ; k += step {
				var mu sync.Mutex
				seen, met := 0, ""
				proxy.Decide(func(statement string) fault.Fate {
					mu.Lock()
					defer mu.Unlock()
					seen++
					if seen-1 != k {
						return fault.Pass
					}
					met = statement
					return fate
				})
				id := h.granted("alice", billing)
				if !h.holds("alice", billing) {
					t.Fatalf("%d at %d: it counts as given, and is not", fate, k)
				}
				h.giveBack("alice", id)
				h.untilState(id, governance.GrantEnded)
				if h.holds("alice", billing) {
					t.Fatalf("%d at %d, %q: it counts as ended, and stands", fate, k, met)
				}
				if story := h.story(id); !slices.Equal(slices.DeleteFunc(story, func(kind string) bool { return kind == "grant.sessions_ended" }), course) {
					t.Errorf("%d at %d, %q: the evidence tells %v", fate, k, met, story)
				}
				h.allDone()
				mu.Lock()
				last := met == ""
				mu.Unlock()
				if last {
					if k < 10 {
						t.Errorf("only %d statements were met", k)
					}
					break
				}
			}
		}
	})
}

// A GRANT waits on a lock in the target while its connection is lost, and is done
// when all is over.
func TestRightThatLandsAfterItsRevocationIsTakenBack(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		proxy := fault.NewStatements(t, h.address())
		h.declare(30*time.Second, map[governance.ApplicationID]int{billing: proxy.Port()})
		lock, err := h.target.Connect(t, "postgres").Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lock.Exec(t.Context(), `LOCK TABLE pg_auth_members IN SHARE MODE`); err != nil {
			t.Fatal(err)
		}
		orphaned := make(chan struct{})
		var once sync.Once
		proxy.Decide(func(statement string) (fate fault.Fate) {
			if begins(statement, "GRANT") {
				once.Do(func() { fate = fault.Orphan; close(orphaned) })
			}
			return fate
		})
		id := h.request("alice", billing)
		<-orphaned
		h.wait("the GRANT waits on the lock", 0, h.waitsOnLock)
		if _, err := h.engine.Access.Revoke(t.Context(), by, id, ""); err != nil {
			t.Fatal(err)
		}
		h.until("it is over", func() bool { return !h.grant(id).State.Live() })
		if g := h.grant(id); g.State != governance.GrantProvisionFailed || h.holds("alice", billing) {
			t.Errorf("it came out as %s, held %t", g.State, h.holds("alice", billing))
		}
		if err := lock.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.wait("the GRANT lands", 0, func() bool { return h.holds("alice", billing) })
		h.clock.Advance(2 * time.Minute) // the second read
		h.until("the right is taken back", func() bool { return !h.holds("alice", billing) })
		h.allDone()
		story := h.story(id)
		if h.holds("alice", billing) || !slices.Contains(story, "grant.resurfaced") || !slices.Contains(story, "grant.removed_again") || slices.Contains(story, "grant.activated") {
			t.Errorf("held %t, and the evidence tells %v", h.holds("alice", billing), story)
		}
	})
}

func TestGrantThatIsAcceptedAndIgnoredIsNeverActive(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		proxy := fault.NewStatements(t, h.address())
		h.declare(10*time.Second, map[governance.ApplicationID]int{billing: proxy.Port()})
		proxy.Decide(ignoring("GRANT"))
		id := h.request("alice", billing)
		h.until("it was tried", func() bool { return h.grant(id).Attempts > 1 })
		if g := h.grant(id); g.State != governance.GrantProvisioning || !strings.Contains(g.LastError, "does not show it") {
			t.Errorf("the target shows nothing, and the grant is %s: %s", g.State, g.LastError)
		}
		h.clock.Advance(15 * time.Minute)
		h.untilState(id, governance.GrantProvisionFailed)
		h.allDone()
		if h.holds("alice", billing) {
			t.Error("it is held after all")
		}
		if story := h.story(id); slices.Contains(story, "grant.activated") {
			t.Errorf("the evidence tells %v", story)
		}
	})
}

func TestRevocationThatIsAcceptedAndIgnoredIsNotBelieved(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		proxy := fault.NewStatements(t, h.address())
		h.declare(10*time.Second, map[governance.ApplicationID]int{billing: proxy.Port()})
		id := h.granted("alice", billing)
		proxy.Decide(ignoring("REVOKE"))
		h.giveBack("alice", id)
		h.until("it was tried", func() bool { return h.grant(id).Attempts > 1 })
		h.clock.Advance(governance.OverdueAfter)
		h.until("it is overdue", func() bool { return h.overdue(billing) })
		if g := h.grant(id); g.State != governance.GrantRevoking || !strings.Contains(g.LastError, "still holds") || !h.holds("alice", billing) {
			t.Errorf("the grant is %s: %s", g.State, g.LastError)
		}
		proxy.Decide(nil)
		h.untilState(id, governance.GrantEnded)
		if story := h.story(id); h.holds("alice", billing) || !slices.Equal(story, course) {
			t.Errorf("held %t, and the evidence tells %v", h.holds("alice", billing), story)
		}
	})
}

func ignoring(word string) func(string) fault.Fate {
	return func(statement string) fault.Fate {
		if begins(statement, word) {
			return fault.Ignore
		}
		return fault.Pass
	}
}

func TestRevocationOutlastsPermissionsThatWereWithdrawn(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare(10*time.Second, map[governance.ApplicationID]int{billing: h.target.Port()})
		id := h.granted("alice", billing)
		withdraw, restore, lacks := `ALTER ROLE stint NOCREATEROLE`, `ALTER ROLE stint CREATEROLE`, "needs the admin option"
		if h.target.Version() >= 160000 {
			withdraw, restore, lacks = `REVOKE access_granting FROM stint`, `GRANT access_granting TO stint`, `GRANTED BY "access_granting"`
		}
		if err := h.exec(withdraw); err != nil {
			t.Fatal(err)
		}
		h.giveBack("alice", id)
		h.until("it was tried", func() bool { return h.grant(id).Attempts > 1 })
		h.clock.Advance(governance.OverdueAfter)
		h.until("it is overdue", func() bool { return h.overdue(billing) })
		if g := h.grant(id); g.State != governance.GrantRevoking || !strings.Contains(g.LastError, lacks) || !h.holds("alice", billing) {
			t.Errorf("the grant is %s: %s", g.State, g.LastError)
		}
		refused := h.request("bob", billing)
		h.untilState(refused, governance.GrantProvisionFailed)
		if g := h.grant(refused); h.holds("bob", billing) || !strings.Contains(g.EndDetail, "needs the admin option") {
			t.Errorf("held %t, because %q", h.holds("bob", billing), g.EndDetail)
		}
		if err := h.exec(restore); err != nil {
			t.Fatal(err)
		}
		h.untilState(id, governance.GrantEnded)
		if story := h.story(id); h.holds("alice", billing) || !slices.Equal(story, course) {
			t.Errorf("held %t, and the evidence tells %v", h.holds("alice", billing), story)
		}
	})
}

// What an account made with a right does not keep the right; it keeps the role, and
// the account, from being dropped.
func TestWhatAnAccountOwnsDoesNotHoldItsRightUp(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare(10*time.Second, map[governance.ApplicationID]int{billing: h.target.Port()})
		for _, statement := range []string{`GRANT CREATE ON SCHEMA public TO billing_admin, alice`} {
			if err := h.exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		id := h.granted("alice", billing)
		for _, statement := range []string{`SET ROLE alice`, `CREATE TABLE hers ()`, `SET ROLE billing_admin`, `CREATE TABLE theirs ()`, `RESET ROLE`} {
			if err := h.exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		for _, role := range []string{"alice", "billing_admin"} {
			if err := h.exec(`DROP ROLE ` + role); err == nil || !strings.Contains(err.Error(), "2BP01") {
				t.Fatalf("drop %s, who owns something: %v", role, err)
			}
		}
		h.giveBack("alice", id)
		h.untilState(id, governance.GrantEnded)
		if g := h.grant(id); h.holds("alice", billing) || g.Outcome != governance.OutcomeRemoved {
			t.Errorf("held %t, outcome %s", h.holds("alice", billing), g.Outcome)
		}
		h.allDone()

		again := h.granted("alice", billing)
		for _, statement := range []string{`DROP OWNED BY alice, billing_admin`, `DROP ROLE billing_admin`} {
			if err := h.exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		h.giveBack("alice", again)
		h.untilState(again, governance.GrantEnded)
		if g := h.grant(again); g.Outcome != governance.OutcomeRemovedElsewhere && g.Outcome != governance.OutcomeRemoved {
			t.Errorf("the role is gone, and the outcome is %s", g.Outcome)
		}
		if story := h.story(again); !slices.Equal(story, course) {
			t.Errorf("the evidence tells %v", story)
		}
	})
}

func TestSlowTargetDelaysNoOther(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		wire := fault.NewWire(t, h.address())
		for i := range slowOnes {
			if err := h.exec(fmt.Sprintf(`CREATE ROLE slow%d LOGIN`, i)); err != nil {
				t.Fatal(err)
			}
		}
		h.declare(30*time.Second, map[governance.ApplicationID]int{billing: wire.Port(), ledger: h.target.Port()})
		var slow []governance.GrantID
		for i := range slowOnes {
			name := fmt.Sprintf("slow%d", i)
			h.person(name)
			slow = append(slow, h.granted(name, billing))
		}
		fast := h.granted("alice", ledger)
		wire.Delay(20 * time.Second)
		h.clock.Advance(h.grant(fast).NotAfter.Sub(h.clock.Now()))
		h.untilState(fast, governance.GrantEnded)
		if h.holds("alice", ledger) {
			t.Error("the fast one still holds")
		}
		for _, id := range slow {
			if g := h.grant(id); g.State != governance.GrantRevoking {
				t.Errorf("a slow one is %s before the fast one was over: the target is not slow", g.State)
			}
		}
		wire.Heal()
		for i, id := range slow {
			h.untilState(id, governance.GrantEnded)
			if h.holds(fmt.Sprintf("slow%d", i), billing) {
				t.Errorf("slow%d still holds", i)
			}
		}
		if story := h.story(fast); !slices.Equal(story, course) {
			t.Errorf("the evidence tells %v", story)
		}
	})
}

// slowOnes is more than run at once in one target.
const slowOnes = 12
