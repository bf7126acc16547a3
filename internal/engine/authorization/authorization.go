// Package authorization answers whether an identity may use an entitlement now,
// and whether it could request it; and searches for those about whom the answer
// is yes.
//
// "Use" is answered from memory, so that it may be asked with every access. What
// this process changes is known at once, what another one does within
// [journal.Staleness], and the end of a grant on time. It relies on what
// discovery last observed: an assignment that the target has lost since then
// still counts, one that it has gained does not yet.
//
// A search finds exactly those for whom the same question is answered with yes.
package authorization

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// The actions that can be asked about.
const (
	// Use is to exercise an entitlement.
	Use = "use"
	// Request is to ask for a grant of it.
	Request = "request"
)

// TypeEntitlement is the type of resource that can be asked about, TypeIdentity
// that of a subject of any identity type.
const (
	TypeEntitlement = "entitlement"
	TypeIdentity    = "identity"
)

// Subject is who is asked about. Type is an identity type or [TypeIdentity].
type Subject struct {
	Type string
	ID   governance.IdentityID
}

// is reports whether an identity is of the type that is asked about.
func (s Subject) is(t governance.IdentityType) bool {
	return s.Type == TypeIdentity || s.Type == string(t)
}

// Resource is what is asked about. Type is [TypeEntitlement].
type Resource struct {
	Type string
	ID   governance.EntitlementID
}

// Given is what the asker tells of a request that is not made yet. Empty members
// are not known.
type Given struct {
	Template governance.TemplateID
	Duration *governance.Duration
	// NotBefore is when the access is to begin.
	NotBefore     *time.Time
	Justification string
	// BusinessEvent is an event's id, or the name of an open one.
	BusinessEvent string
	BreakGlass    bool
}

// Question is whether a subject may do something with a resource. Whatever is
// not known, be it a type, an identity, an action or an entitlement, is answered
// with no. A search ignores the member that it searches for, but for its type.
type Question struct {
	Subject  Subject
	Action   string
	Resource Resource
	// Given counts for [Request] alone.
	Given Given
}

func (q Question) ask() access.Ask {
	return access.Ask{
		Identity: q.Subject.ID, Template: q.Given.Template, Entitlements: []governance.EntitlementID{q.Resource.ID},
		BusinessEvent: q.Given.BusinessEvent, Duration: q.Given.Duration, Justification: q.Given.Justification,
		NotBefore: q.Given.NotBefore, BreakGlass: q.Given.BreakGlass,
	}
}

// Authorization answers questions. It is safe for concurrent use.
type Authorization struct {
	journal  *journal.Journal
	declared *declared.Loader
	access   *access.Access
	holders  *journal.Cache[governance.IdentityID, holder]
}

// New makes an Authorization that has nothing in memory yet.
func New(j *journal.Journal, d *declared.Loader, a *access.Access) *Authorization {
	z := &Authorization{journal: j, declared: d, access: a}
	z.holders = journal.NewCache(j, z.readHolder)
	return z
}

// holder is an identity with what it may use while it is active.
type holder struct {
	kind   governance.IdentityType
	status governance.Status
	// until is when the identity ends by its valid_until; nil when it does not.
	until  *time.Time
	usable governance.Usable
}

func (h holder) may(subject Subject, now time.Time) bool {
	over := h.until != nil && !now.Before(*h.until)
	return h.status == governance.Active && !over && subject.is(h.kind)
}

// errNobody is that no such identity is declared; it is never kept in memory.
var errNobody = errors.New("no such identity")

func (z *Authorization) readHolder(ctx context.Context, tx *journal.Tx, id governance.IdentityID) (holder, error) {
	row, err := tx.GetIdentity(ctx, string(id))
	if errors.Is(err, sql.ErrNoRows) {
		return holder{}, errNobody
	}
	if err != nil {
		return holder{}, fmt.Errorf("read identity %s: %w", id, err)
	}
	person, err := declared.PersonFrom(row)
	if err != nil {
		return holder{}, err
	}
	set, err := z.declared.Set(ctx, tx)
	if err != nil {
		return holder{}, err
	}
	possession, err := z.possessionOf(ctx, tx, id)
	if err != nil {
		return holder{}, fmt.Errorf("read what %s holds: %w", id, err)
	}
	return holder{kind: person.Type, status: person.StatusAt(tx.Now), until: person.ValidUntil, usable: set.Usable(possession)}, nil
}

// possessionOf reads what an identity was observed to hold on accounts that are
// not disabled.
func (z *Authorization) possessionOf(ctx context.Context, tx *journal.Tx, id governance.IdentityID) (governance.Possession, error) {
	var p governance.Possession
	accounts, err := tx.ListAccountsOf(ctx, string(id))
	if err != nil {
		return p, err
	}
	disabled := map[string]bool{}
	for _, account := range accounts {
		disabled[account.ID] = account.Disabled
	}
	assignments, err := tx.ListAssignmentsOf(ctx, string(id))
	if err != nil {
		return p, err
	}
	for _, a := range assignments {
		if !disabled[a.AccountID] {
			p.Held = append(p.Held, governance.Holding{Identity: id, Account: governance.AccountID(a.AccountID), Entitlement: governance.EntitlementID(a.EntitlementID)})
		}
	}
	live, err := grants.List(tx.ListLiveGrantsOfIdentity(ctx, string(id)))
	if err != nil {
		return p, err
	}
	for _, g := range live {
		p.Grants = append(p.Grants, g.Grant)
	}
	outline, err := z.access.Nestings.Outline(ctx, tx)
	if err != nil {
		return p, err
	}
	var nested []governance.EntitlementID
	for _, h := range p.Held {
		nested = append(nested, h.Entitlement)
	}
	p.Inclusions, _, err = outline.From(ctx, tx, nested)
	return p, err
}

// Evaluate answers one question.
func (z *Authorization) Evaluate(ctx context.Context, q Question) (bool, error) {
	if q.Resource.Type != TypeEntitlement {
		return false, nil
	}
	switch q.Action {
	case Use:
		h, now, err := z.holder(ctx, q.Subject)
		return h.usable.At(now, q.Resource.ID), err
	case Request:
		return z.mayRequest(ctx, q)
	}
	return false, nil
}

// holder is the subject with what it may use; nothing unless it is an active
// identity of its type.
func (z *Authorization) holder(ctx context.Context, subject Subject) (holder, time.Time, error) {
	h, now, err := z.holders.Get(ctx, subject.ID)
	switch {
	case errors.Is(err, errNobody):
		return holder{}, now, nil
	case err != nil:
		return holder{}, now, fmt.Errorf("look up %s: %w", subject.ID, err)
	case !h.may(subject, now):
		return holder{}, now, nil
	}
	return h, now, nil
}

func (z *Authorization) mayRequest(ctx context.Context, q Question) (bool, error) {
	openings, err := z.openings(ctx, q.Subject, q.ask())
	return governance.Opens(openings), err
}

// openings are what the subject could request; none unless it is an identity of
// its type.
func (z *Authorization) openings(ctx context.Context, subject Subject, ask access.Ask) ([]governance.Opening, error) {
	h, now, err := z.holders.Get(ctx, subject.ID)
	if errors.Is(err, errNobody) {
		return nil, nil
	}
	if err != nil || !h.may(subject, now) {
		return nil, err
	}
	eligibility, err := z.access.Eligible(ctx, ask)
	var refused *fault.Error
	if errors.As(err, &refused) && refused.Code == fault.NotFound {
		return nil, nil // the identity is gone since
	}
	return eligibility.Openings, err
}
