package governance

// ReasonCode is the stable name of a reason.
type ReasonCode string

// What a decision may say.
const (
	ReasonTemplateUnknown       ReasonCode = "template_unknown"
	ReasonNotInTemplate         ReasonCode = "entitlement_not_in_template"
	ReasonNothingRequested      ReasonCode = "nothing_requested"
	ReasonIdentityNotActive     ReasonCode = "identity_not_active"
	ReasonOwnerNotActive        ReasonCode = "owner_not_active"
	ReasonBootstrapIdentity     ReasonCode = "bootstrap_identity"
	ReasonAccountMissing        ReasonCode = "account_missing"
	ReasonAccountAmbiguous      ReasonCode = "account_ambiguous"
	ReasonAccountCreated        ReasonCode = "account_created"
	ReasonAccountNameInvalid    ReasonCode = "account_name_invalid"
	ReasonAccountTaken          ReasonCode = "account_taken"
	ReasonAccountUncorrelated   ReasonCode = "account_uncorrelated"
	ReasonEntitlementMissing    ReasonCode = "entitlement_missing"
	ReasonApplicationRetired    ReasonCode = "application_retired"
	ReasonPolicyAllows          ReasonCode = "policy_allows"
	ReasonPolicyNoMatch         ReasonCode = "policy_no_match"
	ReasonPolicyDenies          ReasonCode = "policy_denies"
	ReasonPolicyError           ReasonCode = "policy_error"
	ReasonPolicyDepends         ReasonCode = "policy_depends"
	ReasonPolicyMayDeny         ReasonCode = "policy_may_deny"
	ReasonNoPolicy              ReasonCode = "no_policy"
	ReasonDurationTooLong       ReasonCode = "duration_too_long"
	ReasonDurationInvalid       ReasonCode = "duration_invalid"
	ReasonExtensionNotAllowed   ReasonCode = "extension_not_allowed"
	ReasonExtensionTooLong      ReasonCode = "extension_too_long"
	ReasonGrantNotActive        ReasonCode = "grant_not_active"
	ReasonEventEndsFirst        ReasonCode = "event_ends_first"
	ReasonScheduleNotAllowed    ReasonCode = "schedule_not_allowed"
	ReasonScheduleTooFar        ReasonCode = "schedule_too_far"
	ReasonCooldown              ReasonCode = "cooldown"
	ReasonMaxConcurrent         ReasonCode = "max_concurrent"
	ReasonEventRequired         ReasonCode = "event_required"
	ReasonEventKind             ReasonCode = "event_kind"
	ReasonEventNotYours         ReasonCode = "event_not_yours"
	ReasonEventNotOpen          ReasonCode = "event_not_open"
	ReasonJustificationRequired ReasonCode = "justification_required"
	ReasonJustificationTooLong  ReasonCode = "justification_too_long"
	ReasonSoDDenies             ReasonCode = "sod_denies"
	ReasonSoDNeedsApproval      ReasonCode = "sod_needs_approval"
	ReasonSoDRecorded           ReasonCode = "sod_recorded"
	ReasonApprovalAutomatic     ReasonCode = "approval_automatic"
	ReasonApprovalNeeded        ReasonCode = "approval_needed"
	ReasonApproversTooFew       ReasonCode = "approvers_too_few"

	ReasonBreakGlass              ReasonCode = "break_glass"
	ReasonBreakGlassNotAllowed    ReasonCode = "break_glass_not_allowed"
	ReasonBreakGlassLimit         ReasonCode = "break_glass_limit"
	ReasonBreakGlassReviewOverdue ReasonCode = "break_glass_review_overdue"
	ReasonBreakGlassNoReviewer    ReasonCode = "break_glass_no_reviewer"
)

// Weight says what a reason did to the decision.
type Weight string

// The weights: it denied, it demands an approval, it spoke for the request, it
// is open before there is a request, or it is only said.
const (
	Denies         Weight = "denies"
	DemandsConsent Weight = "needs_approval"
	Supports       Weight = "supports"
	Depends        Weight = "depends"
	Notes          Weight = "notes"
)

// Reason is one thing that spoke in a decision: who spoke, where, and what it
// saw.
type Reason struct {
	Code        ReasonCode    `json:"code"`
	Weight      Weight        `json:"weight"`
	Message     string        `json:"message"`
	Template    TemplateID    `json:"template,omitempty"`
	Entitlement EntitlementID `json:"entitlement,omitempty"`
	Policy      PolicyID      `json:"policy,omitempty"`
	Rule        RuleID        `json:"rule,omitempty"`
	// Parts are the conjuncts of the policy's condition, in the order in which
	// they stand, with how each came out.
	Parts     []Part     `json:"parts,omitempty"`
	Violation *Violation `json:"violation,omitempty"`
}

// Part is one conjunct of a condition.
type Part struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Text   string `json:"text"`
	// Outcome is true, false, error, not_evaluated or, before there is a
	// request, unknown.
	Outcome string `json:"outcome"`
	// Values are the variables that the part read, as text.
	Values map[string]string `json:"values,omitempty"`
	Error  string            `json:"error,omitempty"`
	// Behind, in a trace: the evaluation had ended before this part, and the
	// outcome is what it would have come to.
	Behind bool `json:"behind,omitempty"`
	// Decided, in a trace, is the piece that settled the outcome, when that is
	// less than the whole part.
	Decided *Decided `json:"decided,omitempty"`
}

// Effect is what a decision comes to.
type Effect string

// The effects.
const (
	Allow         Effect = "allow"
	NeedsApproval Effect = "needs_approval"
	Deny          Effect = "deny"
)

// Decision is the answer to a question, with every reason.
type Decision struct {
	Effect   Effect   `json:"effect"`
	Revision int64    `json:"revision"`
	Reasons  []Reason `json:"reasons"`
	// Duration is the span of the grant if it is given.
	Duration Duration `json:"duration"`
	// MaxDuration is the longest span that the template and the entitlements
	// allow, whatever was asked.
	MaxDuration Duration `json:"max_duration"`
	// Grants are the account and entitlement pairs that the request comes to.
	Grants []Holding `json:"grants,omitempty"`
	// Creates are those of their accounts that are made first.
	Creates []AccountID `json:"creates,omitempty"`
}

// Denials are the reasons that denied.
func (d Decision) Denials() []Reason {
	var denials []Reason
	for _, r := range d.Reasons {
		if r.Weight == Denies {
			denials = append(denials, r)
		}
	}
	return denials
}
