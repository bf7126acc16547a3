package server

import (
	"context"
	"net/http"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/discovery"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

type discoveredQuery struct {
	api.PageQuery
	Application governance.ApplicationID `query:"application" doc:"Absent: all applications"`
}

type findingsQuery struct {
	api.PageQuery
	Application governance.ApplicationID `query:"application" doc:"Absent: all applications"`
	Kind        governance.FindingKind   `query:"kind" doc:"Absent: all kinds"`
}

type syncOutput struct{ Body api.Sync }

// addDiscovery registers what is observed in targets.
func (s *Server) addDiscovery(r *router) {
	add(r, operation{
		id: "sync-application", method: http.MethodPost, path: "/v1/applications/{id}/sync", tag: "discovery",
		summary: "Read an application completely and answer when it is done",
	}, func(ctx context.Context, who caller, input *idInput) (*syncOutput, error) {
		result, err := s.engine.Discovery.Sync(ctx, who.actor, governance.ApplicationID(input.ID))
		if err != nil {
			return nil, err
		}
		return &syncOutput{Body: toSync(result)}, nil
	})
	addDiscovered(r, "entitlements", s.engine.Discovery.Entitlements, func(e discovery.Entitlement) api.DiscoveredEntitlement {
		e.Includes = append([]governance.EntitlementID{}, e.Includes...)
		return api.DiscoveredEntitlement(e)
	})
	addDiscovered(r, "accounts", s.engine.Discovery.Accounts, func(a discovery.Account) api.DiscoveredAccount { return api.DiscoveredAccount(a) })
	addDiscovered(r, "assignments", s.engine.Discovery.Assignments, func(a discovery.Assignment) api.DiscoveredAssignment { return api.DiscoveredAssignment(a) })
	add(r, operation{
		id: "list-findings", method: http.MethodGet, path: "/v1/findings", tag: "discovery",
		summary: "Differences between what is declared or granted and what is observed",
	}, func(ctx context.Context, _ caller, query *findingsQuery) (*listOutput[api.Finding], error) {
		return page(ctx, s, query.PageQuery, func() ([]api.Finding, time.Time, error) {
			return s.engine.Discovery.Findings(ctx, query.Application, query.Kind)
		})
	})
}

func addDiscovered[From, To any](r *router, what string, read func(context.Context, governance.ApplicationID) ([]From, time.Time, error), convert func(From) To) {
	add(r, operation{
		id: "list-discovered-" + what, method: http.MethodGet, path: "/v1/discovered/" + what, tag: "discovery",
		summary: "What was last seen in the targets: " + what,
	}, func(ctx context.Context, _ caller, query *discoveredQuery) (*listOutput[To], error) {
		return page(ctx, r.server, query.PageQuery, func() ([]To, time.Time, error) {
			seen, observedAt, err := read(ctx, query.Application)
			return convertAll(seen, convert), observedAt, err
		})
	})
}
