package property_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"pgregory.net/rapid"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/modeltarget"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

func actor(id governance.IdentityID) journal.Actor { return journal.Actor{Identity: id} }

// step is one thing that somebody does; it is drawn first and done later, so that
// several can be done at the same moment.
type step struct {
	what string
	do   func(p *process) error
	// after judges the answer, once nothing is due any more; nil judges nothing.
	after func(err error)
}

// machine draws what happens in a world.
type machine struct {
	*world
	rt *rapid.T
}

func pick[T any](m *machine, label string, from []T) T {
	return rapid.SampledFrom(from).Draw(m.rt, label)
}

// grant draws one of the grants that there are; live ones more often.
func (m *machine) grant() (grantRow, bool) {
	ids := sortedKeys(m.judge.last.grants)
	live := slices.DeleteFunc(slices.Clone(ids), func(id governance.GrantID) bool { return !m.judge.last.grants[id].State.Live() })
	if len(live) > 0 && rapid.IntRange(0, 9).Draw(m.rt, "of all") > 0 {
		ids = live
	}
	if len(ids) == 0 {
		return grantRow{}, false
	}
	return m.judge.last.grants[pick(m, "grant", ids)], true
}

func (m *machine) pending() (requestRow, bool) {
	ids := slices.DeleteFunc(sortedKeys(m.judge.last.requests), func(id governance.RequestID) bool {
		return m.judge.last.requests[id].State != governance.RequestPending
	})
	if len(ids) == 0 {
		return requestRow{}, false
	}
	return m.judge.last.requests[pick(m, "request", ids)], true
}

// event draws an event's id; often an open one.
func (m *machine) event() governance.EventID {
	ids := sortedKeys(m.judge.last.events)
	open := slices.DeleteFunc(slices.Clone(ids), func(id governance.EventID) bool { return m.judge.last.events[id].closed })
	if len(open) > 0 && rapid.IntRange(0, 9).Draw(m.rt, "of all") > 0 {
		ids = open
	}
	if len(ids) == 0 {
		return ""
	}
	return pick(m, "event", ids)
}

func (m *machine) request() (step, bool) {
	return m.requestOf(everyone, append([]string{"auto", "auto"}, templates...))
}

// arrival is a request of somebody who has no account, mostly where one is made.
func (m *machine) arrival() (step, bool) {
	return m.requestOf(append(slices.Clone(newcomers), "alice"), append([]string{"newcomer", "newcomer", "newcomer", "auto"}, templates...))
}

func (m *machine) requestOf(who, through []string) (step, bool) {
	ask := access.Ask{
		Identity: governance.IdentityID(pick(m, "who", who)), Template: governance.TemplateID(pick(m, "template", through)),
		Entitlements: []governance.EntitlementID{pick(m, "entitlement", everything)}, Justification: "because",
	}
	if rapid.IntRange(0, 4).Draw(m.rt, "more") == 0 {
		if more := pick(m, "also", everything); more != ask.Entitlements[0] {
			ask.Entitlements = append(ask.Entitlements, more)
		}
	}
	if ask.Template == "incident" {
		ask.BusinessEvent = string(m.event())
	}
	duration := governance.Duration(rapid.SampledFrom([]time.Duration{5 * time.Minute, time.Hour, 90 * time.Minute, 3 * time.Hour}).Draw(m.rt, "duration"))
	ask.Duration = &duration
	how := ""
	if ask.Template == "staged" && rapid.IntRange(0, 2).Draw(m.rt, "break glass") == 0 {
		ask.BreakGlass, how = true, ", breaking the glass"
	}
	if (ask.Template == "auto" || ask.Template == "newcomer") && rapid.IntRange(0, 4).Draw(m.rt, "later") == 0 {
		begins := m.judge.last.now(m.clock.Now()).Add(30 * time.Minute)
		ask.NotBefore, how = &begins, " half an hour later"
	}
	var view access.RequestView
	return step{
		what: fmt.Sprintf("%s requests %v through %s for %s because of %q%s", ask.Identity, ask.Entitlements, ask.Template, duration, ask.BusinessEvent, how),
		do: func(p *process) (err error) {
			view, err = p.Access.Request(ctx, actor(ask.Identity), ask)
			return err
		},
		after: func(err error) {
			if err == nil {
				m.tell("  it is %s %v", view.State, codes(view.Decision))
				m.answered(ask, view)
			}
		},
	}, true
}

func codes(d governance.Decision) []string {
	var list []string
	for _, r := range d.Reasons {
		list = append(list, string(r.Code))
	}
	return list
}

// answered judges what a request came to at once.
func (m *machine) answered(ask access.Ask, view access.RequestView) {
	if view.State == governance.RequestDenied {
		return
	}
	for _, id := range ask.Entitlements {
		// What the engine knew is what it knows after: the step changed no policy.
		if why := m.denial(m.judge.last, ask.Identity, ask.Template, id, governance.EventID(ask.BusinessEvent)); why != "" {
			number, what, _ := strings.Cut(why, " ")
			m.broken(fmt.Sprintf("%s checked when it matters: a request is %s although %s", number, view.State, what))
		}
	}
}

func (m *machine) verdict() (step, bool) {
	r, ok := m.pending()
	if !ok {
		return step{}, false
	}
	who := governance.IdentityID(pick(m, "who", append([]string{"carol", "bob", "carol", "bob"}, everyone...)))
	verb := pick(m, "verdict", []string{"approve", "approve", "approve", "approve", "reject", "withdraw"})
	return step{what: fmt.Sprintf("%s %ss request %s of %s", who, verb, r.ID, r.Identity), do: func(p *process) (err error) {
		switch verb {
		case "approve":
			_, err = p.Access.Approve(ctx, actor(who), r.ID, "")
		case "reject":
			_, err = p.Access.Reject(ctx, actor(who), r.ID, "no")
		default:
			_, err = p.Access.Withdraw(ctx, actor(who), r.ID)
		}
		return err
	}}, true
}

// review gives a verdict on access that was given past its approval.
func (m *machine) review() (step, bool) {
	ids := slices.DeleteFunc(sortedKeys(m.judge.last.requests), func(id governance.RequestID) bool {
		r := m.judge.last.requests[id]
		return r.Review == nil || r.Review.ReviewedAt != nil
	})
	if len(ids) == 0 {
		return step{}, false
	}
	id, who := pick(m, "request", ids), governance.IdentityID(pick(m, "who", append([]string{"carol", "bob"}, everyone...)))
	verdict := pick(m, "verdict", []governance.ReviewState{governance.ReviewJustified, governance.ReviewUnjustified})
	return step{what: fmt.Sprintf("%s finds request %s %s", who, id, verdict), do: func(p *process) error {
		_, err := p.Access.Review(ctx, actor(who), id, verdict, "seen")
		return err
	}}, true
}

// operate lets people look after operations: hurry them, or give one up.
func (m *machine) operate() (step, bool) {
	if len(m.judge.last.operations) == 0 {
		return step{}, false
	}
	o := m.judge.last.operations[rapid.IntRange(0, len(m.judge.last.operations)-1).Draw(m.rt, "operation")]
	if rapid.Bool().Draw(m.rt, "hurry") {
		return step{what: fmt.Sprintf("%s of grant %s is hurried", o.kind, o.grant), do: func(p *process) error {
			_, err := p.Operations.Retry(ctx, by, governance.OperationID(o.id))
			return err
		}}, true
	}
	first := governance.IdentityID(pick(m, "first", people))
	second := governance.IdentityID(pick(m, "second", people))
	return step{what: fmt.Sprintf("%s and %s give up %s of grant %s", first, second, o.kind, o.grant), do: func(p *process) error {
		if _, err := p.Operations.ProposeAbandon(ctx, actor(first), governance.OperationID(o.id), "it never answers"); err != nil {
			return err
		}
		m.judge.givenUp[o.grant] = first != second
		_, err := p.Operations.ConfirmAbandon(ctx, actor(second), governance.OperationID(o.id))
		return err
	}}, true
}

// resetClock takes back a time that was seen and never was.
func (m *machine) resetClock() (step, bool) {
	return step{what: "the time is taken back", do: func(p *process) error {
		_, err := p.Access.ResetClock(ctx, by, "the clock was wrong")
		return err
	}}, true
}

func (m *machine) endOrExtend() (step, bool) {
	g, ok := m.grant()
	if !ok {
		return step{}, false
	}
	verb := pick(m, "verb", []string{"return", "revoke", "extend", "extend"})
	return step{what: fmt.Sprintf("%s grant %s of %s to %s", verb, g.ID, g.Entitlement, g.Identity), do: func(p *process) (err error) {
		switch verb {
		case "return":
			_, err = p.Access.Return(ctx, actor(g.Identity), g.ID, "")
		case "revoke":
			_, err = p.Access.Revoke(ctx, by, g.ID, "enough")
		default:
			_, err = p.Access.Extend(ctx, actor(g.Identity), g.ID, nil, "it goes on")
		}
		return err
	}}, true
}

func (m *machine) happening() (step, bool) {
	verb := pick(m, "verb", []string{"open", "open", "declare", "close", "extend"})
	id := m.event()
	now := m.judge.last.now(m.clock.Now())
	later := now.Add(rapid.SampledFrom([]time.Duration{10 * time.Minute, time.Hour, 5 * time.Hour}).Draw(m.rt, "for"))
	e := governance.BusinessEvent{Name: fmt.Sprintf("INC-%d", rapid.IntRange(1, 4).Draw(m.rt, "number")), Kind: pick(m, "kind", []governance.EventKind{governance.Incident, governance.Incident, governance.Change}), EndsAt: later}
	s := step{what: fmt.Sprintf("%s event %s to %s", verb, id, later.Format(time.TimeOnly))}
	switch verb {
	case "open":
		s.what = fmt.Sprintf("open %s %s until %s", e.Kind, e.Name, later.Format(time.TimeOnly))
		s.do = func(p *process) error {
			_, err := p.Access.OpenEvent(ctx, by, e)
			return err
		}
	case "declare":
		e.Name = strings.ToLower(e.Name)
		return m.declares(e), true
	case "close":
		s.do = func(p *process) error {
			_, err := p.Access.CloseEvent(ctx, by, string(id))
			return err
		}
	default:
		s.do = func(p *process) error {
			_, err := p.Access.ExtendEvent(ctx, by, string(id), later, "it goes on")
			return err
		}
	}
	return s, true
}

// declares is a step that writes an object.
func (m *machine) declares(o governance.Object) step {
	return step{what: fmt.Sprintf("declare %s %s: %+v", o.ObjectKind(), o.Key(), o), do: func(*process) error { return m.put(o) }}
}

func (m *machine) edit() (step, bool) {
	switch pick(m, "kind", []governance.Kind{governance.KindPolicy, governance.KindPolicy, governance.KindTemplate, governance.KindRule, governance.KindEntitlement, governance.KindIdentity, governance.KindIdentity, governance.KindDelegation}) {
	case governance.KindPolicy:
		if rapid.Bool().Draw(m.rt, "deny") {
			p := policy("freeze", governance.PolicyDeny, pick(m, "condition", slices.Sorted(maps.Keys(conditions))))
			p.Entitlements = []governance.EntitlementID{pick(m, "entitlement", everything)}
			return m.declares(p), true
		}
		return m.declares(policy("oncall", governance.PolicyAllow, pick(m, "condition", append([]string{conditionOncall, conditionOncall, conditionOncall}, slices.Sorted(maps.Keys(conditions))...)))), true
	case governance.KindTemplate:
		return m.declares(template(pick(m, "template", templates), rapid.IntRange(0, 1).Draw(m.rt, "variant"))), true
	case governance.KindRule:
		return m.declares(rule("payments", rapid.IntRange(0, 1).Draw(m.rt, "variant"))), true
	case governance.KindEntitlement:
		return m.declares(entitlement(pick(m, "entitlement", everything))), true
	case governance.KindDelegation:
		d := governance.Delegation{Name: "holiday", From: governance.IdentityID(pick(m, "from", people)), To: governance.IdentityID(pick(m, "to", people)), EndsAt: m.judge.last.now(m.clock.Now()).Add(time.Hour)}
		return m.declares(d), true
	}
	i, ok := object[governance.Identity](m.world, governance.KindIdentity, pick(m, "identity", anybody))
	if !ok {
		return step{}, false
	}
	i.Groups = pick(m, "groups", [][]string{{"oncall"}, {"leads"}, {"leads", "oncall"}, {}})
	if i.Type != governance.Human {
		i.Owner = governance.IdentityID(pick(m, "owner", people))
	}
	return m.declares(i), true
}

func (m *machine) status() (step, bool) {
	who := governance.IdentityID(pick(m, "who", anybody))
	status := pick(m, "status", []governance.Status{governance.Active, governance.Active, governance.Suspended, governance.Left})
	return step{what: fmt.Sprintf("%s is %s", who, status), do: func(p *process) error {
		_, err := p.Catalog.Status(ctx, by, who, status)
		return err
	}}, true
}

// remove deletes something declared; what cannot be used without it comes back
// with declare.
func (m *machine) remove() (step, bool) {
	kind := pick(m, "kind", []governance.Kind{governance.KindPolicy, governance.KindTemplate, governance.KindTemplate, governance.KindRule, governance.KindEntitlement, governance.KindIdentity, governance.KindDelegation, governance.KindBusinessEvent})
	ids := sortedKeys(m.declared[kind])
	if len(ids) == 0 {
		return step{}, false
	}
	id, revoke := pick(m, "id", ids), rapid.Bool().Draw(m.rt, "revoke")
	return step{what: fmt.Sprintf("delete %s %s, revoke %t", kind, id, revoke), do: func(p *process) error {
		stored, err := p.Catalog.Get(ctx, kind, id)
		if err == nil {
			err = p.Catalog.Delete(ctx, by, kind, id, stored.Version, revoke)
		}
		m.note(kind, id)
		return err
	}}, true
}

// restore declares again what was deleted.
func (m *machine) restore() (step, bool) {
	var missing []governance.Object
	for _, name := range templates {
		missing = append(missing, template(name, 0))
	}
	for _, id := range everything {
		missing = append(missing, entitlement(id))
	}
	missing = append(missing, policy("oncall", governance.PolicyAllow, conditionOncall), rule("payments", 0))
	missing = slices.DeleteFunc(missing, func(o governance.Object) bool { return m.declared[o.ObjectKind()][o.Key()] != nil })
	if len(missing) == 0 {
		return step{}, false
	}
	return m.declares(pick(m, "object", missing)), true
}

func (m *machine) sync() (step, bool) {
	id := pick(m, "application", []governance.ApplicationID{alpha, beta})
	var before facts
	return step{
		what: fmt.Sprintf("read %s", id),
		do: func(p *process) error {
			// What a grant moved at the very moment of a read is as the grant has it.
			time.Sleep(time.Millisecond)
			before = m.judge.last
			_, err := p.Discovery.Sync(ctx, by, id)
			return err
		},
		after: func(err error) { m.judge.synced(id, before, err) },
	}, true
}

// behave changes how a target behaves.
func (m *machine) behave() (step, bool) {
	id := pick(m, "application", []governance.ApplicationID{alpha, beta})
	mode := pick(m, "mode", append([]modeltarget.Mode{modeltarget.Up, modeltarget.Up, modeltarget.Up}, modeltarget.Modes()...))
	return step{what: fmt.Sprintf("%s is %s", id, mode), do: func(*process) error {
		m.targets[id].Set(mode)
		return nil
	}}, true
}

// meddle lets somebody else change a target.
func (m *machine) meddle() (step, bool) {
	id := pick(m, "entitlement", everything)
	application := applicationOf(id)
	target := m.targets[application]
	k := modeltarget.Key{Account: pick(m, "account", append([]string{"ghost"}, anybody...)), Entitlement: native(id)}
	switch pick(m, "how", []string{"give", "give", "take", "take", "account", "entitlement"}) {
	case "give":
		return step{what: fmt.Sprintf("somebody gives %s to %s", id, k.Account), do: func(*process) error {
			target.Give(k, func(k modeltarget.Key) bool { return m.judge.spare(keyOf(application, k)) })
			m.judge.gave(application, k)
			return nil
		}}, true
	case "take":
		return step{what: fmt.Sprintf("somebody takes %s from %s", id, k.Account), do: func(*process) error {
			m.judge.took(application, k)
			target.Take(k)
			return nil
		}}, true
	case "account":
		return step{what: fmt.Sprintf("account %s of %s goes or comes", k.Account, application), do: func(*process) error {
			if !target.HasAccount(k.Account) {
				target.AddAccount(k.Account)
				return nil
			}
			m.judge.dropped(func(h held) bool { return h.account == governance.NewAccountID(application, k.Account) })
			target.DropAccount(k.Account)
			return nil
		}}, true
	}
	// A role goes and comes with the administration of it.
	both := []governance.EntitlementID{id}
	if id == alphaAdmin || id == alphaAdminOf {
		both = []governance.EntitlementID{alphaAdmin, alphaAdminOf}
	}
	return step{what: fmt.Sprintf("entitlement %s goes or comes", id), do: func(*process) error {
		there := target.HasEntitlement(native(id))
		m.judge.dropped(func(h held) bool { return there && slices.Contains(both, h.entitlement) })
		for _, id := range both {
			if there {
				target.DropEntitlement(native(id))
			} else {
				target.AddEntitlement(native(id))
			}
		}
		return nil
	}}, true
}

// masses lets most of a target go or come, or lets through that it went.
func (m *machine) masses() (step, bool) {
	target := m.targets[alpha]
	if rapid.Bool().Draw(m.rt, "accept") {
		return step{what: "what is held is let through", do: func(p *process) error {
			var held string
			if err := m.db.QueryRow(`SELECT held FROM discoveries WHERE application_id = 'alpha'`).Scan(&held); err != nil {
				return err
			}
			var change governance.HeldChange
			if err := json.Unmarshal([]byte(cmp.Or(held, "{}")), &change); err != nil {
				return err
			}
			m.judge.accepted = true
			_, err := p.Discovery.Accept(ctx, by, alpha, change.ID)
			return err
		}}, true
	}
	return step{what: "the crowd goes or comes", do: func(*process) error {
		there := target.HasAccount(crowd[0])
		for _, name := range crowd {
			if there {
				target.DropAccount(name)
			} else {
				target.AddAccount(name)
			}
		}
		return nil
	}}, true
}

func (m *machine) time() (step, bool) {
	d := rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 20 * time.Minute, time.Hour, 4 * time.Hour}).Draw(m.rt, "passes")
	return step{what: fmt.Sprintf("%s pass", d), do: func(*process) error {
		m.pass(d)
		return nil
	}}, true
}

// wait lets the engine's own timers run, whatever the clock says: what was to be
// taken back from a target that answers is taken back then.
func (m *machine) wait() (step, bool) {
	return step{
		what: "a while passes",
		do: func(*process) error {
			time.Sleep(longestPause)
			return nil
		},
		after: func(error) { m.broken(m.judge.taken()...) },
	}, true
}

// longestPause is longer than a revocation waits for its next attempt.
const longestPause = 45 * time.Second

// wrongClock sets the clock wrong, or right again.
func (m *machine) wrongClock() (step, bool) {
	d := -m.clock.wrong()
	if d == 0 {
		d = rapid.SampledFrom([]time.Duration{-2 * time.Hour, -10 * time.Minute, -2 * time.Second, 3 * time.Second, 30 * time.Minute}).Draw(m.rt, "set")
	}
	return step{what: fmt.Sprintf("the clock is set by %s", d), do: func(*process) error {
		// Nobody can tell a clock that is set forward from time that passes, in
		// which a target makes what it makes late.
		time.Sleep(modeltarget.Bound)
		m.clock.set(d)
		time.Sleep(1200 * time.Millisecond)
		return nil
	}}, true
}

// processesComeAndGo restarts, kills, or doubles the process.
func (m *machine) processesComeAndGo() (step, bool) {
	how := []string{"restart", "kill", "kill", "kill"}
	if store.IsPostgres(m.database) {
		how = append(how, "replica", "replica")
	}
	switch pick(m, "how", how) {
	case "restart":
		return step{what: "the process is restarted", do: func(p *process) error {
			m.end(p)
			m.revive()
			return nil
		}}, true
	case "replica":
		return step{what: "another process comes, or goes", do: func(*process) error {
			if len(m.processes) > 1 {
				m.end(m.processes[1])
			} else {
				m.start()
			}
			return nil
		}}, true
	}
	fuse := rapid.IntRange(1, 12).Draw(m.rt, "fuse")
	return step{what: fmt.Sprintf("the process dies in %d", fuse), do: func(p *process) error {
		p.life.light(fuse)
		return nil
	}}, true
}

// run does a step and judges.
func (m *machine) run(draw func() (step, bool)) {
	s, ok := draw()
	if !ok {
		m.rt.Skip("nothing to do it with")
	}
	m.finish(s)
}

// together does several steps at the same moment.
func (m *machine) together() {
	var steps []step
	for range rapid.IntRange(2, 4).Draw(m.rt, "at once") {
		draw := pick(m, "of", []func() (step, bool){m.request, m.request, m.arrival, m.verdict, m.endOrExtend, m.happening, m.sync})
		if s, ok := draw(); ok {
			s.after = nil
			steps = append(steps, s)
		}
	}
	m.finish(steps...)
}

func (m *machine) finish(steps ...step) {
	errs := make([]error, len(steps))
	var all sync.WaitGroup
	m.world.steps += len(steps)
	for i, s := range steps {
		m.tell("%s", s.what)
		p := m.engine(rapid.IntRange(0, 1).Draw(m.rt, "process"))
		if len(steps) == 1 {
			errs[i] = s.do(p)
			continue
		}
		all.Go(func() { errs[i] = s.do(p) })
	}
	all.Wait()
	m.settle()
	for i, s := range steps {
		if errs[i] != nil {
			m.tell("  %v", errs[i])
		}
		if s.after != nil {
			s.after(errs[i])
		}
	}
	m.broken(m.judge.judge()...)
}
