package server

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

type requestsQuery struct {
	api.PageQuery
	State      governance.RequestState `query:"state" doc:"Absent: all states"`
	Identity   governance.IdentityID   `query:"identity" doc:"Absent: all that the caller may see"`
	AwaitingMe bool                    `query:"awaiting_me" doc:"Only those that the caller may approve now"`

	BreakGlass       bool                   `query:"break_glass" doc:"Only those that were granted by break-glass"`
	Review           governance.ReviewState `query:"review" enum:"open,overdue,justified,unjustified" doc:"Only those whose review stands there"`
	AwaitingMyReview bool                   `query:"awaiting_my_review" doc:"Only those whose review the caller may give now"`
}

type (
	decideInput    struct{ Body api.DecisionInput }
	decisionOutput struct{ Body api.ExplainedDecision }
	eligibleInput  struct{ Body api.EligibilityInput }
	eligibleOutput struct{ Body api.Eligibility }
	requestInput   struct {
		Naming
		Body api.RequestInput
	}
	requestOutput struct {
		Status int
		Body   api.Request
	}
	verdictInput struct {
		ID   string `path:"id"`
		Body *api.VerdictInput
	}
)

type reviewInput struct {
	ID   string `path:"id"`
	Body api.ReviewInput
}

func (v *verdictInput) comment() string {
	if v.Body == nil {
		return ""
	}
	return v.Body.Comment
}

// addRequests registers decisions and the course of requests.
func (s *Server) addRequests(r *router) {
	add(r, operation{id: "decide", method: http.MethodPost, path: "/v1/decisions", tag: "access", summary: "What would become of a request, with every reason"}, s.decide)
	add(r, operation{id: "eligible", method: http.MethodPost, path: "/v1/eligibility", tag: "access", summary: "What could be requested, and how sure that is"}, s.eligible)
	add(r, operation{id: "request", method: http.MethodPost, path: "/v1/requests", tag: "access", summary: "Ask for access", status: http.StatusCreated}, s.request)
	add(r, operation{id: "list-requests", method: http.MethodGet, path: "/v1/requests", tag: "access", summary: "Requests that the caller may see, oldest first"},
		func(ctx context.Context, who caller, query *requestsQuery) (*listOutput[api.Request], error) {
			return page(ctx, s, query.PageQuery, func() ([]api.Request, time.Time, error) {
				views, err := s.visibleRequests(ctx, who, query)
				return convertAll(views, toRequest), time.Time{}, err
			})
		})
	add(r, operation{id: "get-request", method: http.MethodGet, path: "/v1/requests/{id}", tag: "access", summary: "Read one request"}, s.getRequest)
	addVerdict(r, "approve", "Speak for a request in its current stage", s.engine.Access.Approve)
	addVerdict(r, "reject", "End a request in its current stage", s.engine.Access.Reject)
	add(r, operation{id: "review-request", method: http.MethodPost, path: "/v1/requests/{id}/review", tag: "access", summary: "Say whether a request by break-glass was justified"},
		func(ctx context.Context, who caller, input *reviewInput) (*requestOutput, error) {
			view, err := s.engine.Access.Review(ctx, who.actor, governance.RequestID(input.ID), input.Body.Verdict, input.Body.Comment)
			return requestAnswer(http.StatusOK, view, err)
		})
	add(r, operation{id: "withdraw-request", method: http.MethodPost, path: "/v1/requests/{id}/withdraw", tag: "access", summary: "Withdraw a request of one's own"},
		func(ctx context.Context, who caller, input *verdictInput) (*requestOutput, error) {
			view, err := s.engine.Access.Withdraw(ctx, who.actor, governance.RequestID(input.ID))
			return requestAnswer(http.StatusOK, view, err)
		})
}

func requestAnswer(status int, view access.RequestView, err error) (*requestOutput, error) {
	if err != nil {
		return nil, err
	}
	return &requestOutput{Status: status, Body: toRequest(view)}, nil
}

func toAsk(identity governance.IdentityID, input api.RequestInput) access.Ask {
	return access.Ask{
		Identity: identity, Template: input.Template, Entitlements: input.Entitlements, Account: input.Account,
		BusinessEvent: input.BusinessEvent, Duration: input.Duration, Justification: input.Justification, BreakGlass: input.BreakGlass,
		NotBefore: input.NotBefore,
	}
}

func (s *Server) decide(ctx context.Context, who caller, input *decideInput) (*decisionOutput, error) {
	identity, err := who.asksFor(input.Body.Identity)
	if err != nil {
		return nil, err
	}
	ask := toAsk(identity, input.Body.RequestInput)
	if !input.Body.Explain {
		decision, err := s.engine.Access.Decide(ctx, ask)
		return &decisionOutput{Body: api.ExplainedDecision{Decision: decision}}, err
	}
	decision, trace, err := s.engine.Access.Explain(ctx, ask)
	return &decisionOutput{Body: api.ExplainedDecision{Decision: decision, Trace: &trace}}, err
}

// asksFor is the identity that a question is about: the caller's own unless it
// may read what decides about others.
func (c caller) asksFor(named governance.IdentityID) (governance.IdentityID, error) {
	identity := cmp.Or(named, c.identity())
	if identity != c.identity() && !c.reads() {
		return "", newRefusal(http.StatusForbidden, api.CodeForbidden, "%s may only ask for itself; what another identity would get takes a token with the role admin, author or auditor", c.identity())
	}
	return identity, nil
}

func (s *Server) eligible(ctx context.Context, who caller, input *eligibleInput) (*eligibleOutput, error) {
	identity, err := who.asksFor(input.Body.Identity)
	if err != nil {
		return nil, err
	}
	eligibility, err := s.engine.Access.Eligible(ctx, access.Ask{
		Identity: identity, Template: input.Body.Template, Entitlements: input.Body.Entitlements, Account: input.Body.Account,
		BusinessEvent: input.Body.BusinessEvent, Duration: input.Body.Duration, Justification: input.Body.Justification,
		BreakGlass: input.Body.BreakGlass,
	})
	if err != nil {
		return nil, err
	}
	answer := api.Eligibility{Identity: identity, Revision: eligibility.Revision, Openings: eligibility.Openings}
	if answer.Openings == nil {
		answer.Openings = []governance.Opening{}
	}
	return &eligibleOutput{Body: answer}, nil
}

func (s *Server) request(ctx context.Context, who caller, input *requestInput) (*requestOutput, error) {
	actor, err := input.actor(who, "request", input.Body)
	if err != nil {
		return nil, err
	}
	view, err := s.engine.Access.Request(ctx, actor, toAsk(who.identity(), input.Body))
	return requestAnswer(http.StatusCreated, view, err)
}

// visibleRequests keeps whoever has no role to their own requests and those
// that wait for them.
func (s *Server) visibleRequests(ctx context.Context, who caller, query *requestsQuery) ([]access.RequestView, error) {
	filter := access.RequestFilter{State: query.State, Identity: query.Identity, BreakGlass: query.BreakGlass, Review: query.Review}
	waiting, owed := filter, filter
	waiting.Approver, owed.Reviewer = who.identity(), who.identity()
	switch {
	case query.AwaitingMe:
		return s.engine.Access.ListRequests(ctx, waiting)
	case query.AwaitingMyReview:
		return s.engine.Access.ListRequests(ctx, owed)
	case who.sees(), query.Identity == who.identity():
		return s.engine.Access.ListRequests(ctx, filter)
	case query.Identity != "":
		return nil, newRefusal(http.StatusForbidden, api.CodeForbidden, "%s may not read the requests of %s; it takes a token with the role admin or auditor", who.identity(), query.Identity)
	}
	filter.Identity = who.identity()
	var all []access.RequestView
	for _, f := range []access.RequestFilter{filter, waiting, owed} {
		some, err := s.engine.Access.ListRequests(ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b access.RequestView) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(all, func(a, b access.RequestView) bool { return a.ID == b.ID }), nil
}

func (s *Server) getRequest(ctx context.Context, who caller, input *idInput) (*requestOutput, error) {
	view, err := s.engine.Access.GetRequest(ctx, governance.RequestID(input.ID))
	if err != nil {
		return nil, err
	}
	concerned, err := s.concerns(ctx, who, view)
	if err == nil && !concerned {
		err = newRefusal(http.StatusForbidden, api.CodeForbidden, "%s may not read request %s: it is another's and does not wait for them", who.identity(), view.ID)
	}
	return requestAnswer(http.StatusOK, view, err)
}

// concerns says whether a request is the caller's to see: it is their own, they
// have spoken on it, it waits for them, or they see all.
func (s *Server) concerns(ctx context.Context, who caller, view access.RequestView) (bool, error) {
	spoke := slices.ContainsFunc(view.Approvals, func(a governance.Approval) bool { return a.Approver == who.identity() }) ||
		view.Review != nil && view.Review.Reviewer == who.identity()
	if who.sees() || view.Identity == who.identity() || spoke {
		return true, nil
	}
	for _, f := range []access.RequestFilter{{Approver: who.identity()}, {Reviewer: who.identity()}} {
		waiting, err := s.engine.Access.ListRequests(ctx, f)
		if err != nil || slices.ContainsFunc(waiting, func(w access.RequestView) bool { return w.ID == view.ID }) {
			return err == nil, err
		}
	}
	return false, nil
}

func addVerdict(r *router, verb, summary string, speak func(context.Context, journal.Actor, governance.RequestID, string) (access.RequestView, error)) {
	add(r, operation{id: verb + "-request", method: http.MethodPost, path: "/v1/requests/{id}/" + verb, tag: "access", summary: summary},
		func(ctx context.Context, who caller, input *verdictInput) (*requestOutput, error) {
			view, err := speak(ctx, who.actor, governance.RequestID(input.ID), input.comment())
			return requestAnswer(http.StatusOK, view, err)
		})
}
