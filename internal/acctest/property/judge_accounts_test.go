package property_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/modeltarget"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// rests reports whether a grant may have something in an account, so that the account
// must be there.
func rests(g governance.Grant, on governance.AccountID) bool { return g.Account == on && called(g) }

// calledFor hears of each call to make or to remove an account when it begins.
func (j *judge) calledFor(application governance.ApplicationID, c modeltarget.AccountCall) {
	f, err := look(j.w.db, map[string]bool{})
	if err != nil {
		j.guard.add("look: %v", err)
		return
	}
	kind, states := string(grants.OperationMakeAccount), []governance.MadeAccountState{governance.AccountCreating}
	if c.Remove {
		kind, states = string(grants.OperationRemoveAccount), []governance.MadeAccountState{governance.AccountRemoving, governance.AccountLocked, governance.AccountRemoved}
	}
	j.w.tell("    %s is called to %s %s", application, kind, c.Name)
	a, known := f.made[governance.MadeAccountID(c.Mark)]
	if !known || !slices.Contains(states, a.State) || !slices.ContainsFunc(f.operations, func(o operationRow) bool { return o.kind == kind && o.called && o.account == a.Account }) {
		j.guard.add("1 intent first: %s is called to %s %s, and what is committed says %q", application, kind, c.Name, a.State)
	}
	now := f.now(j.w.clock.Now())
	waited := false
	for id, g := range f.grants {
		if c.Remove && rests(g.Grant, a.Account) {
			j.guard.add("4 coverage: account %s is removed while %s grant %s rests on it", a.Account, g.State, id)
		}
		waited = waited || g.MadeAccount == a.ID && g.State == governance.GrantScheduled && !g.NotBefore.After(now)
	}
	if !c.Remove && !waited {
		j.guard.add("1 intent first: account %s is made, and no grant that has begun waits for it", a.Account)
	}
}

// accounts is what holds for the accounts that Stint makes: the invariants 4, 8 and 9
// are about them as they are about what stands in them.
func (j *judge) accounts(f facts, add func(string, ...any)) {
	for application, target := range j.w.targets {
		for _, name := range target.Evicted() {
			add("4 coverage: account %s of %s is somebody else's, and was removed", name, application)
		}
		for _, there := range target.Made() {
			a, known := f.made[governance.MadeAccountID(there.Mark)]
			if !known {
				add("9 nothing is stranded: %s has account %s, which Stint has made and does not know", application, there.Name)
				continue
			}
			j.watched(f, a.MadeAccount, there, add)
		}
	}
	told, reset := map[governance.MadeAccountID][]string{}, false
	for _, r := range f.records {
		reset = reset || r.subject == "clock mark"
		if r.mark != "" {
			told[r.mark] = append(told[r.mark], r.kind)
		}
	}
	for id, a := range f.made {
		// Time that is taken back moves what was noted in it, which is told once for all.
		if was := j.last.made[id]; !reset || was.State != a.State {
			j.tells(a, was, told[id], add)
		}
	}
	for id := range j.last.made {
		if _, still := f.made[id]; !still {
			add("9 nothing is stranded: what is known of account %s is forgotten", j.last.made[id].Account)
		}
	}
}

// watched judges an account that Stint has made and that is there.
func (j *judge) watched(f facts, a governance.MadeAccount, there modeltarget.Made, add func(string, ...any)) {
	now, needed := f.now(j.w.clock.Now()), false
	for id, g := range f.grants {
		if g.Account != a.Account {
			continue
		}
		needed = needed || g.NeedsAccount(now)
		if there.Locked && g.State == governance.GrantActive && !j.disturbed[id] {
			add("4 coverage: %s is active, and its account %s is locked", id, a.Account)
		}
	}
	// A clock that was set back may stand before a grant that has begun.
	goesOn := slices.ContainsFunc(f.operations, func(o operationRow) bool {
		return o.account == a.Account && (o.kind == string(grants.OperationRemoveAccount) || o.kind == string(grants.OperationMakeAccount) && o.called)
	})
	if !needed && !goesOn && a.State != governance.AccountAbandoned && (a.State != governance.AccountLocked || !there.Locked) {
		add("9 nothing is stranded: account %s was made by Stint and is %s, no grant needs it, and no operation is there to remove it", a.Account, a.State)
	}
}

// tells compares what became of a made account with its evidence.
func (j *judge) tells(a, was madeRow, kinds []string, add func(string, ...any)) {
	// That people gave up another read of what was seen gone changes nothing of it.
	changes := slices.DeleteFunc(slices.Clone(kinds), func(kind string) bool { return kind == "account.read_abandoned" })
	if (a.body != was.body) != (len(changes) > 0) {
		add("8 one record for each change: account %s went from %q to %q, and the evidence tells %v", a.Account, was.State, a.State, kinds)
	}
	all := j.told[a.ID]
	if all == nil {
		all = map[string]bool{}
		j.told[a.ID] = all
	}
	for _, kind := range kinds {
		all[kind] = true
	}
	if a.State != was.State && !slices.ContainsFunc(kinds, func(kind string) bool { return strings.TrimSuffix(kind, "_again") == "account."+string(a.State) }) {
		add("8 one record for each change: account %s is %s, and the evidence tells %v", a.Account, a.State, kinds)
	}
	if a.MadeAt != nil && (!all["account.creating"] || !all["account.made"]) {
		add("8 one record for each change: account %s was made, and the evidence tells %v", a.Account, slices.Sorted(maps.Keys(all)))
	}
}

// made is how many accounts Stint has made.
func (j *judge) made() (n int) {
	for _, kinds := range j.told {
		if kinds["account.made"] {
			n++
		}
	}
	return n
}

// accountsTaken judges which accounts must have been removed by now.
func (j *judge) accountsTaken(f facts) (problems []string) {
	for _, a := range f.made {
		needed := false
		for _, g := range f.grants {
			needed = needed || g.Account == a.Account && g.NeedsAccount(f.now(j.w.clock.Now()))
		}
		if mode := j.w.targets[a.Application].Mode(); a.State == governance.AccountRemoving && !needed && mode == modeltarget.Up {
			problems = append(problems, fmt.Sprintf("3 ended means read back: account %s is to be removed since %s, its target answers, and nothing happens", a.Account, a.RemovingAt))
		}
	}
	return problems
}

// accountsOver judges the end: of what Stint has made only that is left which people
// gave up, or have to decide about and are told of.
func (j *judge) accountsOver(add func(string, ...any)) {
	left, err := j.left()
	if err != nil {
		add("13 complete or failed: findings: %v", err)
	}
	truth := j.w.truth()
	for application, target := range j.w.targets {
		for _, there := range target.Made() {
			account := governance.NewAccountID(application, there.Name)
			kept := there.Locked && slices.ContainsFunc(slices.Collect(maps.Keys(truth)), func(h held) bool { return h.account == account })
			switch a := j.last.made[governance.MadeAccountID(there.Mark)]; {
			case !left[account]:
				add("9 nothing is stranded: account %s was made by Stint, is left, and no finding says so", account)
			case a.State != governance.AccountAbandoned && !kept:
				add("3 ended means read back: every grant is over, and account %s, which Stint has made, is still there and holds nothing", account)
			}
		}
	}
	for _, a := range j.last.made {
		switch a.State {
		case governance.AccountRemoved, governance.AccountCancelled, governance.AccountLocked, governance.AccountAbandoned:
		default:
			add("3 ended means read back: every grant is over, and account %s is %s", a.Account, a.State)
		}
	}
}

// left are the accounts of which the finding says that they are left.
func (j *judge) left() (map[governance.AccountID]bool, error) {
	found, _, err := j.w.engine(0).Discovery.Findings(ctx, "", governance.FindingAccountLeft)
	left := map[governance.AccountID]bool{}
	for _, finding := range found {
		left[finding.Account] = true
	}
	return left, err
}

// locked are the accounts of a target that Stint has made and that nobody can use.
func (w *world) locked(application governance.ApplicationID) map[governance.AccountID]bool {
	locked := map[governance.AccountID]bool{}
	for _, a := range w.targets[application].Made() {
		if a.Locked {
			locked[governance.NewAccountID(application, a.Name)] = true
		}
	}
	return locked
}

// madeAway reports whether Stint has taken an account away that it had made.
func madeAway(f facts, id governance.AccountID) bool {
	for _, a := range f.made {
		if a.Account == id && (a.State == governance.AccountRemoved || a.State == governance.AccountLocked) {
			return true
		}
	}
	return false
}
