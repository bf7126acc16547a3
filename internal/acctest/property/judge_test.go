package property_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/modeltarget"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// judge says which invariants are broken. Each problem begins with the number of
// the invariant as the design counts them.
type judge struct {
	w     *world
	guard guard
	known map[string]bool // records
	// last is what the last judgement saw, before the step that is judged.
	last facts
	// stood is what each target held then.
	stood map[held]modeltarget.Holding
	// disturbed are grants that somebody else, or a change that came late, may
	// have taken their right from.
	disturbed map[governance.GrantID]bool
	// others: somebody else gave something in the step that is judged.
	others map[held]bool
	// givenUp are grants that two people gave up on.
	givenUp map[governance.GrantID]bool
	// accepted: somebody let a mass change through in the step that is judged.
	accepted bool
	// ended are the grants whose end has been judged.
	ended map[governance.GrantID]bool
	// told are the kinds of evidence that there are of each made account.
	told map[governance.MadeAccountID]map[string]bool
}

func newJudge(w *world) *judge {
	return &judge{
		w: w, known: map[string]bool{}, last: facts{}, stood: map[held]modeltarget.Holding{}, disturbed: map[governance.GrantID]bool{},
		others: map[held]bool{}, ended: map[governance.GrantID]bool{}, givenUp: map[governance.GrantID]bool{},
		told: map[governance.MadeAccountID]map[string]bool{},
	}
}

// truth is who holds what in all targets.
func (w *world) truth() map[held]modeltarget.Holding {
	all := map[held]modeltarget.Holding{}
	for application, target := range w.targets {
		for k, h := range target.Held() {
			all[keyOf(application, k)] = h
		}
	}
	return all
}

func keyOf(application governance.ApplicationID, k modeltarget.Key) held {
	return held{governance.NewAccountID(application, k.Account), governance.NewEntitlementID(application, k.Entitlement.Kind, k.Entitlement.NativeID)}
}

// gives lists what a target puts on an account together with an entitlement.
func gives(id governance.EntitlementID) []governance.EntitlementID {
	if id == alphaAdminOf {
		return []governance.EntitlementID{alphaAdminOf, alphaAdmin}
	}
	return []governance.EntitlementID{id}
}

func giving(g governance.Grant, h held) bool {
	return g.Account == h.account && slices.Contains(gives(g.Entitlement), h.entitlement)
}

// called hears of each change when its call begins: the target may make it later.
func (j *judge) called(application governance.ApplicationID, c modeltarget.Call) {
	h := keyOf(application, c.Key)
	f, err := look(j.w.db, map[string]bool{})
	if err != nil {
		j.guard.add("look: %v", err)
		return
	}
	kind := "grant"
	if c.Revoke {
		kind = "revoke"
	}
	j.w.tell("    %s is called to %s %s of %s, keeping %v", application, kind, h.entitlement, h.account, c.Keep)
	if !slices.ContainsFunc(f.operations, func(o operationRow) bool {
		g := f.grants[o.grant]
		return o.kind == kind && o.called && g.Account == h.account && g.Entitlement == h.entitlement && g.State != governance.GrantScheduled
	}) {
		j.guard.add("1 intent first: the target is called to %s %s of %s, and no committed operation says so", kind, h.entitlement, h.account)
	}
	if !c.Revoke {
		for id, g := range f.grants {
			if g.State == governance.GrantProvisioning && giving(g.Grant, h) && g.NotBefore.After(f.now(j.w.clock.Now())) {
				j.guard.add("1 intent first: %s is given at %s, and is to begin at %s", id, f.now(j.w.clock.Now()), g.NotBefore)
			}
		}
		return
	}
	for _, g := range f.grants {
		if g.State != governance.GrantProvisioning && g.State != governance.GrantActive {
			continue
		}
		for _, id := range gives(h.entitlement) {
			kept := slices.ContainsFunc(c.Keep, func(e connector.Entitlement) bool {
				return slices.Contains(gives(governance.NewEntitlementID(application, e.Kind, e.NativeID)), id)
			})
			if giving(g.Grant, held{h.account, id}) && !kept {
				j.guard.add("4 coverage: %s of %s is taken away while %s grant %s covers it", id, h.account, g.State, g.ID)
			}
		}
	}
}

// judge looks at everything after a step.
func (j *judge) judge() []string {
	f, err := look(j.w.db, j.known)
	if err != nil {
		return []string{fmt.Sprintf("look: %v", err)}
	}
	truth := j.w.truth()
	problems := j.guard.take()
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	j.landed(f)
	j.ends(f, add)
	j.observed(f, truth, add)
	j.covers(f, truth, add)
	j.decided(f, add)
	j.approved(f, add)
	j.evidence(f, add)
	j.stranded(f, truth, add)
	j.complete(f, add)
	j.breaker(f, add)
	j.accounts(f, add)
	j.last, j.stood = f, truth
	clear(j.others)
	j.accepted = false
	slices.Sort(problems)
	return problems
}

// landed notes whom a change that came late may have robbed.
func (j *judge) landed(f facts) {
	for application, target := range j.w.targets {
		for _, c := range target.Landed() {
			h := keyOf(application, c.Key)
			if c.Revoke {
				j.disturb(f, h)
			} else {
				j.others[h] = true
			}
		}
	}
}

// disturb notes that a right may be gone that live grants gave.
func (j *judge) disturb(f facts, h held) {
	for id, g := range f.grants {
		if g.State.Live() && giving(g.Grant, h) {
			j.disturbed[id] = true
		}
	}
}

// ends is invariant 2: every grant ends.
func (j *judge) ends(f facts, add func(string, ...any)) {
	now := f.now(j.w.clock.Now())
	for id, g := range f.grants {
		was, known := j.last.grants[id]
		if at, due := g.DueAt(); due && !at.After(now) {
			add("2 every grant ends: %s is %s at %s, and should have ended at %s", id, g.State, now.Format(time.TimeOnly), at.Format(time.TimeOnly))
		}
		if at, due := g.DueAt(); due != g.due.Valid || due && g.due.Int64 != store.Micros(at) {
			add("2 every grant ends: the index does not know when %s is due", id)
		}
		if event, ok := f.events[g.BusinessEvent]; ok && g.State.Live() && g.State != governance.GrantRevoking && g.NotAfter.After(event.endsAt) {
			add("2 every grant ends: %s may last until %s, longer than its event, which ends at %s", id, g.NotAfter, event.endsAt)
		}
		// Time that is taken back is taken to the last second that was marked.
		if latest := g.latest(f); g.NotAfter.After(latest.Add(2 * time.Second)) {
			add("2 every grant ends: %s may last until %s; what was asked for ends at %s", id, g.NotAfter, latest)
		}
		if known && !was.State.Live() && g.State != was.State {
			add("2 every grant ends: %s was %s and is %s again", id, was.State, g.State)
		}
		if known && g.NotAfter.After(was.NotAfter) && len(g.ExtendedBy) == len(was.ExtendedBy) {
			add("2 every grant ends: the end of %s moved from %s to %s without an extension", id, was.NotAfter, g.NotAfter)
		}
	}
	for id := range j.last.grants {
		if _, still := f.grants[id]; !still {
			add("2 every grant ends: %s is forgotten", id)
		}
	}
}

// latest is when a grant ends at the latest by what was asked for.
func (g grantRow) latest(f facts) time.Time {
	r := f.requests[g.Request]
	latest := g.ActivateBy.Add(r.Duration.Std())
	if g.ActivatedAt != nil {
		latest = g.ActivatedAt.Add(r.Duration.Std())
	}
	for _, id := range g.ExtendedBy {
		by := f.requests[id]
		if by.State != governance.RequestGranted || by.Extends != g.ID {
			return g.CreatedAt
		}
		latest = latest.Add(by.Duration.Std())
	}
	return latest
}

// observed is invariants 3 and 5: what has ended is gone, and what stands is
// what it is said to be.
func (j *judge) observed(f facts, truth map[held]modeltarget.Holding, add func(string, ...any)) {
	for id, g := range f.grants {
		h := held{g.Account, g.Entitlement}
		holding, holds := truth[h]
		if g.Preexisting != nil && j.last.grants[id].Preexisting == nil {
			j.preexisting(g, add)
		}
		if g.State.Live() || g.State == governance.GrantCancelled || j.ended[id] {
			continue
		}
		j.ended[id] = true
		switch g.Outcome {
		case governance.OutcomeRemoved, governance.OutcomeRemovedElsewhere:
			if holds && !j.others[h] && !coveredBy(f, id, h) {
				add("3 ended means read back: %s ended as %s, and %s still holds %s", id, g.Outcome, h.account, h.entitlement)
			}
		case governance.OutcomeCovered:
			if !j.coveredWithin(f, id, h) {
				add("3 ended means read back: %s ended as covered, and no other grant covers it", id)
			}
		case governance.OutcomeAbandoned:
			if !j.givenUp[id] {
				add("3 ended means read back: %s ended as abandoned, and no two people gave it up", id)
			}
		case governance.OutcomePreexisting:
			if holds && !holding.Others && !coveredBy(f, id, h) {
				add("5 discovery never launders: %s ended as preexisting, and nobody but Stint has put %s on %s", id, h.entitlement, h.account)
			}
		default:
			add("3 ended means read back: %s ended with outcome %q", id, g.Outcome)
		}
	}
}

// preexisting checks what a grant is said to have found.
func (j *judge) preexisting(g grantRow, add func(string, ...any)) {
	h := held{g.Account, g.Entitlement}
	var first *grantRow
	for _, other := range j.last.grants {
		if other.ID != g.ID && called(other.Grant) && giving(other.Grant, h) {
			if other.Entitlement != g.Entitlement || other.Preexisting == nil {
				return // whose it is follows from more than one grant
			}
			first = &other
		}
	}
	if j.others[h] || j.stood[h].Spare {
		return
	}
	// What Stint has put there itself did not stand before, however late it came.
	want := j.stood[h].Others
	if first != nil {
		want = *first.Preexisting
	}
	if *g.Preexisting != want {
		add("5 discovery never launders: grant %s says that %s stood on %s before: %t, and it was %t", g.ID, h.entitlement, h.account, *g.Preexisting, want)
	}
}

// coveredBy reports whether another grant stands for a right.
func coveredBy(f facts, id governance.GrantID, h held) bool {
	for other, g := range f.grants {
		if other != id && called(g.Grant) && giving(g.Grant, h) {
			return true
		}
	}
	return false
}

// coveredWithin reports whether another grant stood for a right at some moment of
// the step that is judged.
func (j *judge) coveredWithin(f facts, id governance.GrantID, h held) bool {
	for other, g := range f.grants {
		was, known := j.last.grants[other]
		if other != id && g.Preexisting != nil && giving(g.Grant, h) && (!known || was.State.Live()) {
			return true
		}
	}
	return false
}

// covers is invariant 4: nothing is removed that another grant, or somebody from
// before, holds.
func (j *judge) covers(f facts, truth map[held]modeltarget.Holding, add func(string, ...any)) {
	for id, g := range f.grants {
		h := held{g.Account, g.Entitlement}
		if _, holds := truth[h]; g.State == governance.GrantActive && !holds && !j.disturbed[id] {
			add("4 coverage: %s is active, nobody else took %s from %s, and it is gone", id, h.entitlement, h.account)
		}
	}
	for application, target := range j.w.targets {
		for _, k := range target.Robbed() {
			add("4 coverage: %s had %s of %s before any grant, and it was taken", k.Account, k.Entitlement.NativeID, application)
		}
	}
}

// stranded is invariant 9: whatever stands by a grant is watched, and what a
// grant rests on is there.
func (j *judge) stranded(f facts, truth map[held]modeltarget.Holding, add func(string, ...any)) {
	open := map[governance.GrantID]bool{}
	for _, o := range f.operations {
		open[o.grant] = true
	}
	for id, g := range f.grants {
		if !g.State.Live() {
			continue
		}
		for _, on := range []string{"grant_template " + string(g.Template), "entitlement " + string(g.Entitlement), "application " + string(g.Application)} {
			if _, there := f.declared[on]; !there {
				add("9 nothing is stranded: %s is %s, and %s is no longer declared", id, g.State, on)
			}
		}
		if _, there := f.identities[g.Identity]; !there {
			add("9 nothing is stranded: %s is %s, and %s is no longer declared", id, g.State, g.Identity)
		}
		if g.State != governance.GrantActive && !open[id] {
			add("9 nothing is stranded: %s is %s, and no operation is there to go on with it", id, g.State)
		}
	}
	for h, holding := range truth {
		watched := holding.Others || slices.ContainsFunc(sortedKeys(f.grants), func(id governance.GrantID) bool {
			g := f.grants[id]
			return giving(g.Grant, h) && (called(g.Grant) || open[id] || g.AbandonedAt != nil)
		})
		if !watched {
			add("9 nothing is stranded: %s holds %s by Stint, and neither a live grant nor an operation knows of it", h.account, h.entitlement)
		}
	}
}

// breaker is invariant 11: most of a target does not go in one read unasked.
func (j *judge) breaker(f facts, add func(string, ...any)) {
	known, gone := map[governance.ApplicationID]int{}, map[governance.ApplicationID]int{}
	for id := range j.last.accounts {
		application, _, err := id.Split()
		if err != nil {
			add("account %s: %v", id, err)
		}
		known[application]++
		if _, still := f.accounts[id]; !still && !madeAway(f, id) {
			gone[application]++
		}
	}
	for application, n := range gone {
		if n >= governance.MassChangeFloor && 2*n > known[application] && !j.accepted {
			add("11 breaker: %d of %d accounts of %s went in one read, and nobody was asked", n, known[application], application)
		}
	}
}

// gave notes what somebody else has given.
func (j *judge) gave(application governance.ApplicationID, k modeltarget.Key) {
	h := keyOf(application, k)
	for _, id := range gives(h.entitlement) {
		j.others[held{h.account, id}] = true
	}
}

// took notes what somebody else is about to take.
func (j *judge) took(application governance.ApplicationID, k modeltarget.Key) {
	h := keyOf(application, k)
	j.dropped(func(other held) bool {
		return other.account == h.account && (slices.Contains(gives(other.entitlement), h.entitlement) || slices.Contains(gives(h.entitlement), other.entitlement))
	})
}

// dropped notes that somebody else takes rights away.
func (j *judge) dropped(gone func(held) bool) {
	for _, g := range j.last.grants {
		for _, id := range gives(g.Entitlement) {
			if h := (held{g.Account, id}); g.State.Live() && gone(h) {
				j.disturb(j.last, h)
			}
		}
	}
}

// spare reports whether what somebody else gives now may be taken back: a grant
// is on it or on what it cannot be without, or its end is still being verified.
func (j *judge) spare(h held) bool {
	return slices.ContainsFunc(gives(h.entitlement), func(with governance.EntitlementID) bool {
		return unsettled(j.last, held{h.account, with})
	})
}

// unsettled reports whether a grant gives a right, or its end is still being verified.
func unsettled(f facts, h held) bool {
	for id, g := range f.grants {
		verified := !slices.ContainsFunc(f.operations, func(o operationRow) bool { return o.grant == id })
		if giving(g.Grant, h) && (g.State.Live() || !verified) {
			return true
		}
	}
	return false
}

// synced is invariants 5 and 10: what is known of a target after a read of it.
func (j *judge) synced(application governance.ApplicationID, before facts, err error) {
	j.w.Helper()
	f, lookErr := look(j.w.db, map[string]bool{})
	if lookErr != nil {
		j.w.Fatalf("look: %v", lookErr)
	}
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if err != nil {
		// A process that dies may just have committed what it read, and a grant may have
		// ended meanwhile, which was read back: that is what is really there.
		died, truth := errors.Is(err, errKilled), j.w.truth()
		for h := range before.assigned {
			if _, stands := truth[h]; !stands && (died || unsettled(before, h)) || madeAway(f, h.account) {
				continue
			}
			if applicationOf(h.entitlement) == application && !f.assigned[h] {
				add("10 partial is not absent: the read of %s failed (%v), and %s no longer holds %s", application, err, h.account, h.entitlement)
			}
		}
		for id := range before.accounts {
			if _, name, _ := id.Split(); died && !j.w.targets[application].HasAccount(name) || madeAway(f, id) {
				continue
			}
			if _, still := f.accounts[id]; !still && strings.HasPrefix(string(id), string(application)+"/") {
				add("10 partial is not absent: the read of %s failed (%v), and account %s is gone", application, err, id)
			}
		}
		j.w.broken(problems...)
		return
	}
	p := j.w.engine(0)
	found, _, err := p.Discovery.Findings(ctx, application, governance.FindingStandingPrivilege)
	for err != nil && p.life.killed() {
		j.w.revive()
		p = j.w.engine(0)
		found, _, err = p.Discovery.Findings(ctx, application, governance.FindingStandingPrivilege)
	}
	if err != nil {
		add("13 complete or failed: findings: %v", err)
	}
	standing := map[held]bool{}
	for _, finding := range found {
		standing[held{finding.Account, finding.Entitlement}] = true
	}
	truth, locked := j.w.truth(), j.w.locked(application)
	for h := range truth {
		if applicationOf(h.entitlement) != application || locked[h.account] {
			continue
		}
		by := byGrant(f, h)
		if standing[h] && by != "" {
			add("5 discovery never launders: %s holds %s by grant %s, and it counts as standing", h.account, h.entitlement, by)
		}
		if !standing[h] && by == "" {
			add("5 discovery never launders: %s holds %s without a grant, and it does not count as standing", h.account, h.entitlement)
		}
		if !f.assigned[h] && by == "" {
			add("10 partial is not absent: %s holds %s, and a complete read of %s does not know of it", h.account, h.entitlement, application)
		}
	}
	for h := range f.assigned {
		if _, holds := truth[h]; applicationOf(h.entitlement) == application && !holds && byGrant(f, h) == "" {
			add("10 partial is not absent: %s does not hold %s, and it is said so after a complete read", h.account, h.entitlement)
		}
	}
	j.w.broken(problems...)
}

// byGrant is the grant that a right stands by; empty when it stood before.
func byGrant(f facts, h held) governance.GrantID {
	for _, id := range sortedKeys(f.grants) {
		g := f.grants[id]
		if !called(g.Grant) || !giving(g.Grant, h) || g.Preexisting == nil || *g.Preexisting || slices.Contains(g.Stood, h.entitlement) {
			continue
		}
		return id
	}
	return ""
}

// taken judges what must have been taken back by now.
func (j *judge) taken() (problems []string) {
	f, err := look(j.w.db, map[string]bool{})
	if err != nil {
		return []string{fmt.Sprintf("look: %v", err)}
	}
	for id, g := range f.grants {
		mode := j.w.targets[g.Application].Mode()
		if g.State == governance.GrantRevoking && (mode == modeltarget.Up || mode == modeltarget.Slow || mode == modeltarget.Partial) {
			problems = append(problems, fmt.Sprintf("3 ended means read back: %s is to be revoked since %s, its target answers, and nothing happens", id, g.RevokingAt))
		}
	}
	return append(problems, j.accountsTaken(f)...)
}

// over judges the end, when everything has come right and long passed.
func (j *judge) over() (problems []string) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for id, g := range j.last.grants {
		if g.State.Live() {
			add("2 every grant ends: %s is %s, and should long be over", id, g.State)
		}
	}
	for h, holding := range j.w.truth() {
		if !holding.Others && !j.abandoned(h) {
			add("3 ended means read back: every grant is over, and %s still holds %s", h.account, h.entitlement)
		}
	}
	for _, o := range j.last.operations {
		add("3 ended means read back: operation %s of %s is left", o.kind, o.grant)
	}
	j.accountsOver(add)
	if err := j.verify(); err != nil {
		add("8 one record for each change: %v", err)
	}
	return problems
}

// abandoned reports whether people gave up on a grant that may have left a right.
func (j *judge) abandoned(h held) bool {
	for _, g := range j.last.grants {
		if g.AbandonedAt != nil && giving(g.Grant, h) {
			return true
		}
	}
	return false
}
