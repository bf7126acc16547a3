package server

import (
	"context"
	"net/http"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/token"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

type (
	tokenInput         struct{ Body api.TokenInput }
	createdTokenOutput struct{ Body api.CreatedToken }
	tokenOutput        struct{ Body api.Token }
	whoamiOutput       struct{ Body api.WhoAmI }
)

// addTokens registers who may come in.
func (s *Server) addTokens(r *router) {
	add(r, operation{id: "whoami", method: http.MethodGet, path: "/v1/whoami", tag: "tokens", summary: "Who the token stands for"},
		func(_ context.Context, who caller, _ *struct{}) (*whoamiOutput, error) {
			return &whoamiOutput{Body: api.WhoAmI{
				Identity: who.identity(), Bootstrap: who.actor.Bootstrap, Roles: who.roles, Token: who.actor.Token,
			}}, nil
		})
	add(r, operation{id: "create-token", method: http.MethodPost, path: "/v1/tokens", tag: "tokens", summary: "Make a token; its secret is in this answer and never again", status: http.StatusCreated},
		func(ctx context.Context, who caller, input *tokenInput) (*createdTokenOutput, error) {
			made, secret, err := s.engine.Tokens.Create(ctx, who.actor, token.New{
				Name: input.Body.Name, Identity: input.Body.Identity, ExpiresAt: input.Body.ExpiresAt,
				Roles: convertAll(input.Body.Roles, func(r api.Role) token.Role { return token.Role(r) }),
			})
			if err != nil {
				return nil, err
			}
			return &createdTokenOutput{Body: api.CreatedToken{Token: toToken(made), Secret: secret}}, nil
		})
	add(r, operation{id: "list-tokens", method: http.MethodGet, path: "/v1/tokens", tag: "tokens", summary: "All tokens, without their secrets"},
		func(ctx context.Context, _ caller, query *api.PageQuery) (*listOutput[api.Token], error) {
			return page(ctx, s, *query, func() ([]api.Token, time.Time, error) {
				tokens, err := s.engine.Tokens.List(ctx)
				return convertAll(tokens, toToken), time.Time{}, err
			})
		})
	add(r, operation{id: "revoke-token", method: http.MethodDelete, path: "/v1/tokens/{id}", tag: "tokens", summary: "End a token at once"},
		func(ctx context.Context, who caller, input *idInput) (*tokenOutput, error) {
			revoked, err := s.engine.Tokens.Revoke(ctx, who.actor, input.ID)
			if err != nil {
				return nil, err
			}
			return &tokenOutput{Body: toToken(revoked)}, nil
		})
}

func toToken(t token.Token) api.Token {
	return api.Token{
		ID: t.ID, Name: t.Name, Identity: t.Identity, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, RevokedAt: t.RevokedAt,
		Roles: convertAll(t.Roles, func(role token.Role) api.Role { return api.Role(role) }), CreatedBy: append([]governance.IdentityID{}, t.Makers...),
	}
}
