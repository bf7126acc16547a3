package grants

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Reliance is what grants rest on: who holds them, the templates that gave them,
// the business events that they are for.
type Reliance struct {
	Identities []governance.IdentityID
	Templates  []governance.TemplateID
	Events     []governance.EventID
}

// Hold keeps it until the transaction ends: every transaction that grants, or
// that decides a grant again, holds the same or shares the templates of it. So
// whoever holds first and then marks live grants misses none. Actors come before the
// identities that they answer for, and those before templates and events,
// everywhere, so that two who hold never wait for each other.
func (r Reliance) Hold(ctx context.Context, tx *journal.Tx) error { return r.hold(ctx, tx, allPlaces) }

// Share is Hold that keeps nobody else from sharing the templates.
func (r Reliance) Share(ctx context.Context, tx *journal.Tx) error { return r.hold(ctx, tx, 1) }

// ShareTemplate keeps a template until the transaction ends, for a decision about an
// identity. Others may share it.
func ShareTemplate(ctx context.Context, tx *journal.Tx, id governance.TemplateID, about governance.IdentityID) error {
	r := Reliance{Identities: []governance.IdentityID{about}, Templates: []governance.TemplateID{id}}
	return holdPlaces(ctx, tx, r.places(1))
}

func (r Reliance) hold(ctx context.Context, tx *journal.Tx, each int64) error {
	var roots, members []governance.IdentityID
	for _, id := range r.Identities {
		person, err := declared.Person(ctx, tx, id)
		if err != nil {
			return err
		}
		if person == nil {
			continue
		}
		roots = append(roots, person.Root())
		if id != person.Root() {
			members = append(members, id)
		}
	}
	for _, ids := range [][]governance.IdentityID{once(roots), once(members)} {
		for _, id := range ids {
			if _, err := tx.UseIdentity(ctx, string(id)); err != nil {
				return fmt.Errorf("hold identity %s: %w", id, err)
			}
		}
	}
	if err := holdPlaces(ctx, tx, r.places(each)); err != nil {
		return err
	}
	for _, id := range once(r.Events) {
		if id == "" {
			continue
		}
		if _, err := tx.UseEvent(ctx, string(id)); err != nil {
			return fmt.Errorf("hold business event %s: %w", id, err)
		}
	}
	return nil
}

const (
	// allPlaces is how many rows hold one template, and templateGroups how many
	// groups of such rows there are; the schema has made them.
	allPlaces      = 64
	templateGroups = 16
)

// places are the rows that hold the templates, some of each, in the order in which
// they are held everywhere. Who shares is spread over them by the first identity.
func (r Reliance) places(each int64) []int64 {
	first := int64(0)
	if each < allPlaces && len(r.Identities) > 0 {
		first = spread(r.Identities[0], allPlaces)
	}
	var places []int64
	for _, id := range r.Templates {
		group := spread(id, templateGroups) * allPlaces
		for i := range each {
			places = append(places, group+(first+i)%allPlaces)
		}
	}
	slices.Sort(places)
	return slices.Compact(places)
}

func spread[T ~string](id T, n uint32) int64 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(id)) // it never fails
	return int64(hash.Sum32() % n)
}

func holdPlaces(ctx context.Context, tx *journal.Tx, places []int64) error {
	for _, place := range places {
		if err := tx.HoldTemplatePlace(ctx, place); err != nil {
			return fmt.Errorf("hold grant templates: %w", err)
		}
	}
	return nil
}

func once[T ~string](ids []T) []T {
	ids = slices.Sorted(slices.Values(ids))
	return slices.Compact(ids)
}

// Marker marks live grants to be decided again. What it marks it also holds: no
// other transaction writes them until this one ends.
type Marker struct {
	ctx context.Context
	tx  *journal.Tx
	// Marked is how many it has marked.
	Marked int64
	err    error
}

// NewMarker marks in a transaction.
func NewMarker(ctx context.Context, tx *journal.Tx) *Marker { return &Marker{ctx: ctx, tx: tx} }

// Err is the first error that a mark came to.
func (m *Marker) Err() error {
	if m.err != nil {
		return fmt.Errorf("mark grants to be decided again: %w", m.err)
	}
	return nil
}

func (m *Marker) note(n int64, err error) {
	m.Marked += n
	if m.err == nil {
		m.err = err
	}
}

// Actor marks the grants of everyone who counts as one with an identity.
func (m *Marker) Actor(root governance.IdentityID) {
	m.Identity(root)
	owned, err := m.tx.ListOwned(m.ctx, string(root))
	m.note(0, err)
	for _, row := range owned {
		m.Identity(governance.IdentityID(row.ID))
	}
}

// Identity marks the grants of one identity.
func (m *Marker) Identity(id governance.IdentityID) {
	m.note(m.tx.MarkGrantsOfIdentity(m.ctx, sqlc.MarkGrantsOfIdentityParams{IdentityID: string(id), Now: store.NullMicros(&m.tx.Now)}))
}

// Account marks the grants on an account.
func (m *Marker) Account(id governance.AccountID) {
	m.note(m.tx.MarkGrantsOfAccount(m.ctx, sqlc.MarkGrantsOfAccountParams{AccountID: string(id), Now: store.NullMicros(&m.tx.Now)}))
}

// Entitlement marks the grants of an entitlement.
func (m *Marker) Entitlement(id governance.EntitlementID) {
	m.note(m.tx.MarkGrantsOfEntitlement(m.ctx, sqlc.MarkGrantsOfEntitlementParams{EntitlementID: string(id), Now: store.NullMicros(&m.tx.Now)}))
}

// Template marks the grants that a template gave.
func (m *Marker) Template(id governance.TemplateID) {
	m.note(m.tx.MarkGrantsOfTemplate(m.ctx, sqlc.MarkGrantsOfTemplateParams{TemplateID: string(id), Now: store.NullMicros(&m.tx.Now)}))
}

// TemplateEntitlement marks the grants of one entitlement that a template gave.
func (m *Marker) TemplateEntitlement(template governance.TemplateID, id governance.EntitlementID) {
	m.note(m.tx.MarkGrantsOfTemplateAndEntitlement(m.ctx, sqlc.MarkGrantsOfTemplateAndEntitlementParams{
		TemplateID: string(template), EntitlementID: string(id), Now: store.NullMicros(&m.tx.Now),
	}))
}

// Event marks the grants for a business event.
func (m *Marker) Event(id governance.EventID) {
	m.note(m.tx.MarkGrantsOfEvent(m.ctx, sqlc.MarkGrantsOfEventParams{EventID: string(id), Now: store.NullMicros(&m.tx.Now)}))
}

// Application marks the grants in an application.
func (m *Marker) Application(id governance.ApplicationID) {
	m.note(m.tx.MarkGrantsOfApplication(m.ctx, sqlc.MarkGrantsOfApplicationParams{ApplicationID: string(id), Now: store.NullMicros(&m.tx.Now)}))
}
