package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// change edits a declared object as it stands.
func change[T governance.Object](h *harness, kind governance.Kind, id string, edit func(*T)) {
	h.t.Helper()
	stored, err := h.engine.Catalog.Get(h.t.Context(), kind, id)
	if err != nil {
		h.t.Fatal(err)
	}
	object := stored.Object.(T)
	edit(&object)
	if _, err := h.engine.Catalog.Put(h.t.Context(), by, object, catalog.Precondition{Version: stored.Version}); err != nil {
		h.t.Fatalf("edit %s %s: %v", kind, id, err)
	}
}

func (h *harness) endedBecause(id governance.GrantID, detail string) {
	h.t.Helper()
	h.ended(id, governance.EndIneligible, governance.OutcomeRemoved)
	if got := h.grant(id).EndDetail; !strings.Contains(got, detail) {
		h.t.Errorf("the grant ended because of %q, want something of %q", got, detail)
	}
}

// settled waits until nothing is left to be decided again.
func (h *harness) settled() {
	h.t.Helper()
	h.until("every marked grant is decided again", func() bool {
		var n int64
		if err := h.engine.Journal.Read(h.t.Context(), func(tx *journal.Tx) (err error) {
			n, err = tx.CountMarkedGrants(h.t.Context())
			return err
		}); err != nil {
			h.t.Fatal(err)
		}
		return n == 0
	})
}

// evidenceOf are the records of a kind about a subject.
func (h *harness) evidenceOf(kind, subject string) []evidence.Record {
	h.t.Helper()
	if err := h.engine.Journal.Sequence(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	records, err := h.engine.Journal.Records(h.t.Context(), 0, 1_000_000)
	if err != nil {
		h.t.Fatal(err)
	}
	var found []evidence.Record
	for _, r := range records {
		record, err := evidence.Decode(r.Entry.Leaf)
		if err != nil {
			h.t.Fatal(err)
		}
		if record.Kind == kind && record.Subject.ID == subject {
			found = append(found, record)
		}
	}
	return found
}

func TestGrantEndsWhenAnEditTakesItsEligibility(t *testing.T) {
	edits := map[string]struct {
		edit   func(h *harness)
		detail string
	}{
		"group": {func(h *harness) {
			change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.Groups = []string{} })
		}, `policy "oncall" does not match`},
		"policy": {func(h *harness) {
			change(h, governance.KindPolicy, "oncall", func(p *governance.EligibilityPolicy) {
				p.Condition = `identity.name != "alice" && contains(identity.groups, "oncall")`
			})
		}, `policy "oncall" does not match`},
		"new deny policy": {func(h *harness) {
			h.put(governance.EligibilityPolicy{Name: "freeze", Effect: governance.PolicyDeny, Entitlements: []governance.EntitlementID{dba}, Condition: `identity.name == "alice"`})
		}, `policy "freeze" denies`},
		"approval demanded": {func(h *harness) {
			change(h, governance.KindTemplate, "auto", func(g *governance.GrantTemplate) {
				g.Approval = governance.ApprovalDefinition{Stages: []governance.ApprovalStage{{
					Name: "lead", Quorum: 1, Approvers: governance.Approvers{Groups: []string{"leads"}}, Timeout: governance.Duration(time.Minute), OnTimeout: governance.Lapse,
				}}}
			})
		}, "an approval is demanded now"},
		"entitlement": {func(h *harness) {
			change(h, governance.KindPolicy, "oncall", func(p *governance.EligibilityPolicy) {
				p.Condition = `contains(identity.groups, "oncall") && entitlement.risk != "critical"`
			})
			change(h, governance.KindEntitlement, string(dba), func(e *governance.Entitlement) { e.Risk = governance.RiskCritical })
		}, `policy "oncall" does not match`},
	}
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		for name, c := range edits {
			id := h.granted("alice", "", dba)
			others := h.granted("bob", "", reader)
			c.edit(h)
			h.endedBecause(id, c.detail)
			if h.administers("alice") {
				t.Errorf("%s: the target still lets her in", name)
			}
			if name != "approval demanded" && h.grant(others).State != governance.GrantActive {
				t.Errorf("%s: it took bob's right as well: %s", name, h.grant(others).EndDetail)
			}
			h.restore()
		}
	})
}

// restore puts back what the edits of a test changed.
func (h *harness) restore() {
	h.t.Helper()
	change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.Groups = []string{"oncall"} })
	change(h, governance.KindPolicy, "oncall", func(p *governance.EligibilityPolicy) { p.Condition = `contains(identity.groups, "oncall")` })
	change(h, governance.KindTemplate, "auto", func(g *governance.GrantTemplate) {
		g.Approval = governance.ApprovalDefinition{Automatic: true}
	})
	if stored, err := h.engine.Catalog.Get(h.t.Context(), governance.KindPolicy, "freeze"); err == nil {
		if err := h.engine.Catalog.Delete(h.t.Context(), by, governance.KindPolicy, "freeze", stored.Version, false); err != nil {
			h.t.Fatal(err)
		}
	}
}

func TestWhatWasMeasuredAtTheGrantIsNotMeasuredAgain(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		id := h.granted("alice", "", dba)
		change(h, governance.KindTemplate, "auto", func(g *governance.GrantTemplate) {
			g.Duration = governance.DurationBounds{Default: governance.Duration(time.Minute), Max: governance.Duration(time.Minute)}
			g.Justification = governance.JustificationRequired
		})
		h.settled()
		g := h.grant(id)
		if g.State != governance.GrantActive || g.Ineligible != nil {
			t.Errorf("the grant is %s: %s", g.State, g.EndDetail)
		}
		stored, err := h.engine.Catalog.Get(t.Context(), governance.KindTemplate, "auto")
		if err != nil {
			t.Fatal(err)
		}
		if found := h.evidenceOf("grant_template.updated", stored.ID); len(found) != 1 || g.Basis.Revision != found[0].Revision {
			t.Errorf("the grant is decided on revision %d, the edit made another: %+v", g.Basis.Revision, found)
		}
	})
}

func TestGraceEndsTheGrantUnlessItIsEligibleAgain(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		grace := governance.Duration(10 * time.Minute)
		change(h, governance.KindTemplate, "auto", func(g *governance.GrantTemplate) {
			g.OnIneligible, g.IneligibleGrace = governance.IneligibleGrace, &grace
		})
		id := h.granted("alice", "", dba)
		notAfter := h.grant(id).NotAfter
		change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.Groups = []string{} })
		h.settled()
		g := h.grant(id)
		if g.State != governance.GrantActive || g.Ineligible == nil || !g.Ineligible.EndsAt.Equal(g.Ineligible.Since.Add(grace.Std())) {
			t.Fatalf("the grant is %s with %+v", g.State, g.Ineligible)
		}
		if !h.findings(governance.FindingIneligibleGrant)["billing/alice "+string(dba)] {
			t.Error("nothing says that she holds what she would be denied")
		}
		change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.Groups = []string{"oncall"} })
		h.settled()
		if g := h.grant(id); g.Ineligible != nil || !g.NotAfter.Equal(notAfter) {
			t.Errorf("eligible again, the grant has %+v and ends at %s, not %s", g.Ineligible, g.NotAfter, notAfter)
		}
		if found := h.findings(governance.FindingIneligibleGrant); len(found) != 0 {
			t.Errorf("findings remain: %v", found)
		}
		change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.Groups = []string{"else"} })
		h.settled()
		began := h.grant(id).Ineligible.Since
		h.clock.Advance(grace.Std())
		h.endedBecause(id, `policy "oncall" does not match`)
		if g := h.grant(id); !g.RevokingAt.Equal(began.Add(grace.Std())) {
			t.Errorf("the end was due at %s, want %s", g.RevokingAt, began.Add(grace.Std()))
		}
		for kind, want := range map[string]int{"grant.ineligible": 2, "grant.eligible_again": 1} {
			if found := h.evidenceOf(kind, string(id)); len(found) != want {
				t.Errorf("%d records of %s, want %d", len(found), kind, want)
			}
		}
	})
}

func TestFlagKeepsTheGrantAndReportsIt(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		change(h, governance.KindTemplate, "auto", func(g *governance.GrantTemplate) { g.OnIneligible = governance.IneligibleFlag })
		id := h.granted("alice", "", dba)
		change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.Groups = []string{} })
		h.settled()
		if g := h.grant(id); g.State != governance.GrantActive || g.Ineligible == nil || g.Ineligible.EndsAt != nil {
			t.Fatalf("the grant is %s with %+v", g.State, g.Ineligible)
		}
		if !h.findings(governance.FindingIneligibleGrant)["billing/alice "+string(dba)] {
			t.Error("no finding")
		}
		// Neither a guardrail nor a status waits for anything.
		h.put(governance.EligibilityPolicy{Name: "freeze", Effect: governance.PolicyDeny, Entitlements: []governance.EntitlementID{dba}, Condition: `identity.name == "alice"`})
		h.ended(id, governance.EndIneligible, governance.OutcomeRemoved)
	})
}

func TestNewRuleTakesTheNewerOfTwoInConflict(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		older, newer := h.granted("alice", "", payer), h.granted("deploy-bot", "", dba) // which includes billing_write
		other := h.granted("bob", "", dba)
		h.apart(governance.SoDDeny, true)
		h.endedBecause(newer, `rule "apart"`)
		h.settled()
		for _, id := range []governance.GrantID{older, other} {
			if g := h.grant(id); g.State != governance.GrantActive {
				t.Errorf("grant of %s to %s is %s: %s", g.Entitlement, g.Identity, g.State, g.EndDetail)
			}
		}
	})
}

func TestRightSeenInTheTargetCountsAgainstALiveGrant(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.apart(governance.SoDDeny, true)
		id := h.granted("alice", "", payer)
		h.target.Exec(t, "postgres", `GRANT billing_admin TO alice`)
		h.sync()
		h.endedBecause(id, `rule "apart"`)
	})
}

func TestNestingInTheTargetIsNoticed(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.apart(governance.SoDDeny, true)
		older, newer := h.granted("alice", "", writer), h.granted("alice", "", reader)
		h.target.Exec(t, "postgres", `GRANT payments TO billing_read`)
		h.sync()
		h.settled()
		h.until("one of the two is over", func() bool { return !h.grant(newer).State.Live() || !h.grant(older).State.Live() })
		if g := h.grant(older); g.State == governance.GrantActive && h.grant(newer).State == governance.GrantActive {
			t.Error("both grants live on")
		}
	})
}

func TestEditAndRequestAtOnceLeaveNobodyIneligible(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.target.Stop(t) // what is granted stays scheduled
		edits := map[string]func(round int){
			"new deny policy": func(round int) {
				h.put(governance.EligibilityPolicy{Name: fmt.Sprintf("freeze-%d", round), Effect: governance.PolicyDeny, Entitlements: []governance.EntitlementID{dba}, Condition: `identity.name == "alice"`})
			},
			"group": func(int) {
				change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.Groups = []string{} })
			},
			"new rule": func(round int) {
				h.put(governance.SoDRule{Name: fmt.Sprintf("apart-%d", round), Mode: governance.SoDDeny, Limit: 1, IncludeOwned: true, Duties: map[string]governance.Duty{
					"a": {Entitlements: []governance.EntitlementID{dba}}, "b": {Entitlements: []governance.EntitlementID{payer}},
				}})
			},
		}
		for name, edit := range edits {
			for round := range 5 {
				if name == "new rule" {
					h.request("alice", "auto", "", payer)
				}
				var wait sync.WaitGroup
				wait.Go(func() {
					if _, err := h.engine.Access.Request(t.Context(), actor("alice"), askAuto("alice", dba)); err != nil {
						t.Errorf("request: %v", err)
					}
				})
				wait.Go(func() { edit(round) })
				wait.Wait()
				h.settled()
				for _, id := range h.live() {
					if g := h.grant(id); g.Entitlement == dba {
						t.Fatalf("%s, round %d: a grant that nobody may have is %s", name, round, g.State)
					}
				}
				h.undo(name, round)
			}
		}
	})
}

func (h *harness) undo(name string, round int) {
	h.t.Helper()
	remove := func(kind governance.Kind, id string) {
		if err := h.engine.Catalog.Delete(h.t.Context(), by, kind, id, 1, false); err != nil {
			h.t.Fatal(err)
		}
	}
	switch name {
	case "new deny policy":
		remove(governance.KindPolicy, fmt.Sprintf("freeze-%d", round))
	case "new rule":
		remove(governance.KindRule, fmt.Sprintf("apart-%d", round))
	default:
		change(h, governance.KindIdentity, "alice", func(i *governance.Identity) { i.Groups = []string{"oncall"} })
	}
	for _, id := range h.live() {
		if _, err := h.engine.Access.Revoke(h.t.Context(), by, id, ""); err != nil {
			h.t.Fatal(err)
		}
	}
}

func TestEditMarksOnlyTheGrantsItBearsOn(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		h.put(governance.EligibilityPolicy{Name: "few", Effect: governance.PolicyAllow, Entitlements: []governance.EntitlementID{payer}, Condition: `identity.type == "human"`})
		change(h, governance.KindTemplate, "approved", func(g *governance.GrantTemplate) {
			g.Entitlements, g.EligibilityPolicies = []governance.EntitlementID{payer}, []governance.PolicyID{"few"}
		})
		h.target.Stop(t)
		pattern := h.request("alice", "auto", "", reader)
		like := h.grant(pattern.Grants[0]).Grant
		const all, few = 10_000, 7
		if err := h.engine.Journal.Bookkeep(t.Context(), func(tx *journal.Tx) error {
			for n := range all {
				g := like
				g.ID = governance.GrantID(tx.NewID())
				if n < few {
					g.Template, g.Entitlement, g.Identity = "approved", payer, "bob"
				}
				body, err := declared.Encode(g)
				if err != nil {
					return err
				}
				due := g.ActivateBy
				if err := tx.InsertGrant(t.Context(), sqlc.InsertGrantParams{
					ID: string(g.ID), RequestID: string(g.Request), IdentityID: string(g.Identity), TemplateID: string(g.Template), ApplicationID: string(g.Application),
					AccountID: string(g.Account), EntitlementID: string(g.Entitlement), State: string(g.State), Live: true, DueAt: store.NullMicros(&due), Body: body,
				}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			kind, id string
			edit     func()
			want     int
		}{
			{"eligibility_policy.updated", "few", func() {
				change(h, governance.KindPolicy, "few", func(p *governance.EligibilityPolicy) { p.Condition = `identity.type != "agent"` })
			}, few},
			{"grant_template.updated", "approved", func() {
				change(h, governance.KindTemplate, "approved", func(g *governance.GrantTemplate) { g.RevokeOnDestroy = true })
			}, few},
			{"entitlement.updated", string(payer), func() {
				change(h, governance.KindEntitlement, string(payer), func(e *governance.Entitlement) { e.Risk = governance.RiskLow })
			}, few},
			{"identity.updated", "bob", func() {
				change(h, governance.KindIdentity, "bob", func(i *governance.Identity) { i.Manager = "carol" })
			}, few},
			{"eligibility_policy.created", "guard", func() {
				h.put(governance.EligibilityPolicy{Name: "guard", Effect: governance.PolicyDeny, Entitlements: []governance.EntitlementID{payer}, Condition: `identity.name == "nobody"`})
			}, few},
		} {
			c.edit()
			found := h.evidenceOf(c.kind, c.id)
			if n := found[len(found)-1].Data["grants_redecided"]; fmt.Sprint(n) != fmt.Sprint(c.want) {
				t.Errorf("%s of %s marked %v of %d grants, want %v", c.kind, c.id, n, all, c.want)
			}
		}
	})
}

func TestLeaverLosesWhatIsHeldAndAskedFor(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		own, bots := h.granted("alice", "", dba), h.granted("deploy-bot", "", reader)
		pending := h.request("alice", "approved", "", payer)
		asked := h.request("deploy-bot", "approved", "", payer)
		if pending.State != governance.RequestPending || asked.State != governance.RequestPending {
			t.Fatalf("the requests are %s and %s", pending.State, asked.State)
		}
		if _, err := h.engine.Catalog.Status(t.Context(), by, "alice", governance.Left); err != nil {
			t.Fatal(err)
		}
		for id, code := range map[governance.RequestID]governance.ReasonCode{pending.ID: governance.ReasonIdentityNotActive, asked.ID: governance.ReasonOwnerNotActive} {
			view, err := h.engine.Access.GetRequest(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			denials := view.Decision.Denials()
			if view.State != governance.RequestInvalidated || len(denials) != 1 || denials[0].Code != code {
				t.Errorf("request of %s is %s: %+v", view.Identity, view.State, denials)
			}
		}
		h.ended(own, governance.EndIdentityLeft, governance.OutcomeRemoved)
		h.endedBecause(bots, `the owner "alice"`)
	})
}

func TestStatusChangesWhileWorkersMoveTheGrant(t *testing.T) {
	onBothStores(t, func(t *testing.T, h *harness) {
		h.declare()
		for range 8 {
			view := h.request("alice", "auto", "", reader)
			set := make(chan error, 1)
			go func() {
				var errs []error
				for _, status := range []governance.Status{governance.Suspended, governance.Active} {
					_, err := h.engine.Catalog.Status(t.Context(), by, "alice", status)
					errs = append(errs, err)
				}
				set <- errors.Join(errs...)
			}()
			h.until("the status is set", func() bool {
				select {
				case err := <-set:
					if err != nil {
						t.Error(err)
					}
					return true
				default:
					return false
				}
			})
			h.until("the grant is over", func() bool { return !h.grant(view.Grants[0]).State.Live() })
		}
	})
}
