package api

import (
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// RequestInput asks for access for the caller.
type RequestInput struct {
	Template governance.TemplateID `json:"template"`
	// Entitlements may be left out when the template has just one.
	Entitlements  []governance.EntitlementID `json:"entitlements,omitempty"`
	Account       governance.AccountID       `json:"account,omitempty" doc:"Which of the identity's accounts; may be left out when there is one"`
	BusinessEvent string                     `json:"business_event,omitempty" doc:"Id of the event, or the name of an open one"`
	Duration      *governance.Duration       `json:"duration,omitempty" doc:"Absent: the template's default"`
	Justification string                     `json:"justification,omitempty"`
	BreakGlass    bool                       `json:"break_glass,omitempty" doc:"At once, past the template's approval, to be reviewed afterwards; takes a justification"`
	NotBefore     *time.Time                 `json:"not_before,omitempty" doc:"When the access is to begin, as far ahead as the template's schedule_within; absent, or a time that is past: at once"`
}

// DecisionInput asks what would become of a request, without making it.
type DecisionInput struct {
	RequestInput
	Identity governance.IdentityID `json:"identity,omitempty" doc:"Absent: the caller. Another identity needs a role"`
	Explain  bool                  `json:"explain,omitempty" doc:"Answer with the trace: everything that was weighed, and what is missing"`
}

// ExplainedDecision is the answer with every reason.
type ExplainedDecision struct {
	governance.Decision

	Trace *governance.Trace `json:"trace,omitempty" doc:"Only when it was asked for"`
}

// EligibilityInput asks what could be requested. What it leaves out is open: any
// template, any entitlement, any event, any duration within bounds.
type EligibilityInput struct {
	Identity      governance.IdentityID      `json:"identity,omitempty" doc:"Absent: the caller. Another identity needs a role"`
	Template      governance.TemplateID      `json:"template,omitempty"`
	Entitlements  []governance.EntitlementID `json:"entitlements,omitempty"`
	Account       governance.AccountID       `json:"account,omitempty"`
	BusinessEvent string                     `json:"business_event,omitempty" doc:"Id of the event, or the name of an open one"`
	Duration      *governance.Duration       `json:"duration,omitempty"`
	Justification string                     `json:"justification,omitempty"`
	BreakGlass    bool                       `json:"break_glass,omitempty" doc:"By break-glass; absent: that is open"`
}

// Eligibility is everything that the identity could request, or never could.
type Eligibility struct {
	Identity governance.IdentityID `json:"identity"`
	Revision int64                 `json:"revision" doc:"Of the declared state that it was decided on"`
	Openings []governance.Opening  `json:"openings" nullable:"false" doc:"By template and entitlement"`
}

// Request is a request with its course.
type Request struct {
	governance.Request
	Grants []governance.GrantID `json:"grants" nullable:"false"`
	// OnBehalfOf is set in lists of what awaits the caller.
	OnBehalfOf governance.IdentityID `json:"on_behalf_of,omitempty" doc:"In whose place the caller would approve or review, by delegation; only in lists of what awaits the caller"`
}

// ExtendInput asks for more time for an active grant of the caller's own.
type ExtendInput struct {
	Duration      *governance.Duration `json:"duration,omitempty" doc:"How much longer; absent: the template's default"`
	Justification string               `json:"justification,omitempty"`
}

// Grant is a grant with its course.
type Grant struct {
	governance.Grant
	// LastError is the latest error of its unfinished operation.
	LastError string `json:"last_error,omitempty"`
	// Attempts counts the calls of its unfinished operation.
	Attempts int64 `json:"attempts,omitempty"`
}

// VerdictInput is what an approver says.
type VerdictInput struct {
	Comment string `json:"comment,omitempty" maxLength:"4096"`
}

// ReviewInput is what a reviewer says of a request that was granted by
// break-glass.
type ReviewInput struct {
	Verdict governance.ReviewState `json:"verdict" enum:"justified,unjustified" doc:"Unjustified ends the request's grants at once"`
	Comment string                 `json:"comment" maxLength:"4096" doc:"Why"`
}

// EndInput says why a grant is ended by hand.
type EndInput struct {
	Comment string `json:"comment,omitempty" maxLength:"4096"`
}

// OpenEventInput opens a business event from outside. Its id is a new UUIDv7.
type OpenEventInput struct {
	governance.BusinessEvent
}

// ExtendEventInput gives an open event a later end.
type ExtendEventInput struct {
	EndsAt        time.Time `json:"ends_at" doc:"Later than the event's end"`
	Justification string    `json:"justification" doc:"Why the event goes on"`
}

// StatusInput says whether an identity may hold access.
type StatusInput struct {
	Status governance.Status `json:"status" enum:"active,suspended,left"`
}

// AttestInput says that an identity is still needed.
type AttestInput struct {
	Comment string `json:"comment,omitempty"`
}

// TokenInput asks for an API token.
type TokenInput struct {
	Name      string                `json:"name"`
	Identity  governance.IdentityID `json:"identity"`
	Roles     []Role                `json:"roles,omitempty"`
	ExpiresAt *time.Time            `json:"expires_at,omitempty"`
}

// Role is what a token may do besides requesting and approving, which need no
// role.
type Role string

// The roles.
const (
	// RoleAdmin manages tokens, ends anyone's grants, opens and closes events,
	// has applications read, and sees everyone's requests and grants.
	RoleAdmin Role = "admin"
	// RoleAuthor writes and reads declared objects, opens and closes events,
	// and has applications read.
	RoleAuthor Role = "author"
	// RoleAuditor reads everything, evidence included.
	RoleAuditor Role = "auditor"
	// RoleMonitor reads metrics, and nothing else.
	RoleMonitor Role = "monitor"
)

// Token is an API token without its secret.
type Token struct {
	ID       string                `json:"id"`
	Name     string                `json:"name"`
	Identity governance.IdentityID `json:"identity"`
	Roles    []Role                `json:"roles" nullable:"false"`
	// CreatedBy is who could speak with it because of how it was made.
	CreatedBy []governance.IdentityID `json:"created_by" nullable:"false" doc:"Who made it, the human who answers for that identity, and the same of the token that was used for it; empty for one that the server made. None of them counts as a second person beside it"`
	CreatedAt time.Time               `json:"created_at"`
	ExpiresAt *time.Time              `json:"expires_at,omitempty"`
	RevokedAt *time.Time              `json:"revoked_at,omitempty"`
}

// CreatedToken is the only answer that ever holds the secret.
type CreatedToken struct {
	Token
	Secret string `json:"secret"`
}

// WhoAmI is who the caller's token stands for.
type WhoAmI struct {
	Identity  governance.IdentityID `json:"identity"`
	Bootstrap bool                  `json:"bootstrap"`
	Roles     []Role                `json:"roles" nullable:"false"`
	Token     string                `json:"token" doc:"Id of the token"`
}

// EvidenceCheckpoint is the latest signed checkpoint with the key that verifies
// it.
type EvidenceCheckpoint struct {
	Note string `json:"note" doc:"Signed note with a C2SP tlog-checkpoint body"`
	Key  string `json:"key" doc:"Verifier key; pin it outside Stint"`
}

// EvidenceRecords is a run of records from the log.
type EvidenceRecords struct {
	Records []EvidenceRecord `json:"records" nullable:"false"`
}

// EvidenceRecord is one leaf of the log.
type EvidenceRecord struct {
	Index int64 `json:"index"`
	// Leaf is verbatim what was hashed.
	Leaf []byte `json:"leaf"`
	// Disclosures open the leaf's commitments (JSON); members may be missing.
	Disclosures string `json:"disclosures,omitempty"`
}
