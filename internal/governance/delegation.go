package governance

import (
	"slices"
	"time"
)

// Delegation lets one person give approvals in another's place for a time: what
// the one may approve, the other may. It is not passed on: what came by a
// delegation is nothing that could be delegated.
type Delegation struct {
	Name string `json:"name"`
	// From is the human who may approve; To is the one who stands in.
	From IdentityID `json:"from"`
	To   IdentityID `json:"to"`
	// StartsAt is absent when the delegation is in force from its declaration on.
	StartsAt *time.Time `json:"starts_at,omitempty"`
	EndsAt   time.Time  `json:"ends_at"`
	// Templates limit it to requests through them; none is no limit.
	Templates []TemplateID `json:"templates,omitempty"`
}

// DelegationID is a delegation's name, percent-encoded.
type DelegationID string

// ObjectKind is KindDelegation.
func (Delegation) ObjectKind() Kind { return KindDelegation }

// Key is the delegation's identifier.
func (d Delegation) Key() string { return string(d.ID()) }

// ID is the delegation's identifier.
func (d Delegation) ID() DelegationID { return DelegationID(EncodeID(d.Name)) }

// InForce says whether it holds at now for requests through a template.
func (d Delegation) InForce(template TemplateID, now time.Time) bool {
	return d.current(now) && (len(d.Templates) == 0 || slices.Contains(d.Templates, template))
}

func (d Delegation) current(now time.Time) bool {
	begun := d.StartsAt == nil || !now.Before(*d.StartsAt)
	return begun && now.Before(d.EndsAt)
}

// Check reports what is wrong with the delegation itself. That both are human is
// the store's to say.
func (d Delegation) Check() Problems {
	var p Problems
	checkName(&p, "name", d.Name)
	if d.From == "" {
		p.add("from", CodeRequired, "the id of the human who delegates is required")
	}
	if d.To == "" {
		p.add("to", CodeRequired, "the id of the human who stands in is required")
	}
	if d.From != "" && d.From == d.To {
		p.add("to", CodeInvalid, "nobody stands in for themselves; name another person")
	}
	if d.EndsAt.IsZero() {
		p.add("ends_at", CodeRequired, "a delegation needs an end; there are no endless delegations")
	} else if d.StartsAt != nil && !d.StartsAt.Before(d.EndsAt) {
		p.add("ends_at", CodeInvalid, "%s is not after starts_at (%s), so the delegation would never be in force", d.EndsAt.UTC().Format(time.RFC3339), d.StartsAt.UTC().Format(time.RFC3339))
	}
	checkSet(&p, "templates", d.Templates)
	return p
}

// Delegators are those in whose place an identity may speak at now on requests
// through a template, in the order of the delegations' names.
func (s *PolicySet) Delegators(to IdentityID, template TemplateID, now time.Time) []IdentityID {
	var from []IdentityID
	for _, d := range s.delegations[to] {
		if d.InForce(template, now) && !slices.Contains(from, d.From) {
			from = append(from, d.From)
		}
	}
	return from
}

// StandsInFor are those in whose place an identity may speak at now, on whatever.
func (s *PolicySet) StandsInFor(to IdentityID, now time.Time) []IdentityID {
	var from []IdentityID
	for _, d := range s.delegations[to] {
		if d.current(now) && !slices.Contains(from, d.From) {
			from = append(from, d.From)
		}
	}
	return from
}
