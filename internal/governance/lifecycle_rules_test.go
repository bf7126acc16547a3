package governance

import (
	"reflect"
	"slices"
	"time"

	"pgregory.net/rapid"
)

// requestMoves and grantMoves are the transitions that there are; what has none
// is final. Nothing else is legal.
var (
	requestMoves = map[RequestState][]RequestState{
		"":             {RequestDenied, RequestPending, RequestGranted},
		RequestPending: {RequestPending, RequestRejected, RequestWithdrawn, RequestLapsed, RequestGranted, RequestInvalidated},
	}
	grantMoves = map[GrantState][]GrantState{
		"":                {GrantScheduled},
		GrantScheduled:    {GrantScheduled, GrantCancelled, GrantProvisioning},
		GrantProvisioning: {GrantProvisioning, GrantActive, GrantRevoking},
		GrantActive:       {GrantActive, GrantRevoking},
		GrantRevoking:     {GrantRevoking, GrantEnded, GrantProvisionFailed},
	}
)

// lifecycleRules says what must hold of every step of a lifecycle and of all
// that it has made.
type lifecycleRules struct {
	m       *lifecycle
	reached lifecycleStates
}

// keep writes a request, if that is a legal step.
func (m *lifecycle) keep(t *rapid.T, r Request) {
	was := m.requests[r.ID]
	switch {
	case !slices.Contains(requestMoves[was.State], r.State):
		t.Fatalf("request %s goes from %q to %s", r.ID, was.State, r.State)
	case len(r.Approvals) < len(was.Approvals) || !slices.EqualFunc(was.Approvals, r.Approvals[:len(was.Approvals)], func(a, b Approval) bool { return reflect.DeepEqual(a, b) }):
		t.Fatalf("request %s forgets an approval: %v, then %v", r.ID, was.Approvals, r.Approvals)
	case r.State == RequestPending && r.Deadline == nil:
		t.Fatalf("request %s waits for ever", r.ID)
	case r.State != RequestPending && (r.EndedAt == nil || r.Deadline != nil):
		t.Fatalf("request %s is over without an end: %+v", r.ID, r)
	case r.Deadline != nil && r.ActivateBy != nil && r.Deadline.After(*r.ActivateBy):
		t.Fatalf("request %s may be approved until %s, and be of use until %s", r.ID, r.Deadline, r.ActivateBy)
	}
	m.rules.approvals(t, r)
	m.requests[r.ID] = r
	m.rules.reached[string(r.State)]++
	if r.Escalated && !was.Escalated {
		m.rules.reached["escalated"]++
	}
	if n := len(r.Approvals); n > 0 && r.Approvals[n-1].OnBehalfOf != "" {
		m.rules.reached["delegated"]++
	}
	for _, reason := range r.Decision.Denials() {
		m.rules.reached[string(reason.Code)]++
	}
}

// approvals: nobody speaks for a request of their own side, nor twice, and a
// granted request has all that its stages demand.
func (c *lifecycleRules) approvals(t *rapid.T, r Request) {
	owner := map[IdentityID]IdentityID{"bot": "ben"}[r.Identity]
	type hearing struct {
		stage int
		who   IdentityID
	}
	heard, given := map[hearing]bool{}, map[int]int{}
	for _, a := range r.Approvals {
		voices := []IdentityID{a.Approver}
		if a.OnBehalfOf != "" {
			voices = append(voices, a.OnBehalfOf)
		}
		for _, who := range voices {
			if who == r.Identity || who == owner || who == "bot" {
				t.Fatalf("%s speaks on request %s of %s: %+v", who, r.ID, r.Identity, a)
			}
			if heard[hearing{a.Stage, who}] {
				t.Fatalf("%s speaks twice in stage %d of request %s", who, a.Stage, r.ID)
			}
			heard[hearing{a.Stage, who}] = true
		}
		if a.Approved {
			given[a.Stage]++
		}
	}
	for who := range c.m.people {
		if len(r.Stages) == 2 && heard[hearing{0, who}] && heard[hearing{1, who}] {
			t.Fatalf("%s speaks in two stages of request %s that are to be distinct", who, r.ID)
		}
	}
	for n, stage := range r.Stages {
		if r.State == RequestGranted && given[n] != stage.Quorum {
			t.Fatalf("request %s is granted with %d approvals in stage %q", r.ID, given[n], stage.Name)
		}
	}
}

// put writes a grant, if that is a legal step.
func (m *lifecycle) put(t *rapid.T, g Grant) {
	was, known := m.grants[g.ID]
	switch {
	case !slices.Contains(grantMoves[was.State], g.State):
		t.Fatalf("grant %s goes from %q to %s", g.ID, was.State, g.State)
	case !known && m.requests[g.Request].State != RequestGranted:
		t.Fatalf("grant %s comes of a request that is %s", g.ID, m.requests[g.Request].State)
	case known && g.NotAfter.After(was.NotAfter):
		m.rules.extended(t, was, g)
	case was.State == GrantScheduled && g.State == GrantProvisioning && (m.now.Before(g.NotBefore) || !m.now.Before(g.ActivateBy)):
		t.Fatalf("grant %s, to be given from %s to %s, is given at %s", g.ID, g.NotBefore, g.ActivateBy, m.now)
	case was.State == GrantProvisioning && g.State == GrantActive && (!m.now.Before(was.ActivateBy) || !m.now.Before(was.NotAfter)):
		t.Fatalf("grant %s is active from %s, and was to be by %s", g.ID, m.now, was.ActivateBy)
	}
	m.grants[g.ID] = g
	m.rules.reached[string(g.State)]++
	if !known {
		m.rules.admitted(t, g)
	}
}

// extended: only a granted extension gives a later end, by no more than it asked.
func (c *lifecycleRules) extended(t *rapid.T, was, g Grant) {
	if len(g.ExtendedBy) != len(was.ExtendedBy)+1 || was.State != GrantActive || !c.m.now.Before(was.NotAfter) {
		t.Fatalf("grant %s ends at %s and then at %s, extended by %v", g.ID, was.NotAfter, g.NotAfter, g.ExtendedBy)
	}
	by := c.m.requests[g.ExtendedBy[len(was.ExtendedBy)]]
	if by.State != RequestGranted || by.Extends != g.ID || g.NotAfter.Sub(was.NotAfter) > by.Duration.Std() || g.NotAfter.Sub(*g.ActivatedAt) > minutes(300).Std() {
		t.Fatalf("grant %s is extended by %s from %s to %s", g.ID, by.State, was.NotAfter, g.NotAfter)
	}
	c.reached["extended"]++
}

// admitted: a new grant is within the bounds of its template.
func (c *lifecycleRules) admitted(t *rapid.T, g Grant) {
	if begins := c.m.requests[g.Request].NotBefore; begins != nil && g.NotBefore.Before(*begins) {
		t.Fatalf("grant %s is to begin at %s, and was asked for from %s", g.ID, g.NotBefore, begins)
	}
	if g.NotBefore.After(c.m.now.Add(24 * time.Hour)) {
		t.Fatalf("grant %s is scheduled too far ahead, at %s", g.ID, g.NotBefore)
	}
	if g.Template != "few" {
		return
	}
	own, all := 0, 0
	for _, other := range c.m.grants {
		if other.Template != g.Template || other.State == GrantCancelled || other.State == GrantProvisionFailed {
			continue
		}
		ended := other.State == GrantEnded
		if !ended {
			all++
		}
		if other.Identity != g.Identity {
			continue
		}
		if !ended {
			own++
		}
		until := other.NotAfter
		if ended {
			until = *other.EndedAt
		} else if other.State == GrantRevoking && c.m.now.After(until) {
			until = c.m.now
		}
		if other.ID != g.ID && g.NotBefore.Before(until.Add(time.Hour)) && other.NotBefore.Before(g.NotAfter.Add(time.Hour)) {
			t.Fatalf("%s has grant %s from %s to %s, and %s from %s to %s, with no pause of an hour between", g.Identity, other.ID, other.NotBefore, until, g.ID, g.NotBefore, g.NotAfter)
		}
	}
	if own > 2 || all > 3 {
		t.Fatalf("of template few %s has %d live grants, all together %d", g.Identity, own, all)
	}
}

// hold looks at everything there is.
func (c *lifecycleRules) hold(t *rapid.T) {
	for id, g := range c.m.grants {
		over := g.State == GrantCancelled || g.State == GrantProvisionFailed || g.State == GrantEnded
		if g.State.Live() == over || over != (g.EndedAt != nil) {
			t.Fatalf("grant %s, live %v, ended %v: %+v", id, g.State.Live(), g.EndedAt, g)
		}
		ending := over || g.State == GrantRevoking
		if ending != (g.EndReason != "") || (g.State == GrantEnded || g.State == GrantProvisionFailed) != (g.Outcome != "") {
			t.Fatalf("grant %s is %s because %q with outcome %q", id, g.State, g.EndReason, g.Outcome)
		}
		if called := g.Preexisting != nil; called == (g.State == GrantScheduled || g.State == GrantCancelled) {
			t.Fatalf("grant %s is %s, and the target was called for it: %v", id, g.State, called)
		}
		if g.ActivatedAt != nil && (g.ActivatedAt.Before(g.NotBefore) || g.State == GrantProvisionFailed) {
			t.Fatalf("grant %s, from %s on, was active from %s and is %s", id, g.NotBefore, g.ActivatedAt, g.State)
		}
		if _, due := g.DueReason(c.m.now); due && g.State == GrantActive && c.m.set.Usable(Possession{Held: []Holding{{Account: g.Account, Entitlement: g.Entitlement}}, Grants: []Grant{g}}).At(c.m.now, g.Entitlement) {
			t.Fatalf("grant %s is over, and still of use", id)
		}
		if g.NotAfter.After(g.ActivateBy.Add(5 * time.Hour)) {
			t.Fatalf("grant %s may last until %s", id, g.NotAfter)
		}
		if g.BusinessEvent != "" && g.NotAfter.After(c.m.event.EndsAt) {
			t.Fatalf("grant %s outlasts its business event", id)
		}
	}
}

// settled: after everything was decided again, nobody keeps what a guardrail
// denies, nor what the identity or its owner may not hold any more.
func (c *lifecycleRules) settled(t *rapid.T) {
	for id, g := range c.m.grants {
		if !g.State.Live() || g.State == GrantRevoking {
			continue
		}
		person := c.m.people[g.Identity]
		owner, owned := c.m.people[person.Owner]
		frozen := g.Entitlement == "app/role/b" && slices.Contains(person.Groups, "frozen")
		eligible := slices.Contains(person.Groups, "oncall")
		switch {
		case person.Status != Active, owned && owner.Status != Active, frozen:
			t.Fatalf("grant %s of %s (%s, %v) goes on", id, g.Identity, person.Status, person.Groups)
		case g.State == GrantScheduled && !eligible, g.Template == "strict" && !eligible:
			t.Fatalf("grant %s of %s goes on without a policy that opens it", id, g.Identity)
		case !eligible:
			c.reached["kept"]++
		}
		if !eligible && g.Ineligible == nil {
			t.Fatalf("grant %s of %s goes on, and nobody knows that it is ineligible", id, g.Identity)
		}
	}
}

// wrong reports whether there is a reason to end a grant that is decided again.
// Bounds of giving it are none.
func (c *lifecycleRules) wrong(g Grant) bool {
	person := c.m.people[g.Identity]
	owner, owned := c.m.people[person.Owner]
	unapproved := len(c.m.requests[g.Request].Approvals) == 0 && !c.m.set.Templates[g.Template].Approval.Automatic
	return person.Status != Active || owned && owner.Status != Active || !slices.Contains(person.Groups, "oncall") || slices.Contains(person.Groups, "frozen") ||
		unapproved || g.BusinessEvent != "" && !c.m.event.Open(c.m.now)
}
