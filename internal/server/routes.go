package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

// router registers operations.
type router struct {
	server *Server
	api    huma.API
}

// operation is one entry of the API; id is its name in rules and in the
// OpenAPI document.
type operation struct {
	id, method, path, tag, summary string
	// status of the answer; 0 is 200, or 204 without a body.
	status int
	// creates is what is answered with 201 instead when something was created.
	creates reflect.Type
}

// responses documents what huma does not see by itself.
func (op operation) responses(registry huma.Registry) map[string]*huma.Response {
	content := func(media string, t reflect.Type) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{media: {Schema: registry.Schema(t, true, "")}}
	}
	documented := map[string]*huma.Response{
		"default": {Description: "Refused", Content: content("application/problem+json", reflect.TypeFor[api.Problem]())},
	}
	if op.creates != nil {
		documented["201"] = &huma.Response{Description: http.StatusText(http.StatusCreated), Content: content("application/json", op.creates)}
	}
	return documented
}

// add registers an operation. Whoever reaches handle was admitted.
func add[I, O any](r *router, op operation, handle func(context.Context, caller, *I) (*O, error)) {
	huma.Register(r.api, huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Summary: op.summary, Tags: []string{op.tag},
		DefaultStatus: op.status, Responses: op.responses(r.api.OpenAPI().Components.Schemas),
		MaxBodyBytes:    maxBody + 1, // huma refuses a body that reaches its limit
		BodyReadTimeout: -1,          // readBody has read it
	}, func(ctx context.Context, input *I) (*O, error) {
		output, err := handle(ctx, callerOf(ctx), input)
		if err != nil {
			return nil, r.server.refuse(ctx, err)
		}
		return output, nil
	})
}

func (s *Server) newAPI(mux *http.ServeMux) huma.API {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Stint", Version: s.config.Version,
				Description: "Least privilege as code: identity governance and just-in-time access.",
			},
			Components: &huma.Components{
				Schemas:         newRegistry(),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}},
			},
			Security: []map[string][]string{{"token": {}}},
		},
		Formats:                      map[string]huma.Format{"application/json": jsonFormat(), "json": jsonFormat()},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{transform},
	}
	registered := humago.New(mux, config)
	registered.UseMiddleware(s.admit)
	return registered
}

func jsonFormat() huma.Format {
	return huma.Format{
		Marshal: func(w io.Writer, v any) error {
			encoder := json.NewEncoder(w)
			encoder.SetEscapeHTML(false)
			return encoder.Encode(v)
		},
		Unmarshal: json.Unmarshal,
	}
}

// routes is the whole API.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	r := &router{server: s, api: s.newAPI(mux)}
	s.register(r)
	// Writing it takes as long as much of a start does, and few ask for it.
	document := sync.OnceValues(func() ([]byte, error) { return json.Marshal(r.api.OpenAPI()) })
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, req *http.Request) {
		text, err := document()
		if err != nil {
			s.refuse(req.Context(), fmt.Errorf("write the OpenAPI document: %w", err)).write(w)
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(text)
	})
	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /metrics", s.metrics())
	mux.HandleFunc("POST /hooks/v1/{source}", s.hook)
	return s.observe(problemsOfMux(mux))
}

// register adds every operation.
func (s *Server) register(r *router) {
	s.addDeclared(r)
	s.addIdentities(r)
	s.addEvents(r)
	s.addDiscovery(r)
	s.addRequests(r)
	s.addGrants(r)
	s.addOperations(r)
	s.addTokens(r)
	s.addEvidence(r)
	s.addResuming(r)
	s.addAuthZEN(r)
}

// problemsOfMux answers for the mux where no pattern matches: it would do so in
// plain text.
func problemsOfMux(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		plain := &discard{header: http.Header{}}
		refuse.ServeHTTP(plain, r)
		if allow := plain.header.Get("Allow"); plain.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", allow)
			newRefusal(http.StatusMethodNotAllowed, api.CodeMethodNotAllowed, "%s is not possible here; %s is", r.Method, allow).write(w)
			return
		}
		newRefusal(http.StatusNotFound, api.CodeNotFound, "nothing is at %s; /openapi.json tells what there is", r.URL.EscapedPath()).write(w)
	})
}

// discard is an answer of which only status and header are wanted.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
