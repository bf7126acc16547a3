package api

import (
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Meta is what the server adds to a declared object.
type Meta struct {
	ID string `json:"id" readOnly:"true" doc:"Identifier, derived from the natural key; each part percent-encoded"`
	// Version is raised by every write of the object; writes carry it in
	// If-Match.
	Version int64 `json:"version" readOnly:"true" doc:"Version of this object, as in its ETag"`
}

type (
	// Attribute is a custom attribute as it is read.
	Attribute struct {
		Meta
		governance.Attribute
	}
	// Application is an application as it is read.
	Application struct {
		Meta
		governance.Application
		// SyncedAt is when the last complete discovery began.
		SyncedAt *time.Time `json:"synced_at,omitempty" readOnly:"true"`
		// SyncError is why the latest discovery failed; empty when it did not.
		SyncError string `json:"sync_error,omitempty" readOnly:"true"`
		// RetiredAt is when two people gave up on it.
		RetiredAt *time.Time `json:"retired_at,omitempty" readOnly:"true"`
	}
	// Identity is an identity as it is read.
	Identity struct {
		Meta
		governance.Identity
		Status  governance.Status `json:"status" readOnly:"true" doc:"active, suspended or left; the engine's, not declared"`
		Because string            `json:"because,omitempty" readOnly:"true" doc:"Why time has taken its access"`
		// LastSeen and what follows are known of identities that somebody owns.
		LastSeen   *time.Time            `json:"last_seen,omitempty" readOnly:"true" doc:"When it was last seen at work, in Stint or in a target"`
		AttestedAt *time.Time            `json:"attested_at,omitempty" readOnly:"true" doc:"When its owner last attested that it is needed"`
		AttestedBy governance.IdentityID `json:"attested_by,omitempty" readOnly:"true"`
		AttestBy   *time.Time            `json:"attest_by,omitempty" readOnly:"true" doc:"When it is suspended unless its owner attests until then"`
	}
	// Entitlement is an entitlement as it is read.
	Entitlement struct {
		Meta
		governance.Entitlement
	}
	// EligibilityPolicy is an eligibility policy as it is read.
	EligibilityPolicy struct {
		Meta
		governance.EligibilityPolicy
	}
	// SoDRule is a rule as it is read.
	SoDRule struct {
		Meta
		governance.SoDRule
	}
	// GrantTemplate is a grant template as it is read.
	GrantTemplate struct {
		Meta
		governance.GrantTemplate
	}
	// Delegation is a delegation as it is read.
	Delegation struct {
		Meta
		governance.Delegation
	}
	// EventSource is an event source as it is read.
	EventSource struct {
		Meta
		governance.EventSource
	}
	// BusinessEvent is a business event as it is read.
	BusinessEvent struct {
		Meta
		governance.BusinessEvent
		OpenedAt time.Time  `json:"opened_at" readOnly:"true"`
		ClosedAt *time.Time `json:"closed_at,omitempty" readOnly:"true"`
	}
)

// Snapshot is the whole declared state at one revision.
type Snapshot struct {
	Revision            int64               `json:"revision"`
	Attributes          []Attribute         `json:"attributes" nullable:"false"`
	Applications        []Application       `json:"applications" nullable:"false"`
	Identities          []Identity          `json:"identities" nullable:"false"`
	Entitlements        []Entitlement       `json:"entitlements" nullable:"false"`
	EligibilityPolicies []EligibilityPolicy `json:"eligibility_policies" nullable:"false"`
	SoDRules            []SoDRule           `json:"sod_rules" nullable:"false"`
	GrantTemplates      []GrantTemplate     `json:"grant_templates" nullable:"false"`
	Delegations         []Delegation        `json:"delegations" nullable:"false"`
	EventSources        []EventSource       `json:"event_sources" nullable:"false"`
	BusinessEvents      []BusinessEvent     `json:"business_events" nullable:"false" doc:"Declared events, open or closed; those opened from outside are not declared state"`
}
