package server

import (
	"context"
	"net/http"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/operations"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

type operationsQuery struct {
	api.PageQuery
	Application governance.ApplicationID `query:"application" doc:"Absent: all applications"`
	Kind        grants.OperationKind     `query:"kind" enum:"grant,revoke,verify,make_account,remove_account" doc:"Absent: all kinds"`
	Failing     bool                     `query:"failing" doc:"Only those that were tried and failed"`
	Overdue     bool                     `query:"overdue" doc:"Only revocations that take too long"`
}

type (
	retriedOutput    struct{ Body api.Retried }
	proposalOutput   struct{ Body governance.Proposal }
	abandonedOutput  struct{ Body api.Grant }
	retiredOutput    struct{ Body api.Retired }
	reinstatedOutput struct{ Body api.Reinstated }
)

type proposalInput struct {
	ID   string `path:"id"`
	Body api.ProposalInput
}

type acceptInput struct {
	ID   string `path:"id"`
	Body api.AcceptInput
}

// addOperations registers how people operate the worker.
func (s *Server) addOperations(r *router) {
	ops := s.engine.Operations
	add(r, operation{id: "list-operations", method: http.MethodGet, path: "/v1/operations", tag: "operations", summary: "What is still to be done in targets, what is due longest first"},
		func(ctx context.Context, _ caller, query *operationsQuery) (*listOutput[api.Operation], error) {
			return page(ctx, s, query.PageQuery, func() ([]api.Operation, time.Time, error) {
				list, err := ops.List(ctx, operations.Filter{Application: query.Application, Kind: query.Kind, Failing: query.Failing, Overdue: query.Overdue})
				return convertAll(list, toOperation), time.Time{}, err
			})
		})
	add(r, operation{id: "retry-operation", method: http.MethodPost, path: "/v1/operations/{id}/retry", tag: "operations", summary: "Try an operation now, or take one up again that was given up"},
		func(ctx context.Context, who caller, input *idInput) (*retriedOutput, error) {
			next, err := ops.Retry(ctx, who.actor, governance.OperationID(input.ID))
			if err != nil {
				return nil, err
			}
			return &retriedOutput{Body: api.Retried{Operation: next, Count: 1}}, nil
		})
	add(r, operation{id: "retry-application", method: http.MethodPost, path: "/v1/applications/{id}/retry", tag: "operations", summary: "Try everything that waits in an application now"},
		func(ctx context.Context, who caller, input *idInput) (*retriedOutput, error) {
			n, err := ops.RetryAll(ctx, who.actor, governance.ApplicationID(input.ID))
			if err != nil {
				return nil, err
			}
			return &retriedOutput{Body: api.Retried{Count: n}}, nil
		})
	add(r, operation{id: "propose-abandon", method: http.MethodPost, path: "/v1/operations/{id}/abandon", tag: "operations", status: http.StatusCreated, summary: "Propose to give up on an operation; another person confirms it"},
		func(ctx context.Context, who caller, input *proposalInput) (*proposalOutput, error) {
			proposal, err := ops.ProposeAbandon(ctx, who.actor, governance.OperationID(input.ID), input.Body.Reason)
			if err != nil {
				return nil, err
			}
			return &proposalOutput{Body: proposal}, nil
		})
	add(r, operation{id: "confirm-abandon", method: http.MethodPost, path: "/v1/operations/{id}/abandon/confirm", tag: "operations", summary: "Confirm another person's proposal: the grant is over, and what it gave may still stand"},
		func(ctx context.Context, who caller, input *idInput) (*abandonedOutput, error) {
			grant, err := ops.ConfirmAbandon(ctx, who.actor, governance.OperationID(input.ID))
			if err != nil {
				return nil, err
			}
			return &abandonedOutput{Body: api.Grant{Grant: grant}}, nil
		})
	add(r, operation{id: "withdraw-abandon", method: http.MethodPost, path: "/v1/operations/{id}/abandon/withdraw", tag: "operations", summary: "Take a proposal to give up on an operation back, one's own or another's"},
		func(ctx context.Context, who caller, input *idInput) (*proposalOutput, error) {
			proposal, err := ops.WithdrawAbandon(ctx, who.actor, governance.OperationID(input.ID))
			if err != nil {
				return nil, err
			}
			return &proposalOutput{Body: proposal}, nil
		})
	add(r, operation{id: "propose-retire", method: http.MethodPost, path: "/v1/applications/{id}/retire", tag: "operations", status: http.StatusCreated, summary: "Propose to give up on an application whose target does not answer; another person confirms it"},
		func(ctx context.Context, who caller, input *proposalInput) (*proposalOutput, error) {
			proposal, err := ops.ProposeRetire(ctx, who.actor, governance.ApplicationID(input.ID), input.Body.Reason)
			if err != nil {
				return nil, err
			}
			return &proposalOutput{Body: proposal}, nil
		})
	add(r, operation{id: "confirm-retire", method: http.MethodPost, path: "/v1/applications/{id}/retire/confirm", tag: "operations", summary: "Confirm another person's proposal: everything in the application is given up, and its findings stay"},
		func(ctx context.Context, who caller, input *idInput) (*retiredOutput, error) {
			retired, err := ops.ConfirmRetire(ctx, who.actor, governance.ApplicationID(input.ID))
			if err != nil {
				return nil, err
			}
			return &retiredOutput{Body: api.Retired(retired)}, nil
		})
	add(r, operation{id: "withdraw-retire", method: http.MethodPost, path: "/v1/applications/{id}/retire/withdraw", tag: "operations", summary: "Take a proposal to give up on an application back, one's own or another's"},
		func(ctx context.Context, who caller, input *idInput) (*proposalOutput, error) {
			proposal, err := ops.WithdrawRetire(ctx, who.actor, governance.ApplicationID(input.ID))
			if err != nil {
				return nil, err
			}
			return &proposalOutput{Body: proposal}, nil
		})
	add(r, operation{id: "reinstate-application", method: http.MethodPost, path: "/v1/applications/{id}/reinstate", tag: "operations", summary: "Govern a retired application again, once its target was read"},
		func(ctx context.Context, who caller, input *idInput) (*reinstatedOutput, error) {
			id := governance.ApplicationID(input.ID)
			resumed, err := ops.Reinstate(ctx, who.actor, id)
			if err != nil {
				return nil, err
			}
			return &reinstatedOutput{Body: api.Reinstated{Application: id, Resumed: resumed.Grants, Accounts: resumed.Accounts}}, nil
		})
	add(r, operation{id: "accept-mass-change", method: http.MethodPost, path: "/v1/applications/{id}/sync/accept", tag: "discovery", summary: "Read an application and let the mass change through that is held"},
		func(ctx context.Context, who caller, input *acceptInput) (*syncOutput, error) {
			result, err := s.engine.Discovery.Accept(ctx, who.actor, governance.ApplicationID(input.ID), input.Body.Held)
			if err != nil {
				return nil, err
			}
			return &syncOutput{Body: toSync(result)}, nil
		})
}

func toOperation(o operations.Operation) api.Operation {
	return api.Operation{
		ID: o.ID, Kind: string(o.Kind), Grant: o.Grant, Identity: o.Identity, Application: o.Application, Account: o.Account, Entitlement: o.Entitlement,
		DueSince: o.DueSince, NextAt: o.NextAt, Attempts: o.Attempts, Called: o.Called, LastError: o.LastError, Overdue: o.Overdue, Proposal: o.Proposal,
	}
}
