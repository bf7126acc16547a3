package server

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

type putInput[D governance.Object] struct {
	ID          string `path:"id" doc:"Identifier of the object, escaped as one segment"`
	IfMatch     string `header:"If-Match" doc:"Version that was read, in quotes: updates"`
	IfNoneMatch string `header:"If-None-Match" doc:"*: creates"`
	Body        D
}

type idInput struct {
	ID string `path:"id"`
}

type deleteInput struct {
	ID           string `path:"id"`
	IfMatch      string `header:"If-Match" doc:"Version that was read, in quotes"`
	RevokeGrants bool   `query:"revoke_grants" doc:"End live grants first, instead of refusing because of them"`
}

type objectOutput[T any] struct {
	Status int
	ETag   string `header:"ETag"`
	Body   T
}

type nothing struct{}

// addDeclared registers the declared objects and their snapshot.
func (s *Server) addDeclared(r *router) {
	addCollection(r, api.Attributes, governance.KindAttribute, toAttribute)
	addCollection(r, api.Applications, governance.KindApplication, toApplication)
	addCollection(r, api.Identities, governance.KindIdentity, toIdentity)
	addCollection(r, api.Entitlements, governance.KindEntitlement, toEntitlement)
	addCollection(r, api.EligibilityPolicies, governance.KindPolicy, toPolicy)
	addCollection(r, api.SoDRules, governance.KindRule, toRule)
	addCollection(r, api.GrantTemplates, governance.KindTemplate, toTemplate)
	addCollection(r, api.Delegations, governance.KindDelegation, toDelegation)
	addCollection(r, api.EventSources, governance.KindEventSource, toEventSource)
	addCollection(r, api.BusinessEvents, governance.KindBusinessEvent, toEvent)
	add(r, operation{id: "snapshot", method: http.MethodGet, path: "/v1/snapshot", tag: "declared", summary: "The whole declared state at one revision"}, s.snapshot)
}

// addCollection registers the four operations of one kind.
func addCollection[D governance.Object, T any](r *router, in api.Collection[D, T], kind governance.Kind, convert func(catalog.Stored) T) {
	s := r.server
	noun := strings.ReplaceAll(string(kind), "_", "-")
	words := strings.ReplaceAll(string(kind), "_", " ")
	path := "/v1/" + string(in)
	add(r, operation{id: "list-" + string(in), method: http.MethodGet, path: path, tag: "declared", summary: "List, sorted by id"},
		func(ctx context.Context, _ caller, query *api.PageQuery) (*listOutput[T], error) {
			return page(ctx, s, *query, func() ([]T, time.Time, error) {
				stored, _, err := s.engine.Catalog.List(ctx, kind)
				return convertAll(stored, convert), time.Time{}, err
			})
		})
	add(r, operation{id: "get-" + noun, method: http.MethodGet, path: path + "/{id}", tag: "declared", summary: "Read one " + words},
		func(ctx context.Context, _ caller, input *idInput) (*objectOutput[T], error) {
			stored, err := s.engine.Catalog.Get(ctx, kind, input.ID)
			if err != nil {
				return nil, err
			}
			return objectAnswer(http.StatusOK, stored, convert), nil
		})
	add(r, operation{id: "put-" + noun, method: http.MethodPut, path: path + "/{id}", tag: "declared", summary: "Create or update one " + words, creates: reflect.TypeFor[T]()},
		func(ctx context.Context, who caller, input *putInput[D]) (*objectOutput[T], error) {
			precondition, err := writePrecondition(input.IfMatch, input.IfNoneMatch)
			if err != nil {
				return nil, err
			}
			if key := input.Body.Key(); key != input.ID {
				return nil, newRefusal(http.StatusUnprocessableEntity, api.CodeInvalid, "the path names %q, the body is %q; an identifier follows from the natural key and cannot be changed", input.ID, key)
			}
			stored, err := s.engine.Catalog.Put(ctx, who.actor, input.Body, precondition)
			if err != nil {
				return nil, err
			}
			if precondition.Create {
				return objectAnswer(http.StatusCreated, stored, convert), nil
			}
			return objectAnswer(http.StatusOK, stored, convert), nil
		})
	add(r, operation{id: "delete-" + noun, method: http.MethodDelete, path: path + "/{id}", tag: "declared", summary: "Delete one " + words},
		func(ctx context.Context, who caller, input *deleteInput) (*nothing, error) {
			version, err := matchedVersion(input.IfMatch)
			if err != nil {
				return nil, err
			}
			return &nothing{}, s.engine.Catalog.Delete(ctx, who.actor, kind, input.ID, version, input.RevokeGrants)
		})
}

func objectAnswer[T any](status int, stored catalog.Stored, convert func(catalog.Stored) T) *objectOutput[T] {
	return &objectOutput[T]{Status: status, ETag: etag(stored.Version), Body: convert(stored)}
}

type snapshotOutput struct{ Body api.Snapshot }

func (s *Server) snapshot(ctx context.Context, _ caller, _ *struct{}) (*snapshotOutput, error) {
	all, err := s.engine.Catalog.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	of := all.Objects
	return &snapshotOutput{Body: api.Snapshot{
		Revision:            all.Revision,
		Attributes:          convertAll(of[governance.KindAttribute], toAttribute),
		Applications:        convertAll(of[governance.KindApplication], toApplication),
		Identities:          convertAll(of[governance.KindIdentity], toIdentity),
		Entitlements:        convertAll(of[governance.KindEntitlement], toEntitlement),
		EligibilityPolicies: convertAll(of[governance.KindPolicy], toPolicy),
		SoDRules:            convertAll(of[governance.KindRule], toRule),
		GrantTemplates:      convertAll(of[governance.KindTemplate], toTemplate),
		Delegations:         convertAll(of[governance.KindDelegation], toDelegation),
		EventSources:        convertAll(of[governance.KindEventSource], toEventSource),
		BusinessEvents:      convertAll(of[governance.KindBusinessEvent], toEvent),
	}}, nil
}
