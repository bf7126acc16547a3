package governance

import (
	"encoding/json"
	"time"
)

// Kind names a kind of declared object, as it is written in a URL path and in
// evidence.
type Kind string

// The kinds of declared objects.
const (
	KindAttribute     Kind = "attribute"
	KindApplication   Kind = "application"
	KindIdentity      Kind = "identity"
	KindEntitlement   Kind = "entitlement"
	KindPolicy        Kind = "eligibility_policy"
	KindRule          Kind = "sod_rule"
	KindTemplate      Kind = "grant_template"
	KindBusinessEvent Kind = "business_event"
	KindDelegation    Kind = "delegation"
	KindEventSource   Kind = "event_source"
)

// Object is a declared object: one of the documents of this file, by value.
type Object interface {
	ObjectKind() Kind
	// Key is the object's identifier, derived from its natural key.
	Key() string
	// Check reports what is wrong with the object by itself; references to
	// other objects are not followed.
	Check() Problems
}

// ObjectKind and Key of the documents.
func (Attribute) ObjectKind() Kind         { return KindAttribute }
func (Application) ObjectKind() Kind       { return KindApplication }
func (Identity) ObjectKind() Kind          { return KindIdentity }
func (Entitlement) ObjectKind() Kind       { return KindEntitlement }
func (EligibilityPolicy) ObjectKind() Kind { return KindPolicy }
func (SoDRule) ObjectKind() Kind           { return KindRule }
func (GrantTemplate) ObjectKind() Kind     { return KindTemplate }
func (BusinessEvent) ObjectKind() Kind     { return KindBusinessEvent }

func (a Attribute) Key() string         { return string(a.ID()) }
func (a Application) Key() string       { return string(a.ID()) }
func (i Identity) Key() string          { return string(i.ID()) }
func (e Entitlement) Key() string       { return string(e.ID()) }
func (p EligibilityPolicy) Key() string { return string(p.ID()) }
func (r SoDRule) Key() string           { return string(r.ID()) }
func (t GrantTemplate) Key() string     { return string(t.ID()) }
func (e BusinessEvent) Key() string     { return string(e.DeclaredID()) }

// AttributeObject is what a custom attribute is declared for.
type AttributeObject string

// The objects that have custom attributes.
const (
	IdentityAttribute AttributeObject = "identity"
	EventAttribute    AttributeObject = "business_event"
)

// AttributeType is the type of a custom attribute's values.
type AttributeType string

// The types of custom attributes. In JSON a duration is a text like 1h30m and a
// time a text in RFC 3339.
const (
	StringAttribute   AttributeType = "string"
	BoolAttribute     AttributeType = "bool"
	IntAttribute      AttributeType = "int"
	DurationAttribute AttributeType = "duration"
	TimeAttribute     AttributeType = "time"
	ListAttribute     AttributeType = "list(string)"
)

// Attribute declares a custom attribute of identities or business events. It may
// then be given a value there, and is seen in conditions as
// `identity.attributes.<name>` or `event.attributes.<name>`.
type Attribute struct {
	Object AttributeObject `json:"object"`
	Name   string          `json:"name"`
	// Type cannot be changed.
	Type AttributeType `json:"type"`
	// Description is one sentence for those who give it a value or write a
	// condition.
	Description string `json:"description"`
}

// ID is the attribute's identifier.
func (a Attribute) ID() AttributeID { return NewAttributeID(a.Object, a.Name) }

// Application is a target system whose rights are governed.
type Application struct {
	Name string `json:"name"`
	// Connector has exactly one member: the connector's kind with its
	// configuration.
	Connector map[string]json.RawMessage `json:"connector"`
	// Correlation is a condition over `account` and `identity`; an account that
	// matches exactly one identity belongs to it.
	Correlation string `json:"correlation"`
	// AccountName is an expression over `identity` that names an account that is
	// made for it; absent is [DefaultAccountName].
	AccountName string            `json:"account_name,omitempty"`
	Discovery   DiscoverySchedule `json:"discovery"`
	// Limits bound what is done in the target at a time; absent is the default of
	// each of them.
	Limits *OperationLimits `json:"limits,omitempty"`
}

// DiscoverySchedule says how often an application is read, and what of it is
// believed unasked.
type DiscoverySchedule struct {
	Interval Duration `json:"interval"`
	// MaxGonePercent is as in [DiscoverySchedule.MaxGone]; absent is the default,
	// and 100 believes everything.
	MaxGonePercent int64 `json:"max_gone_percent,omitempty"`
}

// ID is the application's identifier.
func (a Application) ID() ApplicationID { return ApplicationID(EncodeID(a.Name)) }

// IdentityType is who an identity stands for.
type IdentityType string

// The identity types. All but Human have an owner who is human.
const (
	Human          IdentityType = "human"
	ServiceAccount IdentityType = "service_account"
	Workload       IdentityType = "workload"
	Agent          IdentityType = "agent"
)

// Status says whether an identity may hold access. It is the engine's, not
// declared.
type Status string

// The identity statuses.
const (
	Active    Status = "active"
	Suspended Status = "suspended"
	Left      Status = "left"
)

// Identity is who holds access.
type Identity struct {
	Name string       `json:"name"`
	Type IdentityType `json:"type"`
	// Owner is the human who answers for an identity that is not one.
	Owner   IdentityID `json:"owner,omitempty"`
	Manager IdentityID `json:"manager,omitempty"`
	Groups  []string   `json:"groups"`
	// ValidUntil is when it has left, unless a later moment is declared; nil when
	// nothing is known of its end.
	ValidUntil *time.Time `json:"valid_until,omitempty"`
	// UnusedAfter suspends an identity that is not human once it was not used for
	// as long.
	UnusedAfter *Duration `json:"unused_after,omitempty"`
	// AttestEvery suspends an identity that is not human once its owner has not
	// attested for as long that it is needed.
	AttestEvery *Duration `json:"attest_every,omitempty"`
	// Attributes are values of declared attributes by name.
	Attributes map[string]json.RawMessage `json:"attributes,omitempty"`
	// RevokeOnDestroy ends the identity's live grants when it is deleted; without
	// it the deletion is refused while there are any.
	RevokeOnDestroy bool `json:"revoke_on_destroy" required:"false"`
}

// ID is the identity's identifier.
func (i Identity) ID() IdentityID { return IdentityID(EncodeID(i.Name)) }

// Risk grades an entitlement.
type Risk string

// The risks, rising.
const (
	RiskLow      Risk = "low"
	RiskMedium   Risk = "medium"
	RiskHigh     Risk = "high"
	RiskCritical Risk = "critical"
)

// Standing says whether an entitlement may be held without an end.
type Standing string

// The two answers.
const (
	StandingAllowed   Standing = "allowed"
	StandingForbidden Standing = "forbidden"
)

// Entitlement is a declared right inside an application.
type Entitlement struct {
	Application ApplicationID `json:"application"`
	Kind        string        `json:"kind"`
	NativeID    string        `json:"native_id"`
	Owner       IdentityID    `json:"owner,omitempty"`
	Risk        Risk          `json:"risk"`
	Standing    Standing      `json:"standing"`
	// MaxDuration bounds every grant of the entitlement, whatever the template;
	// absent is no bound of its own.
	MaxDuration *Duration `json:"max_duration,omitempty"`
	// RevokeOnDestroy ends the entitlement's live grants when it is deleted;
	// without it the deletion is refused while there are any.
	RevokeOnDestroy bool `json:"revoke_on_destroy" required:"false"`
}

// ID is the entitlement's identifier.
func (e Entitlement) ID() EntitlementID {
	return NewEntitlementID(e.Application, e.Kind, e.NativeID)
}

// PolicyEffect is what a matching eligibility policy says.
type PolicyEffect string

// An allow policy opens the templates that list it; a deny policy is a
// guardrail on its entitlements that always wins.
const (
	PolicyAllow PolicyEffect = "allow"
	PolicyDeny  PolicyEffect = "deny"
)

// EligibilityPolicy says which identities may request which entitlements.
type EligibilityPolicy struct {
	Name         string          `json:"name"`
	Effect       PolicyEffect    `json:"effect"`
	Entitlements []EntitlementID `json:"entitlements"`
	// Parameters are seen in the condition as `param.<name>`: strings, bools,
	// whole numbers or lists of strings.
	Parameters map[string]json.RawMessage `json:"parameters,omitempty"`
	Condition  string                     `json:"condition"`
}

// ID is the policy's identifier.
func (p EligibilityPolicy) ID() PolicyID { return PolicyID(EncodeID(p.Name)) }

// SoDMode is what a violated rule does to the request.
type SoDMode string

// The modes: the violation is only recorded, needs an approval, or denies.
const (
	SoDRecord  SoDMode = "record"
	SoDApprove SoDMode = "approve"
	SoDDeny    SoDMode = "deny"
)

// SoDRule names duties that one actor must not combine.
type SoDRule struct {
	Name string  `json:"name"`
	Mode SoDMode `json:"mode"`
	// Limit is the number of duties an actor may touch; at least 1 and below
	// the number of duties.
	Limit int `json:"limit"`
	// IncludeOwned counts the agents, workloads and service accounts that an
	// identity owns as the same actor.
	IncludeOwned bool            `json:"include_owned"`
	Duties       map[string]Duty `json:"duties"`
}

// Duty is a set of entitlements that together are one duty.
type Duty struct {
	Entitlements []EntitlementID `json:"entitlements"`
}

// ID is the rule's identifier.
func (r SoDRule) ID() RuleID { return RuleID(EncodeID(r.Name)) }

// Justification says whether a request must give a reason in words.
type Justification string

// The two answers.
const (
	JustificationRequired Justification = "required"
	JustificationOptional Justification = "optional"
)

// GrantTemplate says how a just-in-time grant is given.
type GrantTemplate struct {
	Name                string          `json:"name"`
	Entitlements        []EntitlementID `json:"entitlements"`
	EligibilityPolicies []PolicyID      `json:"eligibility_policies"`
	Duration            DurationBounds  `json:"duration"`
	// ActivateWithin bounds the time between approval and activation.
	ActivateWithin Duration `json:"activate_within"`
	// ScheduleWithin is how far ahead a request may name the time at which the
	// access is to begin; absent is not at all.
	ScheduleWithin *Duration `json:"schedule_within,omitempty"`
	// Cooldown is the pause between the grants of one identity; absent is none.
	Cooldown *Duration `json:"cooldown,omitempty"`
	// MaxConcurrent bounds the live grants; absent is no bound.
	MaxConcurrent *ConcurrencyBounds `json:"max_concurrent,omitempty"`
	BusinessEvent *EventRequirement  `json:"business_event,omitempty"`
	Justification Justification      `json:"justification"`
	Approval      ApprovalDefinition `json:"approval"`
	// CreateAccount has an account made for a requester without one in the
	// entitlement's application, and removed after its last grant.
	CreateAccount bool `json:"create_account" required:"false"`
	// Extension lets the holder of an active grant ask for more time; without it
	// a grant is never extended.
	Extension *ExtensionBounds `json:"extension,omitempty"`
	// BreakGlass gives the access at once in an emergency, to be reviewed
	// afterwards; without it every request takes the template's approval.
	BreakGlass *BreakGlass `json:"break_glass,omitempty"`
	// OnIneligible is what becomes of a live grant that a decision now would
	// deny; absent is revoke.
	OnIneligible OnIneligible `json:"on_ineligible,omitempty"`
	// IneligibleGrace is set just when OnIneligible is grace.
	IneligibleGrace *Duration `json:"ineligible_grace,omitempty"`
	// RevokeOnDestroy ends the template's live grants when it is deleted;
	// without it the deletion is refused while there are any.
	RevokeOnDestroy bool `json:"revoke_on_destroy"`
}

// DurationBounds is the span a request gets when it names none, and the longest
// it may name.
type DurationBounds struct {
	Default Duration `json:"default"`
	Max     Duration `json:"max"`
}

// ExtensionBounds bound a grant together with all its extensions.
type ExtensionBounds struct {
	// MaxTotal runs from activation.
	MaxTotal Duration `json:"max_total"`
}

// EventRequirement demands an open business event of one of the kinds.
type EventRequirement struct {
	Kinds []EventKind `json:"kinds"`
}

// ApprovalDefinition is either automatic or has stages; never neither.
type ApprovalDefinition struct {
	Automatic bool            `json:"automatic"`
	Stages    []ApprovalStage `json:"stages,omitempty"`
}

// OnTimeout is what becomes of a request whose stage ran out of time.
type OnTimeout string

// Lapse ends the request; Escalate gives the stage's escalation a turn, once, and
// ends it then.
const (
	Lapse    OnTimeout = "lapse"
	Escalate OnTimeout = "escalate"
)

// ApprovalStage is one round of approval.
type ApprovalStage struct {
	Name string `json:"name"`
	// Quorum is how many different people must approve, at least 1.
	Quorum    int       `json:"quorum"`
	Approvers Approvers `json:"approvers"`
	// DistinctFrom names earlier stages: who spoke there does not speak here.
	DistinctFrom []string  `json:"distinct_from,omitempty"`
	Timeout      Duration  `json:"timeout"`
	OnTimeout    OnTimeout `json:"on_timeout"`
	// Escalation is set just when OnTimeout is Escalate.
	Escalation *Escalation `json:"escalation,omitempty"`
}

// Escalation says who may approve as well once a stage ran out of time, and how
// long the stage then goes on.
type Escalation struct {
	Approvers Approvers `json:"approvers"`
	Timeout   Duration  `json:"timeout"`
}

// Relation names approvers by what they are to the request.
type Relation string

// The relations.
const (
	// Manager is the requester's manager; for an identity that is not human, its
	// owner's manager.
	Manager Relation = "manager"
	// Owner is the human who owns a requester that is not one. Owner and
	// requester are one actor, so this confirms the request and never stands for
	// the second pair of eyes: it takes another stage as well.
	Owner Relation = "owner"
	// EntitlementOwner is who owns every entitlement that is asked for.
	EntitlementOwner Relation = "entitlement_owner"
)

// Approvers says who may approve; any one way is enough.
type Approvers struct {
	Identities []IdentityID `json:"identities,omitempty"`
	Groups     []string     `json:"groups,omitempty"`
	Relations  []Relation   `json:"relations,omitempty"`
	// Condition names people by a condition over `approver` and over what
	// eligibility conditions see, without parameters; it must hold for every
	// entitlement that is asked for.
	Condition string `json:"condition,omitempty"`
}

// ID is the template's identifier.
func (t GrantTemplate) ID() TemplateID { return TemplateID(EncodeID(t.Name)) }

// EventKind is the kind of a business event.
type EventKind string

// The kinds of business events.
const (
	Incident   EventKind = "incident"
	Engagement EventKind = "engagement"
	Project    EventKind = "project"
	Change     EventKind = "change"
	Task       EventKind = "task"
)

// BusinessEvent is why access is needed and when the need ends.
type BusinessEvent struct {
	Name string    `json:"name"`
	Kind EventKind `json:"kind"`
	// Severity grades an incident: 1 is the worst.
	Severity *int64 `json:"severity,omitempty"`
	// Reference is the event's key in the system it comes from.
	Reference string `json:"reference,omitempty"`
	// Assignee is the only identity whose requests may name the event; empty when
	// anybody's may.
	Assignee IdentityID `json:"assignee,omitempty"`
	EndsAt   time.Time  `json:"ends_at"`
	// Attributes are values of declared attributes by name.
	Attributes map[string]json.RawMessage `json:"attributes,omitempty"`
}

// DeclaredID is the identifier of an event that is declared rather than opened
// from outside.
func (e BusinessEvent) DeclaredID() EventID { return EventID(EncodeID(e.Name)) }

// OpenEvent is a business event with its course.
type OpenEvent struct {
	BusinessEvent
	ID       EventID    `json:"id"`
	OpenedAt time.Time  `json:"opened_at"`
	ClosedAt *time.Time `json:"closed_at,omitempty"`
	Version  int64      `json:"version"`
}

// Open reports whether the event still justifies access at now.
func (e OpenEvent) Open(now time.Time) bool {
	return e.ClosedAt == nil && now.Before(e.EndsAt)
}
