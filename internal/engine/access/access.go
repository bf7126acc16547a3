// Package access takes a request to its grant: it decides, collects approvals,
// schedules grants, and begins their end when they are returned, revoked or
// due, or when their business event closes.
package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/discovery"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/targets"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Access is the use cases around requests and grants.
type Access struct {
	Journal  *journal.Journal
	Declared *declared.Loader
	// Nestings tell what entitlements include.
	Nestings *discovery.Nestings
	// Targets tell which accounts can be made.
	Targets *targets.Targets
	Logger  hclog.Logger
}

// Ask is what somebody asks for.
type Ask struct {
	Identity governance.IdentityID
	Template governance.TemplateID
	// Entitlements may be empty when the template has just one.
	Entitlements []governance.EntitlementID
	Account      governance.AccountID
	// BusinessEvent is an event's id, or the name of an open one.
	BusinessEvent string
	Duration      *governance.Duration
	Justification string
	// NotBefore is when the access is to begin; nil is at once.
	NotBefore *time.Time
	// Extends is the grant that is to end later; empty for a new one.
	Extends governance.GrantID
	// BreakGlass asks for it at once, past the template's approval.
	BreakGlass bool

	// admitted: the grant that is asked about was given.
	admitted bool
	// onMade: it rests on an account that Stint makes.
	onMade bool
}

// Decide says what would become of a request now, without making it.
func (a *Access) Decide(ctx context.Context, ask Ask) (governance.Decision, error) {
	var decision governance.Decision
	err := a.weigh(ctx, ask, func(set *governance.PolicySet, q governance.Question) { decision = set.Decide(q) })
	return decision, err
}

// Explain decides like Decide, with everything that the decision weighed.
func (a *Access) Explain(ctx context.Context, ask Ask) (governance.Decision, governance.Trace, error) {
	var decision governance.Decision
	var trace governance.Trace
	err := a.weigh(ctx, ask, func(set *governance.PolicySet, q governance.Question) { decision, trace = set.Trace(q) })
	return decision, trace, err
}

func (a *Access) weigh(ctx context.Context, ask Ask, decide func(*governance.PolicySet, governance.Question)) error {
	err := a.Journal.Read(ctx, func(tx *journal.Tx) error {
		set, question, _, err := a.question(ctx, tx, ask)
		if err != nil {
			return err
		}
		decide(set, question)
		return nil
	})
	if err != nil {
		return fmt.Errorf("decide: %w", err)
	}
	return nil
}

// standing is what the actor has by grants.
type standing struct {
	live []governance.Grant
	// implied is what comes with them and with what is asked for.
	implied governance.Inclusions
}

// question gathers everything that a decision depends on.
func (a *Access) question(ctx context.Context, tx *journal.Tx, ask Ask) (_ *governance.PolicySet, q governance.Question, has standing, err error) {
	set, q, outline, err := a.asked(ctx, tx, ask)
	if err != nil {
		return nil, q, has, err
	}
	row, err := tx.GetIdentity(ctx, string(ask.Identity))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, q, has, fault.New(fault.NotFound, "no identity %q", ask.Identity)
	}
	if err != nil {
		return nil, q, has, fmt.Errorf("read identity %s: %w", ask.Identity, err)
	}
	if has.live, err = a.asker(ctx, tx, &q, row); err != nil {
		return nil, q, has, err
	}
	if !ask.admitted {
		if err := uses(ctx, tx, set, &q); err != nil {
			return nil, q, has, err
		}
	}
	if q.Broken, err = broken(ctx, tx, ask, row.ID); err != nil {
		return nil, q, has, err
	}
	if !ask.admitted || ask.onMade {
		if err := a.newAccounts(ctx, tx, set, &q, ask.Template != ""); err != nil {
			return nil, q, has, err
		}
	}
	nested := slices.Clone(q.Entitlements)
	for _, h := range q.Held {
		nested = append(nested, h.Entitlement)
	}
	q.Inclusions, has.implied, err = outline.From(ctx, tx, nested)
	return set, q, has, err
}

// asked gathers what is the same whoever asks, without what is nested.
func (a *Access) asked(ctx context.Context, tx *journal.Tx, ask Ask) (_ *governance.PolicySet, q governance.Question, outline discovery.Outline, err error) {
	q = governance.Question{
		Now: tx.Now, Template: ask.Template, Entitlements: ask.Entitlements, Account: ask.Account,
		Duration: ask.Duration, Justification: ask.Justification, EventRef: ask.BusinessEvent,
		NotBefore: ask.NotBefore, Admitted: ask.admitted,
		BreakGlass: ask.BreakGlass,
	}
	set, err := a.Declared.Set(ctx, tx)
	if err != nil {
		return nil, q, outline, err
	}
	if template := set.Templates[ask.Template]; template != nil && len(ask.Entitlements) == 0 && len(template.Entitlements) == 1 {
		q.Entitlements = template.Entitlements
	}
	if q.Event, err = findEvent(ctx, tx, ask.BusinessEvent); err != nil {
		return nil, q, outline, err
	}
	if ask.Extends != "" {
		extends, err := grants.Get(ctx, tx, ask.Extends)
		if err != nil {
			return nil, q, outline, err
		}
		q.Extends = &extends.Grant
	}
	if outline, err = a.Nestings.Outline(ctx, tx); err != nil {
		return nil, q, outline, err
	}
	q.Retired = outline.Retired
	for _, id := range q.Entitlements {
		n, err := tx.DiscoveredEntitlementExists(ctx, string(id))
		if err != nil {
			return nil, q, outline, fmt.Errorf("look for %s: %w", id, err)
		}
		if n == 0 {
			q.Missing = append(q.Missing, id)
		}
	}
	return set, q, outline, nil
}

// asker gathers who asks and what the actor has, which is the identity and everyone
// who counts as one with it because one human answers for them all. It also answers
// with their live grants.
func (a *Access) asker(ctx context.Context, tx *journal.Tx, q *governance.Question, row sqlc.Identity) (live []governance.Grant, err error) {
	person, err := declared.PersonFrom(row)
	if err != nil {
		return nil, err
	}
	q.Identity, q.Bootstrap = *person, row.Bootstrap
	if person.Owner != "" {
		if q.Owner, err = declared.Person(ctx, tx, person.Owner); err != nil {
			return nil, err
		}
	}
	accounts, err := tx.ListAccountsOf(ctx, row.ID)
	if err != nil {
		return nil, fmt.Errorf("read accounts of %s: %w", row.ID, err)
	}
	for _, account := range accounts {
		q.Accounts = append(q.Accounts, governance.AccountID(account.ID))
	}
	slices.Sort(q.Accounts)
	members, err := actor(ctx, tx, person.Identity)
	if err != nil {
		return nil, err
	}
	for _, member := range members {
		held, given, err := holdings(ctx, tx, member)
		if err != nil {
			return nil, fmt.Errorf("read holdings of %s: %w", member, err)
		}
		q.Held, live = append(q.Held, held...), append(live, given...)
	}
	return live, nil
}

// actor lists the identities that one human answers for, that human first.
func actor(ctx context.Context, tx *journal.Tx, i governance.Identity) ([]governance.IdentityID, error) {
	members := []governance.IdentityID{i.Root()}
	owned, err := tx.ListOwned(ctx, string(members[0]))
	if err != nil {
		return nil, fmt.Errorf("read what %s owns: %w", members[0], err)
	}
	for _, row := range owned {
		members = append(members, governance.IdentityID(row.ID))
	}
	slices.Sort(members[1:])
	return members, nil
}

// holdings are what an identity holds, as observed and by its live grants.
func holdings(ctx context.Context, tx *journal.Tx, id governance.IdentityID) (held []governance.Holding, live []governance.Grant, err error) {
	observed, err := tx.ListAssignmentsOf(ctx, string(id))
	if err != nil {
		return nil, nil, err
	}
	for _, row := range observed {
		held = append(held, governance.Holding{Identity: id, Account: governance.AccountID(row.AccountID), Entitlement: governance.EntitlementID(row.EntitlementID)})
	}
	given, err := grants.List(tx.ListLiveGrantsOfIdentity(ctx, string(id)))
	if err != nil {
		return nil, nil, err
	}
	for _, g := range given {
		live = append(live, g.Grant)
		held = append(held, governance.Holding{Identity: id, Account: g.Account, Entitlement: g.Entitlement, Grant: g.ID})
	}
	slices.SortFunc(held, func(a, b governance.Holding) int {
		return strings.Compare(string(a.Account)+" "+string(a.Entitlement)+" "+string(a.Grant), string(b.Account)+" "+string(b.Entitlement)+" "+string(b.Grant))
	})
	return held, live, nil
}

// findEvent finds a business event by id, or an open one by name; nil when
// there is none, or none is asked for. Two open ones of a name are a refusal that lists them.
func findEvent(ctx context.Context, tx *journal.Tx, ref string) (*governance.OpenEvent, error) {
	if ref == "" {
		return nil, nil
	}
	row, err := tx.GetEvent(ctx, ref)
	if err == nil {
		return declared.EventFrom(row)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read business event %s: %w", ref, err)
	}
	rows, err := tx.FindOpenEvents(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("look for business event %s: %w", ref, err)
	}
	switch len(rows) {
	case 0:
		return nil, nil
	case 1:
		return declared.EventFrom(rows[0])
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	slices.Sort(ids)
	return nil, fault.New(fault.Conflict, "%d open business events are named %q; give an id: %s", len(rows), ref, strings.Join(ids, ", "))
}

// hold keeps what a new grant relies on until the transaction ends: nobody else
// decides about the same actor, and neither the identity nor the template nor
// the event goes. Of a template that bounds its live grants nobody else decides.
func (a *Access) hold(ctx context.Context, tx *journal.Tx, i governance.Identity, template governance.TemplateID, event governance.EventID) error {
	if _, err := tx.UseIdentity(ctx, string(i.Root())); err != nil {
		return fmt.Errorf("hold actor %s: %w", i.Root(), err)
	}
	if i.ID() != i.Root() {
		if _, err := tx.UseIdentity(ctx, string(i.ID())); err != nil {
			return fmt.Errorf("hold identity %s: %w", i.ID(), err)
		}
	}
	if err := grants.ShareTemplate(ctx, tx, template, i.ID()); err != nil {
		return err
	}
	if event != "" {
		if _, err := tx.UseEvent(ctx, string(event)); err != nil {
			return fmt.Errorf("hold business event %s: %w", event, err)
		}
	}
	// Whoever was waited for may have changed what is declared.
	if err := tx.RereadRevision(); err != nil {
		return err
	}
	set, err := a.Declared.Set(ctx, tx)
	if err != nil {
		return err
	}
	if t := set.Templates[template]; t == nil || t.MaxConcurrent == nil || t.MaxConcurrent.Total == nil {
		return nil
	}
	if _, err := tx.UseDeclared(ctx, sqlc.UseDeclaredParams{Kind: string(governance.KindTemplate), ID: string(template)}); err != nil {
		return fmt.Errorf("hold grant template %s: %w", template, err)
	}
	return nil
}
