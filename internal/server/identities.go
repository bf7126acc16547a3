package server

import (
	"context"
	"net/http"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

type statusInput struct {
	ID   string `path:"id"`
	Body api.StatusInput
}

type attestInput struct {
	ID   string `path:"id"`
	Body api.AttestInput
}

// addIdentities registers what is the engine's about an identity and not declared.
func (s *Server) addIdentities(r *router) {
	add(r, operation{
		id: "set-identity-status", method: http.MethodPost, path: "/v1/identities/{id}/status", tag: "declared",
		summary: "Say whether an identity may hold access; one that may not loses its live grants",
	}, func(ctx context.Context, who caller, input *statusInput) (*objectOutput[api.Identity], error) {
		stored, err := s.engine.Catalog.Status(ctx, who.actor, governance.IdentityID(input.ID), input.Body.Status)
		if err != nil {
			return nil, err
		}
		return objectAnswer(http.StatusOK, stored, toIdentity), nil
	})
	add(r, operation{
		id: "attest-identity", method: http.MethodPost, path: "/v1/identities/{id}/attest", tag: "declared",
		summary: "Attest, as the owner of an identity, that it is still needed",
	}, func(ctx context.Context, who caller, input *attestInput) (*objectOutput[api.Identity], error) {
		stored, err := s.engine.Catalog.Attest(ctx, who.actor, governance.IdentityID(input.ID), input.Body.Comment)
		if err != nil {
			return nil, err
		}
		return objectAnswer(http.StatusOK, stored, toIdentity), nil
	})
	add(r, operation{
		id: "list-owned-identities", method: http.MethodGet, path: "/v1/owned-identities", tag: "declared",
		summary: "Identities that the caller owns, sorted by id",
	}, func(ctx context.Context, who caller, query *api.PageQuery) (*listOutput[api.Identity], error) {
		return page(ctx, s, *query, func() ([]api.Identity, time.Time, error) {
			owned, err := s.engine.Catalog.Owned(ctx, who.identity())
			return convertAll(owned, toIdentity), time.Time{}, err
		})
	})
}
