package accesstest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Source is what is tested: declared policy, and the estate that it applies to.
type Source struct {
	Revision int64
	Objects  []governance.Object
	// Status is that of the identities that are not active.
	Status map[governance.IdentityID]governance.Status
	// Events are the business events that are known beside the declared ones.
	Events []governance.OpenEvent
	// Estate is nil when nothing was observed. Everybody is then taken to have one
	// account in each application, and nothing else.
	Estate *Estate
}

// Estate is what was observed.
type Estate struct {
	// Identities and Applications are those that it tells of; of others it is not
	// known what they have.
	Identities   map[governance.IdentityID]bool
	Applications map[governance.ApplicationID]bool
	Entitlements map[governance.EntitlementID]bool
	Accounts     map[governance.IdentityID][]governance.AccountID
	// Owners are whose each account is; empty for one that is nobody's.
	Owners map[governance.AccountID]governance.IdentityID
	// Holdings are observed assignments and live grants of identities.
	Holdings   []governance.Holding
	Inclusions governance.Inclusions
}

// Bench is a source made ready for tests. It is safe for concurrent use.
type Bench struct {
	set    *governance.PolicySet
	docs   governance.Documents
	people map[governance.IdentityID]governance.Person
	events map[governance.EventID]governance.OpenEvent
	estate Estate
}

// NewBench checks and compiles what is declared. The error lists everything that
// is wrong with it.
func NewBench(src Source) (*Bench, error) {
	b := &Bench{
		docs:   governance.Documents{Revision: src.Revision},
		people: map[governance.IdentityID]governance.Person{}, events: map[governance.EventID]governance.OpenEvent{},
	}
	if src.Estate != nil {
		b.estate = *src.Estate
	}
	for _, event := range src.Events {
		b.events[event.ID] = event
	}
	if err := b.declare(src); err != nil {
		return nil, err
	}
	return b, b.checkReferences(src.Objects)
}

func (b *Bench) declare(src Source) error {
	var wrong []error
	seen := map[string]bool{}
	for _, object := range src.Objects {
		name := nameOf(object)
		if seen[name] {
			wrong = append(wrong, fmt.Errorf("%s is declared twice", name))
			continue
		}
		seen[name] = true
		wrong = append(wrong, problemsOf(object, object.Check())...)
		switch o := object.(type) {
		case governance.Attribute:
			b.docs.Attributes = append(b.docs.Attributes, o)
		case governance.Application:
			b.docs.Applications = append(b.docs.Applications, o)
		case governance.Entitlement:
			b.docs.Entitlements = append(b.docs.Entitlements, o)
		case governance.EligibilityPolicy:
			b.docs.Policies = append(b.docs.Policies, o)
		case governance.SoDRule:
			b.docs.Rules = append(b.docs.Rules, o)
		case governance.GrantTemplate:
			b.docs.Templates = append(b.docs.Templates, o)
		case governance.Delegation:
			b.docs.Delegations = append(b.docs.Delegations, o)
		case governance.Identity:
			b.people[o.ID()] = governance.Person{Identity: o, Status: cmp.Or(src.Status[o.ID()], governance.Active), Version: 1}
		case governance.BusinessEvent:
			if _, known := b.events[o.DeclaredID()]; !known {
				b.events[o.DeclaredID()] = governance.OpenEvent{BusinessEvent: o, ID: o.DeclaredID(), Version: 1}
			}
		}
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	attributes := governance.NewAttributes(b.docs.Attributes)
	for _, object := range src.Objects {
		wrong = append(wrong, problemsOf(object, attributes.Check(object))...)
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	var err error
	b.set, err = governance.NewPolicySet(b.docs)
	return err
}

func (b *Bench) checkReferences(objects []governance.Object) error {
	var wrong []error
	for _, object := range objects {
		wrong = append(wrong, problemsOf(object, b.set.CheckReferences(object, func(id governance.IdentityID) bool {
			_, ok := b.people[id]
			return ok
		}))...)
	}
	return errors.Join(wrong...)
}

func nameOf(object governance.Object) string {
	return fmt.Sprintf("%s %q", object.ObjectKind(), object.Key())
}

func problemsOf(object governance.Object, found governance.Problems) []error {
	wrong := make([]error, len(found))
	for i, problem := range found {
		wrong[i] = fmt.Errorf("%s: %s: %s", nameOf(object), problem.Field, problem.Message)
	}
	return wrong
}

// person finds a declared identity.
func (b *Bench) person(id governance.IdentityID) (governance.Person, error) {
	person, ok := b.people[id]
	if !ok {
		return person, unknown("identity", id, slices.Sorted(maps.Keys(b.people)))
	}
	return person, nil
}

// root is the human who answers for an identity.
func root(i governance.Identity) governance.IdentityID {
	if i.Type != governance.Human && i.Owner != "" {
		return i.Owner
	}
	return i.ID()
}

// actor is everybody who counts as one with an identity: those that the same
// human answers for.
func (b *Bench) actor(i governance.Identity) map[governance.IdentityID]bool {
	members := map[governance.IdentityID]bool{i.ID(): true, root(i): true}
	for id, person := range b.people {
		if person.Type != governance.Human && person.Owner == root(i) {
			members[id] = true
		}
	}
	return members
}

// accounts are what an identity has in the declared applications. Where nothing
// was observed it is one account in each.
func (b *Bench) accounts(i governance.Identity, observed bool) []governance.AccountID {
	var accounts []governance.AccountID
	for _, application := range slices.SortedFunc(maps.Keys(b.set.Applications), cmp.Compare[governance.ApplicationID]) {
		if !observed || !b.estate.Applications[application] || !b.estate.Identities[i.ID()] {
			accounts = append(accounts, governance.NewAccountID(application, i.Name))
		}
	}
	if observed {
		accounts = append(accounts, b.estate.Accounts[i.ID()]...)
	}
	slices.Sort(accounts)
	return accounts
}

// known reports whether an entitlement is declared, or was observed.
func (b *Bench) known(id governance.EntitlementID) bool {
	return b.set.Entitlements[id] != nil || b.estate.Entitlements[id]
}
