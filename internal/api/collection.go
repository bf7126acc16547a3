package api

import "github.com/stint-dev/terraform-provider-stint/internal/governance"

// Collection names the declared objects of one kind, as in their URL path. D is
// the document that is written, T the object that is read.
type Collection[D governance.Object, T any] string

// The collections of declared objects.
const (
	Attributes          Collection[governance.Attribute, Attribute]                 = "attributes"
	Applications        Collection[governance.Application, Application]             = "applications"
	Identities          Collection[governance.Identity, Identity]                   = "identities"
	Entitlements        Collection[governance.Entitlement, Entitlement]             = "entitlements"
	EligibilityPolicies Collection[governance.EligibilityPolicy, EligibilityPolicy] = "eligibility-policies"
	SoDRules            Collection[governance.SoDRule, SoDRule]                     = "sod-rules"
	GrantTemplates      Collection[governance.GrantTemplate, GrantTemplate]         = "grant-templates"
	Delegations         Collection[governance.Delegation, Delegation]               = "delegations"
	EventSources        Collection[governance.EventSource, EventSource]             = "event-sources"
	BusinessEvents      Collection[governance.BusinessEvent, BusinessEvent]         = "business-events"
)
