package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/authorization"
)

// The paths of the AuthZEN Authorization API.
const (
	pathEvaluation     = "/access/v1/evaluation"
	pathEvaluations    = "/access/v1/evaluations"
	pathSearchSubject  = "/access/v1/search/subject"
	pathSearchResource = "/access/v1/search/resource"
	pathSearchAction   = "/access/v1/search/action"
	pathConfiguration  = "/.well-known/authzen-configuration"
)

// addAuthZEN registers the OpenID AuthZEN Authorization API. It goes past huma,
// whose manners are not the standard's, and which would cost as much again as
// the answer.
func (s *Server) addAuthZEN(r *router) {
	ask(r, "evaluation", pathEvaluation, "May a subject do something with a resource?", reflect.TypeFor[api.AuthZENEvaluation](), reflect.TypeFor[api.AuthZENDecision](), s.evaluation)
	ask(r, "evaluations", pathEvaluations, "Several questions at once", reflect.TypeFor[api.AuthZENEvaluations](), reflect.TypeFor[api.AuthZENDecisions](), s.evaluations)
	ask(r, "search-subject", pathSearchSubject, "Which subjects may?", reflect.TypeFor[api.AuthZENSubjectSearch](), reflect.TypeFor[api.AuthZENResults[api.AuthZENFoundEntity]](), s.searchSubject)
	ask(r, "search-resource", pathSearchResource, "With which resources may a subject do something?", reflect.TypeFor[api.AuthZENResourceSearch](), reflect.TypeFor[api.AuthZENResults[api.AuthZENFoundEntity]](), s.searchResource)
	ask(r, "search-action", pathSearchAction, "What may a subject do with a resource?", reflect.TypeFor[api.AuthZENActionSearch](), reflect.TypeFor[api.AuthZENResults[api.AuthZENFoundAction]](), s.searchAction)
	s.addAuthZENConfiguration(r)
}

// answer makes the body of an answer from that of a request.
type answer func(ctx context.Context, who caller, body []byte) ([]byte, error)

func ask(r *router, name, path, summary string, in, out reflect.Type, a answer) {
	schema := func(t reflect.Type) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{"application/json": {Schema: r.api.OpenAPI().Components.Schemas.Schema(t, true, "")}}
	}
	op := &huma.Operation{
		OperationID: "authzen-" + name, Method: http.MethodPost, Path: path, Summary: summary, Tags: []string{"authzen"},
		RequestBody: &huma.RequestBody{Required: true, Content: schema(in)},
		Responses:   map[string]*huma.Response{"200": {Description: "Answered", Content: schema(out)}, "default": refusedInText()},
	}
	r.api.OpenAPI().AddOperation(op)
	r.api.Adapter().Handle(op, func(ctx huma.Context) {
		request, writer := humago.Unwrap(ctx)
		r.server.answerAuthZEN(writer, request, op.OperationID, a)
	})
}

func refusedInText() *huma.Response {
	return &huma.Response{Description: "Refused", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}}
}

// answerAuthZEN answers one request. As in [Server.admit] a stranger's body is
// not read.
func (s *Server) answerAuthZEN(w http.ResponseWriter, r *http.Request, operation string, a answer) {
	echoRequestID(w, r)
	body, err := s.admitAuthZEN(w, r, operation, a)
	if err != nil {
		s.refuseAuthZEN(r.Context(), err).writeText(w)
		return
	}
	w.Header()["Content-Type"] = contentTypeJSON
	_, _ = w.Write(body) // whoever is gone gets no answer
}

var contentTypeJSON = []string{"application/json"}

func (s *Server) admitAuthZEN(w http.ResponseWriter, r *http.Request, operation string, a answer) ([]byte, error) {
	who, err := s.authenticate(r, s.engine.Sessions.Authenticate)
	if err != nil {
		return nil, err
	}
	exchangeOf(r.Context()).identity = who.identity()
	if !s.rules[operation].admits(who.roles) {
		return nil, newRefusal(http.StatusForbidden, api.CodeForbidden, "%s may not use %s%s", who.identity(), operation, demand(s.rules[operation]))
	}
	if media := r.Header.Get("Content-Type"); media != "application/json" {
		if parsed, _, err := mime.ParseMediaType(media); err != nil || parsed != "application/json" {
			return nil, malformed("the Content-Type must be application/json")
		}
	}
	body, err := bodyOf(w, r)
	if err != nil {
		return nil, err
	}
	return a(r.Context(), who, body)
}

// echoRequestID answers with the very identifier that was sent: here it is an
// arbitrary string. The log keeps the house's form of it.
func echoRequestID(w http.ResponseWriter, r *http.Request) {
	if id := r.Header["X-Request-Id"]; len(id) > 0 && id[0] != "" {
		w.Header()["X-Request-Id"] = id[:1]
	}
}

// refuseAuthZEN turns an error into one of the answers that AuthZEN knows: what
// the engine refuses for its content is a bad request.
func (s *Server) refuseAuthZEN(ctx context.Context, err error) *refusal {
	r := s.refuse(ctx, err)
	switch r.Status {
	case http.StatusConflict, http.StatusUnprocessableEntity, http.StatusNotFound:
		return malformed("%s", r.Detail)
	}
	return r
}

// writeText answers with the refusal as plain text.
func (r *refusal) writeText(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.GetHeaders())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(r.Status)
	_, _ = io.WriteString(w, r.Detail+"\n")
}

// mayAsk refuses a question about somebody else to whoever may not see others.
func (c caller) mayAsk(about authorization.Subject) error {
	if c.sees() || about.ID == c.identity() {
		return nil
	}
	return newRefusal(http.StatusForbidden, api.CodeForbidden, "%s may ask about itself alone; to ask about others takes a token with the role admin or auditor", c.identity())
}

// The two answers to a single question.
var (
	decidedYes = []byte(`{"decision":true}` + "\n")
	decidedNo  = []byte(`{"decision":false}` + "\n")
)

func (s *Server) evaluation(ctx context.Context, who caller, body []byte) ([]byte, error) {
	var e api.AuthZENEvaluation
	if err := readJSON(body, &e); err != nil {
		return nil, err
	}
	return s.single(ctx, who, &e)
}

func (s *Server) single(ctx context.Context, who caller, e *api.AuthZENEvaluation) ([]byte, error) {
	yes, err := s.judge(ctx, who, e)
	if err != nil {
		return nil, err
	}
	if yes {
		return decidedYes, nil
	}
	return decidedNo, nil
}

func (s *Server) judge(ctx context.Context, who caller, e *api.AuthZENEvaluation) (bool, error) {
	q, err := questionOf(e, noneSought)
	if err != nil {
		return false, err
	}
	if err := who.mayAsk(q.Subject); err != nil {
		return false, err
	}
	return s.engine.Authorization.Evaluate(ctx, q)
}

func (s *Server) evaluations(ctx context.Context, who caller, body []byte) ([]byte, error) {
	var b batch
	if err := readJSON(body, &b); err != nil {
		return nil, err
	}
	semantic, err := b.semantic()
	if err != nil {
		return nil, err
	}
	if len(b.Evaluations) == 0 {
		return s.single(ctx, who, &b.AuthZENEvaluation)
	}
	if len(b.Evaluations) > api.AuthZENMaxEvaluations {
		return nil, malformed("%d evaluations are more than the %d that a batch may hold; send several", len(b.Evaluations), api.AuthZENMaxEvaluations)
	}
	decisions := api.AuthZENDecisions{Evaluations: make([]api.AuthZENDecision, 0, len(b.Evaluations))}
	for n := range b.Evaluations {
		decision, err := s.part(ctx, who, &b, n)
		if err != nil {
			return nil, err
		}
		decisions.Evaluations = append(decisions.Evaluations, decision)
		if semantic == api.AuthZENDenyOnFirstDeny && !decision.Decision || semantic == api.AuthZENPermitOnFirstPermit && decision.Decision {
			break
		}
	}
	return encodeAuthZEN(decisions)
}

// part decides one evaluation of a batch. What its asker got wrong is said in
// its decision, which is then no; what went wrong here fails the whole.
func (s *Server) part(ctx context.Context, who caller, b *batch, n int) (api.AuthZENDecision, error) {
	e, err := b.evaluation(n)
	if err == nil {
		var yes bool
		if yes, err = s.judge(ctx, who, &e); err == nil {
			return api.AuthZENDecision{Decision: yes}, nil
		}
	}
	r := s.refuseAuthZEN(ctx, err)
	if r.Status >= http.StatusInternalServerError {
		return api.AuthZENDecision{}, r
	}
	return api.AuthZENDecision{Context: &api.AuthZENDecisionContext{Error: api.AuthZENError{Status: r.Status, Message: r.Detail}}}, nil
}

func encodeAuthZEN(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, errors.New("an answer does not encode")
	}
	return append(body, '\n'), nil
}
