package property_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/modeltarget"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// later is a request for half an hour later, and the grant that comes of it.
func (w *world) later(who governance.IdentityID, through governance.TemplateID, id governance.EntitlementID) governance.GrantID {
	w.Helper()
	begins := w.judge.last.now(w.clock.Now()).Add(30 * time.Minute)
	var view access.RequestView
	w.does(string(who)+" requests "+string(id)+" for later", func(p *process) (err error) {
		view, err = p.Access.Request(ctx, actor(who), access.Ask{Identity: who, Template: through, Entitlements: []governance.EntitlementID{id}, NotBefore: &begins})
		return err
	})
	return view.Grants[0]
}

// A grant that is to begin later in an account that Stint has made does not keep it;
// where its own template makes none, there is nothing that it could be given in.
func TestScheduledGrantIsCancelledWithTheMadeAccountItNeeds(t *testing.T) {
	endsWell(t, func(w *world) {
		first := w.gets("erin", "newcomer", alphaRead)
		waits, makes := w.later("erin", "auto", alphaWrite), w.later("erin", "newcomer", alphaAdmin)
		w.returns("erin", first)
		if g := w.judge.last.grants[waits]; g.State != governance.GrantCancelled {
			w.Fatalf("without an account it is %s", g.State)
		}
		if g := w.judge.last.grants[makes]; g.State != governance.GrantScheduled {
			w.Fatalf("what has its account made is %s", g.State)
		}
		w.pass(31 * time.Minute)
		w.check()
		if g := w.judge.last.grants[makes]; g.State != governance.GrantActive {
			w.Fatalf("its time has come, and it is %s", g.State)
		}
	})
}

// An account whose making or removing fails in whatever way is made, and gone in the
// end.
func TestMadeAccountComesAndGoesInATargetThatFails(t *testing.T) {
	modes := []modeltarget.Mode{modeltarget.Lost, modeltarget.Late}
	if os.Getenv("STINT_SOAK") != "" {
		modes = modeltarget.Modes()
	}
	for _, mode := range modes {
		t.Run(string(mode), func(t *testing.T) {
			endsWell(t, func(w *world) {
				w.behaves(beta, mode)
				id := w.gets("erin", "newcomer", betaPay)
				w.behaves(beta, modeltarget.Up)
				time.Sleep(longestPause)
				w.check()
				w.behaves(beta, mode)
				if w.judge.last.grants[id].State.Live() {
					w.returns("erin", id)
				}
				time.Sleep(modeltarget.Bound)
				w.check()
				again := w.gets("erin", "newcomer", betaApprove)
				w.behaves(beta, modeltarget.Up)
				time.Sleep(longestPause)
				w.check()
				if w.judge.last.grants[again].State.Live() {
					w.returns("erin", again)
				}
			})
		})
	}
}

// A process that dies anywhere around the making and the removing of an account leaves
// neither it nor a right in it.
func TestMadeAccountOutlivesNoProcess(t *testing.T) {
	every := 7
	if os.Getenv("STINT_SOAK") != "" {
		every = 1
	}
	for fuse := 2; fuse < 24; fuse += every {
		endsWell(t, func(w *world) {
			w.processes[0].life.light(fuse)
			w.tell("the process dies in %d", fuse)
			_, err := w.engine(0).Access.Request(ctx, actor("erin"), access.Ask{Identity: "erin", Template: "newcomer", Entitlements: []governance.EntitlementID{betaPay}})
			if err != nil && !errors.Is(err, errKilled) {
				w.must(err)
			}
			w.check()
			time.Sleep(longestPause)
			w.check()
			for _, id := range sortedKeys(w.judge.last.grants) {
				if w.judge.last.grants[id].State != governance.GrantActive {
					w.Fatalf("it is %s", w.judge.last.grants[id].State)
				}
				w.processes[0].life.light(fuse)
				w.tell("erin returns it; the process dies in %d", fuse)
				if _, err := w.engine(0).Access.Return(ctx, actor("erin"), id, ""); err != nil && !errors.Is(err, errKilled) {
					w.must(err)
				}
				w.check()
				time.Sleep(longestPause)
				w.broken(w.judge.taken()...)
			}
		})
	}
}

// What somebody else has given an account that Stint has made keeps it, locked and with
// a finding, until that is gone.
func TestWhatOthersGaveKeepsAMadeAccountLocked(t *testing.T) {
	endsWell(t, func(w *world) {
		id := w.gets("erin", "newcomer", alphaRead)
		others := modeltarget.Key{Account: "erin", Entitlement: native(alphaAdmin)}
		w.targets[alpha].Give(others, never)
		w.returns("erin", id)
		if left, err := w.judge.left(); err != nil || !left["alpha/erin"] || !w.locked(alpha)["alpha/erin"] {
			w.Fatalf("locked %v, findings %v, %v", w.locked(alpha), left, err)
		}
		again := w.gets("erin", "newcomer", alphaWrite)
		if w.judge.last.grants[again].State != governance.GrantActive || w.locked(alpha)["alpha/erin"] {
			w.Fatalf("it is asked for again, and the grant is %s", w.judge.last.grants[again].State)
		}
		w.returns("erin", again)
		w.targets[alpha].Take(others)
		w.does("a read without it", w.reads(alpha))
		if left, err := w.judge.left(); err != nil || len(left) > 0 || w.targets[alpha].HasAccount("erin") {
			w.Fatalf("it is left: %v, %v", left, err)
		}
	})
}

// An account that Stint has made, that somebody removes and makes anew, is theirs.
func TestAccountThatOthersMadeInItsPlaceIsLeftAlone(t *testing.T) {
	endsWell(t, func(w *world) {
		id := w.gets("erin", "newcomer", alphaRead)
		w.judge.dropped(func(h held) bool { return h.account == "alpha/erin" })
		w.targets[alpha].DropAccount("erin")
		w.targets[alpha].AddAccount("erin")
		w.returns("erin", id)
		if !w.targets[alpha].HasAccount("erin") || len(w.targets[alpha].Made()) > 0 {
			w.Fatalf("somebody else's account is gone, or taken for Stint's")
		}
	})
}
