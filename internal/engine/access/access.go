// Package access takes a request to its grant: it decides, collects approvals,
// schedules grants, and begins their end when they are returned, revoked or
// due, or when their business event closes.
package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/discovery"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Access is the use cases around requests and grants.
type Access struct {
	Journal  *journal.Journal
	Declared *declared.Loader
	Logger   hclog.Logger
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
	// Extends is the grant that is to end later; empty for a new one.
	Extends governance.GrantID
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
		set, question, err := a.question(ctx, tx, ask)
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

// question gathers everything that a decision depends on.
func (a *Access) question(ctx context.Context, tx *journal.Tx, ask Ask) (*governance.PolicySet, governance.Question, error) {
	set, q, err := a.asked(ctx, tx, ask)
	if err != nil {
		return nil, q, err
	}
	row, err := tx.GetIdentity(ctx, string(ask.Identity))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, q, fault.New(fault.NotFound, "no identity %q", ask.Identity)
	}
	if err != nil {
		return nil, q, fmt.Errorf("read identity %s: %w", ask.Identity, err)
	}
	members, err := a.asker(ctx, tx, &q, row)
	if err != nil {
		return nil, q, err
	}
	return set, q, nested(ctx, tx, &q, members)
}

// nested reads what the members of the actor and the entitlements that are asked
// for have nested: what nobody holds or asks for does not matter, and there may
// be a lot of it.
func nested(ctx context.Context, tx *journal.Tx, q *governance.Question, members []governance.IdentityID) error {
	q.Inclusions = governance.Inclusions{}
	add := func(rows []sqlc.Inclusion, err error) error {
		all, _, err := discovery.Inclusions(rows, err)
		maps.Copy(q.Inclusions, all) // an entitlement comes with all that it includes, or not at all
		return err
	}
	for _, member := range members {
		if err := add(tx.ListInclusionsOf(ctx, string(member))); err != nil {
			return err
		}
	}
	for _, id := range q.Entitlements {
		if err := add(tx.ListInclusionsFrom(ctx, string(id))); err != nil {
			return err
		}
	}
	return nil
}

// asked gathers what is the same whoever asks, without what is nested.
func (a *Access) asked(ctx context.Context, tx *journal.Tx, ask Ask) (*governance.PolicySet, governance.Question, error) {
	q := governance.Question{
		Now: tx.Now, Template: ask.Template, Entitlements: ask.Entitlements, Account: ask.Account,
		Duration: ask.Duration, Justification: ask.Justification, EventRef: ask.BusinessEvent,
	}
	set, err := a.Declared.Set(ctx, tx)
	if err != nil {
		return nil, q, err
	}
	if template := set.Templates[ask.Template]; template != nil && len(ask.Entitlements) == 0 && len(template.Entitlements) == 1 {
		q.Entitlements = template.Entitlements
	}
	if ask.BusinessEvent != "" {
		if q.Event, err = findEvent(ctx, tx, ask.BusinessEvent); err != nil {
			return nil, q, err
		}
	}
	if ask.Extends != "" {
		extends, err := grants.Get(ctx, tx, ask.Extends)
		if err != nil {
			return nil, q, err
		}
		q.Extends = &extends.Grant
	}
	for _, id := range q.Entitlements {
		n, err := tx.DiscoveredEntitlementExists(ctx, string(id))
		if err != nil {
			return nil, q, fmt.Errorf("look for %s: %w", id, err)
		}
		if n == 0 {
			q.Missing = append(q.Missing, id)
		}
	}
	return set, q, nil
}

// asker gathers who asks and what the actor has: the identity, and everyone who
// counts as one with it because one human answers for them all.
func (a *Access) asker(ctx context.Context, tx *journal.Tx, q *governance.Question, row sqlc.Identity) (members []governance.IdentityID, err error) {
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
	if members, err = actor(ctx, tx, person.Identity); err != nil {
		return nil, err
	}
	for _, member := range members {
		held, err := holdings(ctx, tx, member)
		if err != nil {
			return nil, fmt.Errorf("read holdings of %s: %w", member, err)
		}
		q.Held = append(q.Held, held...)
	}
	return members, nil
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

func holdings(ctx context.Context, tx *journal.Tx, id governance.IdentityID) ([]governance.Holding, error) {
	var held []governance.Holding
	observed, err := tx.ListAssignmentsOf(ctx, string(id))
	if err != nil {
		return nil, err
	}
	for _, row := range observed {
		held = append(held, governance.Holding{Identity: id, Account: governance.AccountID(row.AccountID), Entitlement: governance.EntitlementID(row.EntitlementID)})
	}
	live, err := grants.List(tx.ListLiveGrantsOfIdentity(ctx, string(id)))
	if err != nil {
		return nil, err
	}
	for _, g := range live {
		held = append(held, governance.Holding{Identity: id, Account: g.Account, Entitlement: g.Entitlement, Grant: g.ID})
	}
	slices.SortFunc(held, func(a, b governance.Holding) int {
		return strings.Compare(string(a.Account)+" "+string(a.Entitlement)+" "+string(a.Grant), string(b.Account)+" "+string(b.Entitlement)+" "+string(b.Grant))
	})
	return held, nil
}

// findEvent finds a business event by id, or an open one by name; nil when
// there is none. Two open ones of a name are a refusal that lists them.
func findEvent(ctx context.Context, tx *journal.Tx, ref string) (*governance.OpenEvent, error) {
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
// the event goes.
func hold(ctx context.Context, tx *journal.Tx, i governance.Identity, template governance.TemplateID, event governance.EventID) error {
	if _, err := tx.UseIdentity(ctx, string(i.Root())); err != nil {
		return fmt.Errorf("hold actor %s: %w", i.Root(), err)
	}
	if i.ID() != i.Root() {
		if _, err := tx.UseIdentity(ctx, string(i.ID())); err != nil {
			return fmt.Errorf("hold identity %s: %w", i.ID(), err)
		}
	}
	if _, err := tx.UseDeclared(ctx, sqlc.UseDeclaredParams{Kind: string(governance.KindTemplate), ID: string(template)}); err != nil {
		return fmt.Errorf("hold grant template %s: %w", template, err)
	}
	if event != "" {
		if _, err := tx.UseEvent(ctx, string(event)); err != nil {
			return fmt.Errorf("hold business event %s: %w", event, err)
		}
	}
	// Whoever was waited for may have changed what is declared.
	return tx.RereadRevision()
}
