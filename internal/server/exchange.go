package server

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"runtime/debug"

	"github.com/google/uuid"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// exchange is one request and its answer, for the log.
type exchange struct {
	id       string
	identity governance.IdentityID
}

type exchangeKey struct{}

// exchangeOf is the exchange of a request's context; an empty one outside of a
// request.
func exchangeOf(ctx context.Context) *exchange {
	if e, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return e
	}
	return &exchange{}
}

var saneRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// observe gives every request an id, logs it without its body, its query and
// its token, and turns a panic into an answer.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.now()
		e := &exchange{id: r.Header.Get("X-Request-Id")}
		if !saneRequestID.MatchString(e.id) {
			e.id = uuid.NewString()
		}
		answer := &recorder{ResponseWriter: w}
		answer.Header().Set("X-Request-Id", e.id)
		answer.Header().Set("X-Content-Type-Options", "nosniff")
		answer.Header().Set("Cache-Control", "no-store")
		defer func() {
			s.recoverPanic(e, answer, recover())
			if !s.logger.IsDebug() {
				return // spares those who ask a thousand times a second
			}
			s.logger.Debug("request", "request", e.id, "method", r.Method, "path", r.URL.EscapedPath(),
				"status", answer.status, "identity", e.identity, "took", s.now().Sub(began).String())
		}()
		next.ServeHTTP(answer, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, e)))
	})
}

func (s *Server) recoverPanic(e *exchange, answer *recorder, cause any) {
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler { //nolint:errorlint // net/http compares it the same way
		panic(cause)
	}
	s.logger.Error("request panicked", "request", e.id, "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
	if answer.status == 0 {
		internalError(e.id).write(answer)
	}
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
