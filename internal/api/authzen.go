package api

// The types of this file are those of the OpenID AuthZEN Authorization API 1.0,
// whose JSON is not Stint's own: members that are not known are ignored, names
// are compared exactly, and errors are plain text.
//
//	POST /access/v1/evaluation                 AuthZENEvaluation -> AuthZENDecision
//	POST /access/v1/evaluations                AuthZENEvaluations -> AuthZENDecisions
//	POST /access/v1/search/subject             AuthZENSubjectSearch -> AuthZENResults[AuthZENFoundEntity]
//	POST /access/v1/search/resource            AuthZENResourceSearch -> AuthZENResults[AuthZENFoundEntity]
//	POST /access/v1/search/action              AuthZENActionSearch -> AuthZENResults[AuthZENFoundAction]
//	GET  /.well-known/authzen-configuration    AuthZENConfiguration, without a token

// AuthZENEntity is a subject or a resource. A subject's type is identity, human,
// service_account, workload or agent, and its id that of an identity; the only
// type of resource is entitlement. About every other one the answer is no.
type AuthZENEntity struct {
	_ struct{} `additionalProperties:"true"`

	Type       *string            `json:"type,omitempty" nullable:"false"`
	ID         *string            `json:"id,omitempty" nullable:"false"`
	Properties *AuthZENProperties `json:"properties,omitempty" doc:"Accepted and not looked at: Stint knows its subjects and resources"`
}

// AuthZENAction is use or request; to every other one the answer is no.
type AuthZENAction struct {
	_ struct{} `additionalProperties:"true"`

	Name       *string            `json:"name,omitempty" nullable:"false"`
	Properties *AuthZENProperties `json:"properties,omitempty" doc:"Accepted and not looked at"`
}

// AuthZENProperties is an object of which only that it is one matters.
type AuthZENProperties struct{}

// AuthZENContext tells what is known of a request that is not made yet. Other
// members, and other actions than request, make nothing of it.
type AuthZENContext struct {
	_ struct{} `additionalProperties:"true"`

	Template      any `json:"template,omitempty" doc:"String: id of the grant template to request through"`
	Duration      any `json:"duration,omitempty" doc:"String: the duration to ask for, like 1h30m"`
	NotBefore     any `json:"not_before,omitempty" doc:"String: the time at which the access is to begin, like 2026-03-10T17:30:00Z; absent: at once, or later where only that is possible"`
	Justification any `json:"justification,omitempty" doc:"String: why"`
	BreakGlass    any `json:"break_glass,omitempty" doc:"Boolean: by break-glass; absent: that is open"`
	BusinessEvent any `json:"business_event,omitempty" doc:"String: id of a business event, or the name of an open one"`
}

// AuthZENEvaluation is one question. Subject, with type and id, action and
// resource are required once the defaults of a batch are filled in.
type AuthZENEvaluation struct {
	_ struct{} `additionalProperties:"true"`

	Subject  *AuthZENEntity  `json:"subject,omitempty"`
	Action   *AuthZENAction  `json:"action,omitempty"`
	Resource *AuthZENEntity  `json:"resource,omitempty"`
	Context  *AuthZENContext `json:"context,omitempty"`
}

// AuthZENDecision is the answer to one question.
type AuthZENDecision struct {
	Decision bool                    `json:"decision"`
	Context  *AuthZENDecisionContext `json:"context,omitempty" doc:"Only for a question of a batch that could not be asked"`
}

// AuthZENDecisionContext says why a question of a batch could not be asked.
type AuthZENDecisionContext struct {
	Error AuthZENError `json:"error"`
}

// AuthZENError is what the question by itself would have been refused with.
type AuthZENError struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
}

// AuthZENEvaluations is a batch: its own members are the defaults of each of its
// evaluations. Without evaluations it is a single question.
type AuthZENEvaluations struct {
	_ struct{} `additionalProperties:"true"`

	AuthZENEvaluation
	Evaluations []AuthZENEvaluation `json:"evaluations,omitempty" maxItems:"1000"`
	Options     *AuthZENOptions     `json:"options,omitempty"`
}

// AuthZENOptions says how a batch is evaluated.
type AuthZENOptions struct {
	_ struct{} `additionalProperties:"true"`

	EvaluationsSemantic *string `json:"evaluations_semantic,omitempty" enum:"execute_all,deny_on_first_deny,permit_on_first_permit" default:"execute_all"`
}

// AuthZENMaxEvaluations is how many evaluations a batch holds at most.
const AuthZENMaxEvaluations = 1000

// The ways to evaluate a batch.
const (
	AuthZENExecuteAll          = "execute_all"
	AuthZENDenyOnFirstDeny     = "deny_on_first_deny"
	AuthZENPermitOnFirstPermit = "permit_on_first_permit"
)

// AuthZENDecisions answers a batch in its order, up to the evaluation that ended
// it; a single question is answered with its decision alone.
type AuthZENDecisions struct {
	Decision    *bool             `json:"decision,omitempty"`
	Evaluations []AuthZENDecision `json:"evaluations,omitempty"`
}

// AuthZENPageRequest asks for a part of the results.
type AuthZENPageRequest struct {
	_ struct{} `additionalProperties:"true"`

	Token *string `json:"token,omitempty" doc:"next_token of the page before; everything but the page stays as it was"`
	Limit *int64  `json:"limit,omitempty" minimum:"0" doc:"Most results that the answer may hold; absent: that of the page before, or all"`
}

// AuthZENPage follows a page of results.
type AuthZENPage struct {
	NextToken string `json:"next_token" doc:"Empty on the last page"`
}

// AuthZENSubjectSearch asks which subjects of a type may do something. An id of
// the subject is ignored.
type AuthZENSubjectSearch struct {
	_ struct{} `additionalProperties:"true"`

	AuthZENEvaluation
	Page *AuthZENPageRequest `json:"page,omitempty"`
}

// AuthZENResourceSearch asks with which resources a subject may do something. An
// id of the resource is ignored.
type AuthZENResourceSearch struct {
	_ struct{} `additionalProperties:"true"`

	AuthZENEvaluation
	Page *AuthZENPageRequest `json:"page,omitempty"`
}

// AuthZENActionSearch asks what a subject may do with a resource.
type AuthZENActionSearch struct {
	_ struct{} `additionalProperties:"true"`

	Subject  *AuthZENEntity      `json:"subject,omitempty"`
	Resource *AuthZENEntity      `json:"resource,omitempty"`
	Context  *AuthZENContext     `json:"context,omitempty"`
	Page     *AuthZENPageRequest `json:"page,omitempty"`
}

// AuthZENResults is what a search found: all of it, or the page that was asked
// for. All pages come from the same state: when what would be found changes
// between two of them, the next one is refused.
type AuthZENResults[T any] struct {
	Results []T          `json:"results" nullable:"false"`
	Page    *AuthZENPage `json:"page,omitempty" doc:"Only where a page was asked for"`
}

// AuthZENFoundEntity is a subject or resource that was found.
type AuthZENFoundEntity struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// AuthZENFoundAction is an action that was found.
type AuthZENFoundAction struct {
	Name string `json:"name"`
}

// AuthZENConfiguration says where a policy decision point answers.
type AuthZENConfiguration struct {
	PolicyDecisionPoint       string `json:"policy_decision_point"`
	AccessEvaluationEndpoint  string `json:"access_evaluation_endpoint"`
	AccessEvaluationsEndpoint string `json:"access_evaluations_endpoint"`
	SearchSubjectEndpoint     string `json:"search_subject_endpoint"`
	SearchResourceEndpoint    string `json:"search_resource_endpoint"`
	SearchActionEndpoint      string `json:"search_action_endpoint"`
}
