package property_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/modeltarget"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// complaint is a reporter that ends a world from wherever it is called.
type complaint struct{ *testing.T }

var errComplaint = errors.New("the world ends")

func (c complaint) Fatalf(format string, args ...any) {
	panic(fmt.Errorf("%w: %s", errComplaint, fmt.Sprintf(format, args...)))
}

// live lets a world live through a story, and through its end. It returns what
// the judge said and what happened, and an error when it ended badly.
func live(t *testing.T, p plant, story func(w *world)) (heard []string, err error) {
	t.Helper()
	dir, database := onSQLite(t)
	inBubble(t, func() {
		w := &world{}
		defer func() {
			heard = append(w.heard, w.story...)
			w.close()
			if ended, ok := recover().(error); ok {
				err = ended
			}
		}()
		newWorldAt(w, complaint{t}, dir, database, p)
		w.check()
		story(w)
		w.drain()
	})
	return heard, err
}

// endsWell is a story in which no invariant breaks.
func endsWell(t *testing.T, story func(w *world)) {
	t.Helper()
	if heard, err := live(t, plant{}, story); err != nil {
		t.Errorf("%v\n%s", err, strings.Join(heard, "\n"))
	}
}

// does is a step of a story.
func (w *world) does(what string, do func(p *process) error) {
	w.Helper()
	w.tell("%s", what)
	w.must(do(w.engine(0)))
	w.check()
}

// gets is a request, and the grant that comes of it at once; empty when none does.
func (w *world) gets(who governance.IdentityID, through governance.TemplateID, id governance.EntitlementID) governance.GrantID {
	w.Helper()
	var view access.RequestView
	w.does(fmt.Sprintf("%s requests %s through %s", who, id, through), func(p *process) (err error) {
		view, err = p.Access.Request(ctx, actor(who), access.Ask{Identity: who, Template: through, Entitlements: []governance.EntitlementID{id}})
		return err
	})
	if len(view.Grants) == 0 {
		return ""
	}
	return view.Grants[0]
}

func (w *world) returns(who governance.IdentityID, id governance.GrantID) {
	w.Helper()
	w.does(fmt.Sprintf("%s returns %s", who, id), func(p *process) error {
		_, err := p.Access.Return(ctx, actor(who), id, "")
		return err
	})
}

func (w *world) asks(who governance.IdentityID, through governance.TemplateID, id governance.EntitlementID) governance.RequestID {
	w.Helper()
	var view access.RequestView
	w.does(fmt.Sprintf("%s requests %s through %s", who, id, through), func(p *process) (err error) {
		view, err = p.Access.Request(ctx, actor(who), access.Ask{Identity: who, Template: through, Entitlements: []governance.EntitlementID{id}})
		return err
	})
	return view.ID
}

func (w *world) reads(id governance.ApplicationID) func(p *process) error {
	return func(p *process) error {
		time.Sleep(time.Millisecond)
		_, err := p.Discovery.Sync(ctx, by, id)
		return err
	}
}

func (w *world) behaves(id governance.ApplicationID, mode modeltarget.Mode) {
	w.tell("%s is %s", id, mode)
	w.targets[id].Set(mode)
}

// A revocation that failed is tried again in time although the clock is behind.
func TestRevocationIsRetriedWhileTheClockIsBehind(t *testing.T) {
	endsWell(t, func(w *world) {
		id := w.gets("alice", "auto", betaPay)
		w.pass(time.Minute)
		w.behaves(beta, modeltarget.Down)
		w.clock.set(-30 * time.Minute)
		w.returns("alice", id)
		w.behaves(beta, modeltarget.Up)
		time.Sleep(longestPause)
		w.broken(w.judge.taken()...)
	})
}

// What a process held that was killed is free again although the clock is behind.
func TestLeaseOfTheDeadRunsOutWhileTheClockIsBehind(t *testing.T) {
	for fuse := range 12 {
		endsWell(t, func(w *world) {
			id := w.gets("alice", "auto", betaPay)
			w.pass(time.Minute)
			w.clock.set(-30 * time.Minute)
			w.processes[0].life.light(fuse + 1)
			w.tell("alice returns it")
			if _, err := w.engine(0).Access.Return(ctx, actor("alice"), id, ""); err != nil && !errors.Is(err, errKilled) {
				w.must(err)
			}
			w.check()
			time.Sleep(longestPause)
			w.broken(w.judge.taken()...)
		})
	}
}

// A grant that the target gives only when it has already been taken back is
// nothing that stood before the next one.
func TestRightThatComesLateIsNotTakenForStanding(t *testing.T) {
	endsWell(t, func(w *world) {
		w.behaves(beta, modeltarget.Late)
		first := w.gets("alice", "auto", betaPay)
		w.behaves(beta, modeltarget.Up)
		w.returns("alice", first)
		time.Sleep(modeltarget.Bound / 2)
		w.check()
		w.gets("alice", "auto", betaPay)
	})
}

// A second read is made in time although changes of the same target, which go
// before it, get no answer.
func TestSecondReadIsNotHeldUpByChangesWithoutAnAnswer(t *testing.T) {
	endsWell(t, func(w *world) {
		w.returns("alice", w.gets("alice", "auto", betaPay))
		w.behaves(beta, modeltarget.Late)
		for _, who := range []governance.IdentityID{"alice", "bob", "carol", "dave", "bot"} {
			w.gets(who, "auto", betaPay)
		}
		time.Sleep(6 * longestPause)
		f, err := look(w.db, map[string]bool{})
		w.must(err)
		for _, o := range f.operations {
			if o.kind == string(grants.OperationVerify) {
				w.broken(fmt.Sprintf("3 ended means read back: the second read of grant %s is not made", o.grant))
			}
		}
	})
}

// What somebody else gives is seen although a grant of it is to begin later.
func TestScheduledGrantHidesNoStandingPrivilege(t *testing.T) {
	endsWell(t, func(w *world) {
		later := w.clock.Now().Add(time.Hour)
		w.does("alice requests it for later", func(p *process) error {
			_, err := p.Access.Request(ctx, actor("alice"), access.Ask{Identity: "alice", Template: "auto", Entitlements: []governance.EntitlementID{betaPay}, NotBefore: &later})
			return err
		})
		w.targets[beta].Give(modeltarget.Key{Account: "alice", Entitlement: native(betaPay)}, never)
		before := w.judge.last
		w.judge.synced(beta, before, w.reads(beta)(w.engine(0)))
	})
}

// The second read of a grant that is over leaves alone what a later one has given.
func TestSecondReadLeavesWhatALaterGrantHolds(t *testing.T) {
	endsWell(t, func(w *world) {
		w.returns("alice", w.gets("alice", "auto", betaPay))
		w.gets("alice", "auto", betaPay)
		w.pass(time.Minute)
		w.check()
	})
}

// A target that did not answer is probed in time although the clock was set back.
func TestTargetIsProbedAfterTheClockWasSetBack(t *testing.T) {
	endsWell(t, func(w *world) {
		id := w.gets("alice", "auto", betaPay)
		w.pass(time.Minute)
		w.behaves(beta, modeltarget.Down)
		w.returns("alice", id)
		time.Sleep(longestPause)
		w.clock.set(-30 * time.Minute)
		w.behaves(beta, modeltarget.Up)
		time.Sleep(longestPause)
		w.broken(w.judge.taken()...)
	})
}

// A process that dies in a read has taken over all that it read, or nothing.
func TestReadThatDiesIsWholeOrNothing(t *testing.T) {
	for fuse := range 8 {
		endsWell(t, func(w *world) {
			w.targets[alpha].Take(modeltarget.Key{Account: "bob", Entitlement: native(alphaRead)})
			w.targets[alpha].DropAccount("c01")
			before := w.judge.last
			w.tell("the process dies in %d", fuse+1)
			w.processes[0].life.light(fuse + 1)
			err := w.reads(alpha)(w.engine(0))
			w.settle()
			w.judge.synced(alpha, before, err)
		})
	}
}

// A read that is not taken over leaves alone what the end of a grant reads meanwhile.
func TestReadThatIsNotBelievedWhileAGrantEnds(t *testing.T) {
	endsWell(t, func(w *world) {
		id := w.gets("alice", "auto", alphaAdmin)
		w.behaves(alpha, modeltarget.Slow)
		for _, name := range crowd {
			w.targets[alpha].DropAccount(name)
		}
		w.returns("alice", id)
		before := w.judge.last
		time.Sleep(modeltarget.Slowness * 3 / 2)
		err := w.reads(alpha)(w.engine(0))
		if !fault.Is(err, fault.Conflict) {
			w.Fatalf("the read is taken over: %v", err)
		}
		w.judge.synced(alpha, before, err)
	})
}

// What somebody takes is seen to be gone although a grant of it ended, by the time that
// was, after the moment that a clock which is behind says it is now.
func TestReadSeesWhatIsGoneWhileTheClockIsBehind(t *testing.T) {
	endsWell(t, func(w *world) {
		w.returns("bob", w.gets("bob", "auto", alphaRead))
		w.pass(10 * time.Second)
		w.clock.set(-10 * time.Minute)
		w.pass(10 * time.Second)
		w.targets[alpha].Take(modeltarget.Key{Account: "bob", Entitlement: native(alphaRead)})
		before := w.judge.last
		w.judge.synced(alpha, before, w.reads(alpha)(w.engine(0)))
	})
}

// A grant that the target never gave takes along what another one left to it.
func TestGrantThatWasNeverGivenTakesAlongWhatItCovers(t *testing.T) {
	endsWell(t, func(w *world) {
		covered := w.gets("bob", "auto", alphaAdmin)
		w.behaves(alpha, modeltarget.Ignoring)
		covers := w.gets("bob", "auto", alphaAdminOf)
		w.returns("bob", covered)
		w.behaves(alpha, modeltarget.Up)
		w.returns("bob", covers)
	})
}
