package server

import (
	"context"
	"net/http"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

type statusInput struct {
	ID   string `path:"id"`
	Body api.StatusInput
}

// addStatus registers what is the engine's about an identity and not declared.
func (s *Server) addStatus(r *router) {
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
}
