package governance

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func eligible(w world, set *PolicySet, who IdentityID, known func(*Question)) []Opening {
	q := Question{
		Now: noon, Identity: *w.person(who), Owner: w.person(w.person(who).Owner), Accounts: w.Accounts[who], Inclusions: w.Inclusions,
	}
	known(&q)
	return set.Eligible(q)
}

func TestWhatMayBeRequestedIsListedWithItsCertainty(t *testing.T) {
	w := readWorld(t)
	set := w.policySet(t)
	for name, c := range map[string]struct {
		who   IdentityID
		known func(*Question)
		want  []string
	}{
		"policy opens it whatever the request says": {"tom", func(q *Question) { q.Template = "training-admin" }, []string{
			"training-admin billing/role/admin certain: policy_allows",
		}},
		"the event decides": {"alice", func(q *Question) { q.Template = "incident-admin" }, []string{
			"incident-admin billing/role/admin possible: policy_allows event_required",
		}},
		"the event is known": {"alice", func(q *Question) { q.Template, q.Event = "incident-admin", w.event("inc-7") }, []string{
			"incident-admin billing/role/admin certain: policy_allows",
		}},
		"the event is known and of the wrong kind for the policy": {"alice", func(q *Question) { q.Template, q.Event = "incident-admin", w.event("chg-1") }, []string{
			"incident-admin billing/role/admin never: policy_no_match",
		}},
		"the event is over": {"alice", func(q *Question) { q.Template, q.Event = "incident-admin", w.event("inc-6") }, []string{
			"incident-admin billing/role/admin never: event_not_open policy_allows",
		}},
		"the identity is not the policy's": {"tom", func(q *Question) { q.Template = "incident-admin" }, []string{
			"incident-admin billing/role/admin never: policy_no_match",
		}},
		"a guardrail stands before it": {"rex", func(q *Question) { q.Template = "training-admin" }, []string{
			"training-admin billing/role/admin never: policy_allows policy_denies",
		}},
		"a guardrail may stand before it": {"alice", func(q *Question) { q.Template, q.Entitlements = "day-work", []EntitlementID{"crm/role/agent"} }, []string{
			"day-work crm/role/agent possible: policy_allows policy_may_deny",
		}},
		"the justification decides": {"alice", func(q *Question) { q.Template = "inside-read" }, []string{
			"inside-read billing/role/read possible: policy_depends",
		}},
		"the duration is known and too long": {"tom", func(q *Question) { q.Template = "training-admin"; q.Duration = new(span(3 * time.Hour)) }, []string{
			"training-admin billing/role/admin never: duration_too_long policy_allows",
		}},
		"break-glass decides": {"alice", func(q *Question) { q.Template = "emergency" }, []string{
			"emergency billing/role/ledger possible: policy_depends",
		}},
		"break-glass is asked for": {"alice", func(q *Question) { q.Template, q.BreakGlass = "emergency", true }, []string{
			"emergency billing/role/ledger certain: break_glass policy_allows",
		}},
		"break-glass is asked for where there is none": {"tom", func(q *Question) { q.Template, q.BreakGlass = "training-admin", true }, []string{
			"training-admin billing/role/admin never: break_glass_not_allowed policy_allows",
		}},
		"break-glass is asked for and used up": {"alice", func(q *Question) {
			q.Template, q.Entitlements, q.BreakGlass = "emergency-work", []EntitlementID{"billing/role/close"}, true
			q.Broken = []Request{{Template: "emergency-work", CreatedAt: noon.Add(-time.Hour)}}
		}, []string{
			"emergency-work billing/role/close never: break_glass_limit break_glass policy_allows",
		}},
		"only break-glass goes ahead of the approval that a rule demands": {"carol", func(q *Question) {
			q.Template, q.Entitlements, q.Event = "emergency-work", []EntitlementID{"billing/role/close"}, w.event("inc-7")
			q.Held = []Holding{{Identity: "carol", Account: "billing/carol", Entitlement: "billing/role/ledger"}}
		}, []string{
			"emergency-work billing/role/close possible: sod_needs_approval policy_allows",
		}},
		"the identity is suspended": {"sue", func(q *Question) { q.Template = "training-admin" }, []string{
			"training-admin billing/role/admin never: identity_not_active policy_allows",
		}},
		"there is no account": {"carol", func(q *Question) { q.Template, q.Entitlements = "day-work", []EntitlementID{"crm/role/agent"} }, []string{
			"day-work crm/role/agent never: account_missing policy_allows policy_may_deny",
		}},
		"there are two accounts": {"eve", func(q *Question) { q.Template = "training-admin" }, []string{
			"training-admin billing/role/admin certain: account_ambiguous policy_allows",
		}},
		"duties would be combined": {"tom", func(q *Question) {
			q.Template, q.Entitlements = "day-work", []EntitlementID{"billing/role/approve"}
			q.Held = []Holding{{Identity: "tom", Account: "billing/tom", Entitlement: "billing/role/create"}}
		}, []string{
			"day-work billing/role/approve never: sod_denies policy_allows",
		}},
		"an entitlement that is not declared": {"tom", func(q *Question) { q.Template, q.Entitlements = "left-behind", []EntitlementID{"billing/role/gone"} }, []string{
			"left-behind billing/role/gone never: no_policy",
		}},
		"a policy of another template opens nothing": {"tom", func(q *Question) { q.Template, q.Entitlements = "left-behind", []EntitlementID{"billing/role/audit"} }, []string{
			"left-behind billing/role/audit never: no_policy",
		}},
	} {
		var got []string
		for _, o := range eligible(w, set, c.who, c.known) {
			codes := ""
			for _, r := range o.Reasons {
				if r.Code != ReasonApprovalAutomatic && r.Code != ReasonApprovalNeeded {
					codes += " " + string(r.Code)
				}
			}
			got = append(got, strings.Join([]string{string(o.Template), string(o.Entitlement), string(o.Certainty) + ":"}, " ")+codes)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAnOpeningTellsWhatItTakes(t *testing.T) {
	w := readWorld(t)
	got := eligible(w, w.policySet(t), "alice", func(q *Question) { q.Template = "incident-admin" })
	if len(got) != 1 || got[0].MaxDuration.String() != "2h" ||
		!slices.Equal(got[0].Stages, []string{"lead"}) || !slices.Equal(got[0].EventKinds, []EventKind{Incident}) {
		t.Fatalf("openings: %+v", got)
	}
}

func TestAnOpeningNamesThePartsThatAreOpen(t *testing.T) {
	w := readWorld(t)
	got := eligible(w, w.policySet(t), "alice", func(q *Question) { q.Template = "inside-read" })
	var messages []string
	for _, r := range got[0].Reasons {
		if r.Weight == Depends {
			messages = append(messages, r.Message)
		}
	}
	want := []string{`policy "from-inside" allows "billing/role/read" if request.justification != null && cidrcontains("10.0.0.0/8", request.justification)`}
	if diff := cmp.Diff(want, messages); diff != "" {
		t.Errorf("it depends on (-want +got):\n%s", diff)
	}
}

// TestCertaintyIsWhatRequestsThenComeTo makes every request of a grid and holds
// its decision against the certainty that was told before.
func TestCertaintyIsWhatRequestsThenComeTo(t *testing.T) {
	w := readWorld(t)
	set := w.policySet(t)
	events := []*OpenEvent{nil}
	for _, e := range w.Events {
		if e.Open(noon) {
			events = append(events, &e)
		}
	}
	told := map[Certainty]int{}
	for _, person := range w.People {
		base := Question{
			Now: noon, Identity: person, Owner: w.person(person.Owner), Accounts: w.Accounts[person.ID()], Inclusions: w.Inclusions,
			Held: []Holding{{Identity: person.ID(), Account: AccountID("billing/" + person.Name), Entitlement: "billing/role/create"}},
		}
		for _, o := range set.Eligible(base) {
			told[o.Certainty]++
			template := set.Templates[o.Template]
			for _, event := range events {
				for _, duration := range []time.Duration{time.Minute, o.MaxDuration.Std()} {
					for n, justification := range []string{"", "because", "10.1.2.3", "192.168.1.1", "the glass"} {
						q := base
						q.Template, q.Entitlements, q.Event, q.Duration, q.Justification = o.Template, []EntitlementID{o.Entitlement}, event, new(span(duration)), justification
						q.BreakGlass = n == 4 && o.BreakGlass
						if len(q.Accounts) > 0 {
							q.Account = AccountID(string(o.Entitlement[:strings.Index(string(o.Entitlement), "/")]) + "/" + person.Name)
						}
						within := (event == nil) == (template.BusinessEvent == nil) && (event == nil || slices.Contains(template.BusinessEvent.Kinds, event.Kind)) &&
							(justification != "" || template.Justification == JustificationOptional)
						d := set.Decide(q)
						if o.Certainty == Never && d.Effect != Deny {
							t.Fatalf("%s never gets %s through %s, but %+v", person.ID(), o.Entitlement, o.Template, d)
						}
						if o.Certainty == Certain && within && d.Effect == Deny {
							t.Fatalf("%s certainly gets %s through %s, but %+v", person.ID(), o.Entitlement, o.Template, d.Denials())
						}
					}
				}
			}
		}
	}
	for _, certainty := range Certainties() {
		if told[certainty] < 5 {
			t.Errorf("only %d openings are %s; the comparison says little", told[certainty], certainty)
		}
	}
}
