package server

import (
	"context"
	"net/http"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

type (
	openEventInput struct {
		Naming
		Body api.OpenEventInput
	}
	extendEventInput struct {
		ID   string `path:"id"`
		Body api.ExtendEventInput
	}
)

// addEvents registers what happens to business events outside of the declared
// state.
func (s *Server) addEvents(r *router) {
	add(r, operation{
		id: "open-business-event", method: http.MethodPost, path: "/v1/business-events", tag: "events",
		summary: "Open a business event from outside", status: http.StatusCreated,
	}, func(ctx context.Context, who caller, input *openEventInput) (*objectOutput[api.BusinessEvent], error) {
		actor, err := input.actor(who, "open-business-event", input.Body)
		if err != nil {
			return nil, err
		}
		event, err := s.engine.Access.OpenEvent(ctx, actor, input.Body.BusinessEvent)
		if err != nil {
			return nil, err
		}
		return &objectOutput[api.BusinessEvent]{Status: http.StatusCreated, ETag: etag(event.Version), Body: fromOpenEvent(event)}, nil
	})
	add(r, operation{
		id: "extend-business-event", method: http.MethodPost, path: "/v1/business-events/{id}/extend", tag: "events",
		summary: "Give an open event, by id or name, a later end; its grants are not lengthened",
	}, func(ctx context.Context, who caller, input *extendEventInput) (*objectOutput[api.BusinessEvent], error) {
		event, err := s.engine.Access.ExtendEvent(ctx, who.actor, input.ID, input.Body.EndsAt, input.Body.Justification)
		if err != nil {
			return nil, err
		}
		return &objectOutput[api.BusinessEvent]{Status: http.StatusOK, ETag: etag(event.Version), Body: fromOpenEvent(event)}, nil
	})
	add(r, operation{
		id: "close-business-event", method: http.MethodPost, path: "/v1/business-events/{id}/close", tag: "events",
		summary: "Close an event, by id or by the name of an open one, and end its grants",
	}, func(ctx context.Context, who caller, input *idInput) (*objectOutput[api.BusinessEvent], error) {
		event, err := s.engine.Access.CloseEvent(ctx, who.actor, input.ID)
		if err != nil {
			return nil, err
		}
		return &objectOutput[api.BusinessEvent]{Status: http.StatusOK, ETag: etag(event.Version), Body: fromOpenEvent(event)}, nil
	})
}
