package server

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

// addAuthZENConfiguration registers where clients find the rest. A server that
// is known under a URL with a path answers where that URL's clients look: behind
// the well-known path.
func (s *Server) addAuthZENConfiguration(r *router) {
	op := &huma.Operation{
		OperationID: "authzen-configuration", Method: http.MethodGet, Path: pathConfiguration, Tags: []string{"authzen"},
		Summary: "Where the AuthZEN endpoints are; without a token", Security: []map[string][]string{},
		Responses: map[string]*huma.Response{
			"200": {Description: "Answered", Content: map[string]*huma.MediaType{"application/json": {
				Schema: r.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[api.AuthZENConfiguration](), true, ""),
			}}},
			"default": refusedInText(),
		},
	}
	r.api.OpenAPI().AddOperation(op)
	handle := func(ctx huma.Context) {
		request, writer := humago.Unwrap(ctx)
		s.configuration(writer, request)
	}
	r.api.Adapter().Handle(op, handle)
	if path := externalPath(s.config.ExternalURL); path != "" {
		r.api.Adapter().Handle(&huma.Operation{Method: op.Method, Path: pathConfiguration + path}, handle)
	}
}

// externalPath is the path of an external URL; empty when it has none, or when
// the server will refuse to listen under it.
func externalPath(external string) string {
	u, err := url.Parse(external)
	if err != nil || checkExternalURL(external) != nil {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}

func (s *Server) configuration(w http.ResponseWriter, r *http.Request) {
	echoRequestID(w, r)
	base := s.baseURL(r)
	body, err := encodeAuthZEN(api.AuthZENConfiguration{
		PolicyDecisionPoint:       base,
		AccessEvaluationEndpoint:  base + pathEvaluation,
		AccessEvaluationsEndpoint: base + pathEvaluations,
		SearchSubjectEndpoint:     base + pathSearchSubject,
		SearchResourceEndpoint:    base + pathSearchResource,
		SearchActionEndpoint:      base + pathSearchAction,
	})
	if err != nil {
		s.refuseAuthZEN(r.Context(), err).writeText(w)
		return
	}
	if s.config.ExternalURL != "" {
		w.Header().Set("Cache-Control", "public, max-age=3600")
	}
	w.Header()["Content-Type"] = contentTypeJSON
	_, _ = w.Write(body)
}

// baseURL is where clients reach the server: as it was configured, else as this
// one did. What a proxy forwards about itself is not believed: whoever reaches
// the server could say the same.
func (s *Server) baseURL(r *http.Request) string {
	if s.config.ExternalURL != "" {
		return strings.TrimRight(s.config.ExternalURL, "/")
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
