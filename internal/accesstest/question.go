package accesstest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// question gathers everything that the decision on a case depends on. A name in
// the case that leads nowhere is an error: a scenario that expects a denial must
// not hold because of a typing mistake.
func (b *Bench) question(c Case) (governance.Question, error) {
	q := governance.Question{
		Now: c.Now, Template: c.Template, Entitlements: c.Entitlements, Account: c.Account,
		Duration: c.Duration, Justification: c.Justification, EventRef: c.EventRef, Event: c.Event,
		NotBefore: c.NotBefore, BreakGlass: c.BreakGlass,
		Inclusions: b.estate.Inclusions,
	}
	template := b.set.Templates[c.Template]
	if template == nil {
		return q, unknown("grant template", c.Template, slices.Sorted(maps.Keys(b.set.Templates)))
	}
	if len(c.Entitlements) == 0 && len(template.Entitlements) == 1 {
		q.Entitlements = template.Entitlements
	}
	if err := b.parties(c, &q); err != nil {
		return q, err
	}
	if c.Event != nil {
		if err := b.set.Attributes.Check(c.Event.BusinessEvent).Err(); err != nil {
			return q, fmt.Errorf("the event: %w", err)
		}
	}
	if c.EventRef != "" {
		event, err := b.event(c.EventRef)
		if err != nil {
			return q, err
		}
		q.Event = &event
	}
	for _, id := range q.Entitlements {
		if !b.known(id) {
			return q, unknown("entitlement", id, slices.Sorted(maps.Keys(b.set.Entitlements)))
		}
		application, _, _, _ := id.Split()
		if b.estate.Applications[application] && !b.estate.Entitlements[id] {
			q.Missing = append(q.Missing, id)
		}
	}
	b.newAccounts(&q)
	return q, b.holdings(c, &q)
}

// newAccounts works out the accounts that would be made for who asks. What the
// target has against a name is not known here.
func (b *Bench) newAccounts(q *governance.Question) {
	lacking := b.set.Lacking(*q)
	if len(lacking) == 0 {
		return
	}
	var everybody []governance.Person
	for _, id := range slices.Sorted(maps.Keys(b.people)) {
		everybody = append(everybody, b.people[id])
	}
	q.NewAccounts = map[governance.ApplicationID]governance.NewAccount{}
	for _, id := range lacking {
		q.NewAccounts[id] = b.set.NewAccount(id, q.Identity, governance.AccountSurroundings{
			Owner: func(account governance.AccountID) (governance.IdentityID, bool) {
				owner, taken := b.estate.Owners[account]
				return owner, taken
			},
			Others: everybody,
		})
	}
}

// parties finds who asks, who answers for them, and their accounts.
func (b *Bench) parties(c Case, q *governance.Question) error {
	if c.Person != nil {
		q.Identity = *c.Person
		if err := b.set.Attributes.Check(c.Person.Identity).Err(); err != nil {
			return fmt.Errorf("the identity: %w", err)
		}
	} else {
		person, err := b.person(c.Identity)
		if err != nil {
			return err
		}
		q.Identity = person
	}
	if owner := q.Identity.Owner; owner != "" {
		person, err := b.person(owner)
		if err != nil {
			return fmt.Errorf("the owner: %w", err)
		}
		q.Owner = &person
	}
	if manager := q.Identity.Manager; manager != "" {
		if _, err := b.person(manager); err != nil {
			return fmt.Errorf("the manager: %w", err)
		}
	}
	q.Accounts = c.Accounts
	if c.Accounts == nil {
		q.Accounts = b.accounts(q.Identity.Identity, c.Person == nil)
	}
	return nil
}

// event finds a business event by its id, or by the name of one that is open.
func (b *Bench) event(ref string) (governance.OpenEvent, error) {
	if event, ok := b.events[governance.EventID(ref)]; ok {
		return event, nil
	}
	var named []governance.OpenEvent
	for _, id := range slices.Sorted(maps.Keys(b.events)) {
		if event := b.events[id]; event.Name == ref && event.ClosedAt == nil {
			named = append(named, event)
		}
	}
	switch len(named) {
	case 0:
		return governance.OpenEvent{}, unknown("business event", governance.EventID(ref), slices.Sorted(maps.Keys(b.events)))
	case 1:
		return named[0], nil
	}
	return governance.OpenEvent{}, fmt.Errorf("%d open business events are named %q; give an id", len(named), ref)
}

// holdings are what the actor has before it asks.
func (b *Bench) holdings(c Case, q *governance.Question) error {
	members := b.actor(q.Identity.Identity)
	if c.Holdings == nil {
		for _, h := range b.estate.Holdings {
			if members[h.Identity] && (c.Person == nil || h.Identity != c.Identity) {
				q.Held = append(q.Held, h)
			}
		}
		return nil
	}
	for _, held := range c.Holdings {
		holder := q.Identity.Identity
		if held.Identity != "" && held.Identity != c.Identity {
			person, err := b.person(held.Identity)
			if err != nil {
				return fmt.Errorf("%s: %w", held.At, err)
			}
			if !members[held.Identity] {
				return fmt.Errorf("%s: %q does not count as one actor with %q, so what it holds changes nothing", held.At, held.Identity, c.Identity)
			}
			holder = person.Identity
		}
		if !b.known(held.Entitlement) {
			return fmt.Errorf("%s: %w", held.At, unknown("entitlement", held.Entitlement, slices.Sorted(maps.Keys(b.set.Entitlements))))
		}
		q.Held = append(q.Held, governance.Holding{
			Identity: holder.ID(), Account: b.accountIn(held.Entitlement, holder), Entitlement: held.Entitlement,
		})
	}
	return nil
}

// accountIn is the account that holds what a case says is held.
func (b *Bench) accountIn(id governance.EntitlementID, holder governance.Identity) governance.AccountID {
	application, _, _, _ := id.Split()
	for _, account := range b.accounts(holder, true) {
		if strings.HasPrefix(string(account), string(application)+"/") {
			return account
		}
	}
	return governance.NewAccountID(application, holder.Name)
}

func unknown[T ~string](what string, name T, known []T) error {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	if near := condition.Closest(string(name), names); near != "" {
		return fmt.Errorf("no %s %q is declared; did you mean %q?", what, name, near)
	}
	return fmt.Errorf("no %s %q is declared", what, name)
}
