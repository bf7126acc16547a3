package server

import (
	"context"
	"net/http"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

type grantsQuery struct {
	api.PageQuery
	State    governance.GrantState `query:"state" doc:"Absent: all states"`
	Identity governance.IdentityID `query:"identity" doc:"Absent: all that the caller may see"`
	Live     bool                  `query:"live" doc:"Only those that count as held"`
}

type extendInput struct {
	Naming
	ID   string `path:"id"`
	Body api.ExtendInput
}

type grantOutput struct{ Body api.Grant }

type endInput struct {
	ID   string `path:"id"`
	Body *api.EndInput
}

func (e *endInput) comment() string {
	if e.Body == nil {
		return ""
	}
	return e.Body.Comment
}

// addGrants registers the reading and ending of grants.
func (s *Server) addGrants(r *router) {
	add(r, operation{id: "list-grants", method: http.MethodGet, path: "/v1/grants", tag: "access", summary: "Grants that the caller may see, oldest first"},
		func(ctx context.Context, who caller, query *grantsQuery) (*listOutput[api.Grant], error) {
			filter := access.GrantFilter{State: query.State, Identity: query.Identity, Live: query.Live}
			if !who.sees() {
				if filter.Identity != "" && filter.Identity != who.identity() {
					return nil, newRefusal(http.StatusForbidden, api.CodeForbidden, "%s may not read the grants of %s; it takes a token with the role admin or auditor", who.identity(), filter.Identity)
				}
				filter.Identity = who.identity()
			}
			return page(ctx, s, query.PageQuery, func() ([]api.Grant, time.Time, error) {
				views, err := s.engine.Access.ListGrants(ctx, filter)
				return convertAll(views, toGrant), time.Time{}, err
			})
		})
	add(r, operation{id: "get-grant", method: http.MethodGet, path: "/v1/grants/{id}", tag: "access", summary: "Read one grant"},
		func(ctx context.Context, who caller, input *idInput) (*grantOutput, error) {
			view, err := s.engine.Access.GetGrant(ctx, governance.GrantID(input.ID))
			if err != nil {
				return nil, err
			}
			// One that was taken up after a restore has no request here.
			concerned := who.sees() || view.Identity == who.identity()
			if !concerned {
				request, err := s.engine.Access.GetRequest(ctx, view.Request)
				if err == nil {
					concerned, err = s.concerns(ctx, who, request)
				}
				if err != nil && !fault.Is(err, fault.NotFound) {
					return nil, err
				}
			}
			if !concerned {
				return nil, newRefusal(http.StatusForbidden, api.CodeForbidden, "%s may not read grant %s: it is another's", who.identity(), view.ID)
			}
			return &grantOutput{Body: toGrant(view)}, nil
		})
	add(r, operation{
		id: "extend-grant", method: http.MethodPost, path: "/v1/grants/{id}/extend", tag: "access", status: http.StatusCreated,
		summary: "Ask for more time for an active grant of one's own; the answer is the request, which names the grant once it is granted",
	}, func(ctx context.Context, who caller, input *extendInput) (*requestOutput, error) {
		actor, err := input.actor(who, "extend-grant "+input.ID, input.Body)
		if err != nil {
			return nil, err
		}
		view, err := s.engine.Access.Extend(ctx, actor, governance.GrantID(input.ID), input.Body.Duration, input.Body.Justification)
		return requestAnswer(http.StatusCreated, view, err)
	})
	addEnd(r, "return", "Give back a grant of one's own", s.engine.Access.Return)
	addEnd(r, "revoke", "End anyone's grant", s.engine.Access.Revoke)
}

func addEnd(r *router, verb, summary string, end func(context.Context, journal.Actor, governance.GrantID, string) (access.GrantView, error)) {
	add(r, operation{id: verb + "-grant", method: http.MethodPost, path: "/v1/grants/{id}/" + verb, tag: "access", summary: summary},
		func(ctx context.Context, who caller, input *endInput) (*grantOutput, error) {
			view, err := end(ctx, who.actor, governance.GrantID(input.ID), input.comment())
			if err != nil {
				return nil, err
			}
			return &grantOutput{Body: toGrant(view)}, nil
		})
}
