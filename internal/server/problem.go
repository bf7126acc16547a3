package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// refusal is a problem as the HTTP layer wants it.
type refusal struct{ *api.Problem }

// GetStatus implements huma.StatusError.
func (r *refusal) GetStatus() int { return r.Status }

// ContentType implements huma.ContentTypeFilter.
func (*refusal) ContentType(string) string { return "application/problem+json" }

// retryAfter is how many seconds to wait after an answer that will be another
// one soon.
const retryAfter = "2"

// GetHeaders implements huma.HeadersError.
func (r *refusal) GetHeaders() http.Header {
	header := http.Header{}
	switch r.Status {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", `Bearer realm="stint"`)
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", retryAfter)
	}
	return header
}

// head writes all of the answer but its body.
func (r *refusal) head(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.GetHeaders())
	w.Header().Set("Content-Type", r.ContentType(""))
	w.WriteHeader(r.Status)
}

func newRefusal(status int, code, format string, args ...any) *refusal {
	return &refusal{&api.Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Code: code, Detail: fmt.Sprintf(format, args...),
	}}
}

// statusOf is the status of each of the engine's refusals.
func statusOf(code fault.Code) (int, bool) {
	status, known := map[fault.Code]int{
		fault.Invalid:         http.StatusUnprocessableEntity,
		fault.NotFound:        http.StatusNotFound,
		fault.Conflict:        http.StatusConflict,
		fault.InUse:           http.StatusConflict,
		fault.ListChanged:     http.StatusConflict,
		fault.AlreadyExists:   http.StatusPreconditionFailed,
		fault.VersionMismatch: http.StatusPreconditionFailed,
		fault.Forbidden:       http.StatusForbidden,
		fault.Unauthenticated: http.StatusUnauthorized,
		fault.TargetFailed:    http.StatusBadGateway,
		fault.Unavailable:     http.StatusServiceUnavailable,
	}[code]
	return status, known
}

// refuse turns an error of the engine into the answer. What is no refusal of
// the engine is logged under the exchange's id, which is all that the caller
// sees of it.
func (s *Server) refuse(ctx context.Context, err error) *refusal {
	var ready *refusal
	var refused *fault.Error
	var transition *governance.TransitionError
	switch {
	case errors.As(err, &ready):
		return ready
	case errors.As(err, &refused):
		if status, known := statusOf(refused.Code); known {
			r := newRefusal(status, string(refused.Code), "%s", refused.Message)
			r.Errors = refused.Problems
			return r
		}
	case errors.Is(err, governance.ErrNotApprover):
		return newRefusal(http.StatusForbidden, api.CodeForbidden, "%s", err)
	case errors.As(err, &transition):
		return newRefusal(http.StatusConflict, api.CodeConflict, "%s", transition)
	case ctx.Err() != nil:
		return newRefusal(http.StatusServiceUnavailable, api.CodeUnavailable, "the request was broken off before it was done")
	}
	id := exchangeOf(ctx).id
	s.logger.Error("request failed", "request", id, "error", err)
	return internalError(id)
}

func internalError(id string) *refusal {
	return newRefusal(http.StatusInternalServerError, api.CodeInternal, "something went wrong inside Stint; the server's log tells more under the request id %s", id)
}

// transform rewrites the errors that huma makes by itself.
func transform(_ huma.Context, _ string, body any) (any, error) {
	if model, ok := body.(*huma.ErrorModel); ok {
		return fromModel(model), nil
	}
	return body, nil
}

func fromModel(model *huma.ErrorModel) *refusal {
	r := newRefusal(model.Status, codeOf(model.Status), "%s", model.Detail)
	for _, detail := range model.Errors {
		if detail != nil {
			r.Errors = append(r.Errors, fieldProblem(detail))
		}
	}
	if len(r.Errors) > 0 {
		r.Detail = "the request is not readable: " + governance.Problems(r.Errors).Error()
		if r.Status == http.StatusUnprocessableEntity {
			r.Detail = "the request is not valid: " + governance.Problems(r.Errors).Error()
		}
	}
	return r
}

func codeOf(status int) string {
	switch status {
	case http.StatusUnprocessableEntity:
		return api.CodeInvalid
	case http.StatusRequestEntityTooLarge:
		return api.CodeTooLarge
	case http.StatusInternalServerError:
		return api.CodeInternal
	default:
		return api.CodeMalformed
	}
}

var missingMember = regexp.MustCompile(`^expected required property (\S+) to be present$`)

// fieldProblem leaves out the value that huma echoes: it may be anything that
// was sent, a secret too.
func fieldProblem(detail *huma.ErrorDetail) governance.Problem {
	field := detail.Location
	for _, place := range []string{"body", "query", "path", "header"} {
		if rest, inside := strings.CutPrefix(field, place); inside && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			field = strings.TrimPrefix(rest, ".")
			break
		}
	}
	if match := missingMember.FindStringSubmatch(detail.Message); match != nil {
		if field != "" {
			field += "."
		}
		return governance.Problem{Field: field + match[1], Code: governance.CodeRequired, Message: "is required"}
	}
	if field == "" {
		field = "body"
	}
	return governance.Problem{Field: field, Code: governance.CodeInvalid, Message: detail.Message}
}

// write answers with the refusal outside of huma.
func (r *refusal) write(w http.ResponseWriter) {
	r.head(w)
	_ = json.NewEncoder(w).Encode(r.Problem)
}
