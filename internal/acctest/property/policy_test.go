package property_test

import (
	"slices"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// The conditions that policies have in these worlds.
const (
	conditionOncall = `contains(identity.groups, "oncall")`
	conditionHuman  = `identity.type == "human" && contains(identity.groups, "oncall")`
	conditionNobody = `contains(identity.groups, "nobody")`
	conditionBot    = `identity.type == "agent"`
	// conditionErrs errs for whoever is not called by an address.
	conditionErrs = `cidrcontains("10.0.0.0/8", identity.name)`
	// conditionErrsOr would hold for those on call, if an error were nothing.
	conditionErrsOr = `cidrcontains("10.0.0.0/8", identity.name) || contains(identity.groups, "oncall")`
)

// conditions say what each of them means: holds, and errs.
var conditions = map[string]func(governance.Identity) (holds, errs bool){
	conditionOncall: func(i governance.Identity) (bool, bool) { return slices.Contains(i.Groups, "oncall"), false },
	conditionHuman: func(i governance.Identity) (bool, bool) {
		return i.Type == governance.Human && slices.Contains(i.Groups, "oncall"), false
	},
	conditionNobody: func(i governance.Identity) (bool, bool) { return slices.Contains(i.Groups, "nobody"), false },
	conditionBot:    func(i governance.Identity) (bool, bool) { return i.Type == governance.Agent, false },
	conditionErrs:   func(governance.Identity) (bool, bool) { return false, true },
	conditionErrsOr: func(governance.Identity) (bool, bool) { return false, true },
}

// chain is what each entitlement includes next, as the targets have it.
var chain = map[governance.EntitlementID]governance.EntitlementID{alphaAdminOf: alphaAdmin, alphaAdmin: alphaWrite, alphaWrite: alphaRead}

// includes are the entitlements that one includes, and itself, as far as they were
// there when the target was last read.
func includes(f facts, id governance.EntitlementID) []governance.EntitlementID {
	all := []governance.EntitlementID{id}
	for next := chain[id]; f.seen[id] && f.seen[next]; next = chain[next] {
		all = append(all, next)
	}
	return all
}

// denial is why somebody may not have an entitlement through a template now;
// empty when they may. What they hold besides is not looked at.
func (w *world) denial(f facts, who governance.IdentityID, through governance.TemplateID, id governance.EntitlementID, event governance.EventID) string {
	person, declared := f.identities[who]
	template, there := object[governance.GrantTemplate](w, governance.KindTemplate, string(through))
	switch {
	case !declared:
		return "6 nobody of that name is declared"
	case person.status != governance.Active:
		return "6 the identity is " + string(person.status)
	case person.Owner != "" && f.identities[person.Owner].status != governance.Active:
		return "6 the owner is not active"
	case !there:
		return "6 there is no such template"
	case !slices.Contains(template.Entitlements, id):
		return "6 the template does not give it"
	case w.declared[governance.KindEntitlement][string(id)] == nil:
		return "6 the entitlement is not declared"
	case !f.seen[id]:
		return "6 the target was seen without the entitlement"
	case !mayHold(f, template, governance.NewAccountID(applicationOf(id), string(who)), who):
		return "6 the account is not theirs"
	}
	if template.BusinessEvent != nil {
		if why := w.event(f, template, event); why != "" {
			return why
		}
	}
	return w.policies(person.Identity, template, id)
}

// mayHold reports whether somebody has the account, or one would be made where there
// is none.
func mayHold(f facts, template governance.GrantTemplate, id governance.AccountID, who governance.IdentityID) bool {
	owner, there := f.accounts[id]
	return there && owner == who || !there && template.CreateAccount
}

func (w *world) event(f facts, template governance.GrantTemplate, id governance.EventID) string {
	event, ok := f.events[id]
	switch {
	case !ok || event.closed || !f.now(w.clock.Now()).Before(event.endsAt):
		return "6 no event is open"
	case !slices.Contains(template.BusinessEvent.Kinds, event.Kind):
		return "6 the event is of another kind"
	}
	return ""
}

func (w *world) policies(person governance.Identity, template governance.GrantTemplate, id governance.EntitlementID) string {
	allowed, erred := false, false
	for key, o := range w.declared[governance.KindPolicy] {
		p := o.(governance.EligibilityPolicy)
		if !slices.Contains(p.Entitlements, id) {
			continue
		}
		holds, errs := conditions[p.Condition](person)
		if p.Effect == governance.PolicyDeny {
			if errs {
				return "12 errors deny: deny policy " + key + " errs"
			}
			if holds {
				return "6 deny policy " + key + " holds"
			}
			continue
		}
		if slices.Contains(template.EligibilityPolicies, p.ID()) {
			allowed, erred = allowed || holds, erred || errs
		}
	}
	switch {
	case allowed:
		return ""
	case erred:
		return "12 errors deny: the only policy that could allow it errs"
	}
	return "6 no policy allows it"
}

// decided is invariants 6 and 12: nobody has what a decision now would deny.
func (j *judge) decided(f facts, add func(string, ...any)) {
	live := map[governance.IdentityID][]governance.Grant{}
	for id, g := range f.grants {
		switch g.State {
		case governance.GrantScheduled, governance.GrantProvisioning, governance.GrantActive:
		default:
			continue
		}
		why := j.w.denial(f, g.Identity, g.Template, g.Entitlement, g.BusinessEvent)
		if why != "" && (g.Ineligible == nil || !j.lenient(g.Grant)) {
			number, what, _ := strings.Cut(why, " ")
			add("%s checked when it matters: %s is %s although %s", number, id, g.State, what)
		}
		if g.Ineligible == nil {
			actor := actorOf(f, g.Identity)
			live[actor] = append(live[actor], g.Grant)
		}
	}
	for actor, grants := range live {
		if rule := j.violates(f, grants); rule != "" {
			add("6 checked when it matters: %s holds live grants that rule %s keeps apart: %v", actor, rule, named(grants))
		}
	}
}

// lenient reports whether the grant's template keeps ineligible grants for a
// while, or did.
func (j *judge) lenient(g governance.Grant) bool { return g.Template == "lenient" }

func actorOf(f facts, id governance.IdentityID) governance.IdentityID {
	if owner := f.identities[id].Owner; owner != "" {
		return owner
	}
	return id
}

func named(grants []governance.Grant) []string {
	var names []string
	for _, g := range grants {
		names = append(names, string(g.Identity)+" has "+string(g.Entitlement)+" by "+string(g.ID))
	}
	slices.Sort(names)
	return names
}

// violates is the rule that one actor's grants violate together.
func (j *judge) violates(f facts, grants []governance.Grant) string {
	for id, o := range j.w.declared[governance.KindRule] {
		r := o.(governance.SoDRule)
		touched := 0
		for _, duty := range r.Duties {
			if slices.ContainsFunc(grants, func(g governance.Grant) bool {
				return slices.ContainsFunc(includes(f, g.Entitlement), func(e governance.EntitlementID) bool { return slices.Contains(duty.Entitlements, e) })
			}) {
				touched++
			}
		}
		if touched > r.Limit {
			return id
		}
	}
	return ""
}

// approved is invariant 7: whoever was heard may speak, and what was granted was
// approved by as many as had to.
func (j *judge) approved(f facts, add func(string, ...any)) {
	for id, r := range f.requests {
		was := j.last.requests[id]
		for i := len(was.Approvals); i < len(r.Approvals); i++ {
			a := r.Approvals[i]
			if why := j.w.deaf(f, r.Request, a, r.Approvals[:i]); why != "" {
				add("7 two pairs of eyes: %s was heard in stage %d of request %s of %s: %s", a.Approver, a.Stage, id, r.Identity, why)
			}
		}
		if r.State != governance.RequestGranted {
			continue
		}
		template, there := object[governance.GrantTemplate](j.w, governance.KindTemplate, string(r.Template))
		if r.BreakGlass {
			j.reviewed(id, r.Request, add)
			continue
		}
		if was.State == "" && there && len(template.Approval.Stages) > 0 {
			add("7 two pairs of eyes: request %s through %s was granted at once", id, r.Template)
		}
		for i, stage := range stagesOf(string(r.Template)) {
			heard := map[governance.IdentityID]bool{}
			for _, a := range r.Approvals {
				if a.Stage == i && a.Approved {
					heard[a.Approver] = true
				}
			}
			if len(heard) < stage.Quorum {
				add("7 two pairs of eyes: request %s through %s was granted, and stage %s heard %d people", id, r.Template, stage.Name, len(heard))
			}
		}
	}
}

// reviewed judges what is owed for access that was given past its approval.
func (j *judge) reviewed(id governance.RequestID, r governance.Request, add func(string, ...any)) {
	template, there := object[governance.GrantTemplate](j.w, governance.KindTemplate, string(r.Template))
	switch {
	case j.last.requests[id].State == "" && there && template.BreakGlass == nil:
		add("7 two pairs of eyes: request %s broke the glass of %s, which has none", id, r.Template)
	case r.Review == nil:
		add("7 two pairs of eyes: request %s broke the glass, and no review of it is owed", id)
	case r.Review.Reviewer == r.Identity || r.Review.Reviewer != "" && r.Review.Reviewer == j.last.identities[r.Identity].Owner:
		add("7 two pairs of eyes: %s reviewed what they broke the glass for themselves", r.Identity)
	}
}

func stagesOf(name string) []governance.ApprovalStage { return template(name, 0).Approval.Stages }

// deaf is why a voice must not be heard after others.
func (w *world) deaf(f facts, r governance.Request, a governance.Approval, before []governance.Approval) string {
	requester := f.identities[r.Identity]
	stages := stagesOf(string(r.Template))
	if a.Stage >= len(stages) {
		return "there is no such stage"
	}
	stage := stages[a.Stage]
	for _, id := range []governance.IdentityID{a.Approver, a.OnBehalfOf} {
		if id == "" {
			continue
		}
		person := f.identities[id]
		switch {
		case person.bootstrap:
			return "the bootstrap identity does not approve"
		case person.Type != governance.Human:
			return string(id) + " is no person"
		case id == r.Identity || requester.Owner == id:
			return "it is " + string(id) + "'s own request"
		}
		for _, other := range before {
			same := other.Stage == a.Stage || slices.Contains(stage.DistinctFrom, stages[other.Stage].Name)
			if same && (other.Approver == id || other.OnBehalfOf == id) {
				return string(id) + " has spoken already"
			}
		}
	}
	speaks := a.Approver
	if a.OnBehalfOf != "" {
		speaks = a.OnBehalfOf
		if !w.delegated(a) {
			return "nobody has delegated to them"
		}
	}
	manager := requester.Manager
	if requester.Owner != "" {
		manager = f.identities[requester.Owner].Manager
	}
	person := f.identities[speaks]
	if slices.ContainsFunc(stage.Approvers.Groups, func(g string) bool { return slices.Contains(person.Groups, g) }) ||
		slices.Contains(stage.Approvers.Relations, governance.Manager) && manager == speaks {
		return ""
	}
	return "the stage does not name them"
}

func (w *world) delegated(a governance.Approval) bool {
	for _, o := range w.declared[governance.KindDelegation] {
		d := o.(governance.Delegation)
		if d.From == a.OnBehalfOf && d.To == a.Approver && a.At.Before(d.EndsAt.Add(time.Second)) {
			return true
		}
	}
	return false
}
