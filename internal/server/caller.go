package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/token"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Bounds of a request's body.
const (
	maxBody     = 1 << 20
	bodyTimeout = 30 * time.Second
)

// caller is whom the token stands for.
type caller struct {
	actor journal.Actor
	roles []api.Role
}

func (c caller) identity() governance.IdentityID { return c.actor.Identity }

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// admit lets a request through to its operation once it is known who asks, that
// they may, and what they sent: in this order, so that a stranger's body is not
// read.
func (s *Server) admit(ctx huma.Context, next func(huma.Context)) {
	request, writer := humago.Unwrap(ctx)
	who, err := s.authenticate(request, s.engine.Tokens.Authenticate)
	if err != nil {
		s.refuse(request.Context(), err).write(writer)
		return
	}
	exchangeOf(request.Context()).identity = who.identity()
	operation := ctx.Operation().OperationID
	allowed, known := s.rules[operation]
	if !known || !allowed.admits(who.roles) {
		newRefusal(http.StatusForbidden, api.CodeForbidden, "%s may not use %s%s", who.identity(), operation, demand(allowed)).write(writer)
		return
	}
	if err := readBody(writer, request); err != nil {
		s.refuse(request.Context(), err).write(writer)
		return
	}
	next(huma.WithValue(ctx, callerKey{}, who))
}

func demand(r rule) string {
	if len(r.roles) == 0 {
		return ""
	}
	names := make([]string, len(r.roles))
	for i, role := range r.roles {
		names[i] = string(role)
	}
	return "; it takes a token with the role " + strings.Join(names, " or ")
}

// authenticate finds out whom the token of a request stands for.
func (s *Server) authenticate(r *http.Request, find func(context.Context, string) (token.Session, error)) (caller, error) {
	scheme, secret, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return caller{}, newRefusal(http.StatusUnauthorized, api.CodeUnauthenticated, "a token is required; send it as Authorization: Bearer <token>")
	}
	session, err := find(r.Context(), secret)
	if err != nil {
		return caller{}, err
	}
	roles := convertAll(session.Roles, func(role token.Role) api.Role { return api.Role(role) })
	return caller{actor: session.Actor, roles: roles}, nil
}

// readBody reads the whole body, so that who reads it next need not wait.
func readBody(w http.ResponseWriter, r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	content, err := bodyOf(w, r)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(content))
	return nil
}

// bodyOf takes the whole body in a bounded time. The deadline is lifted again:
// one that stays would cancel an operation that takes longer.
func bodyOf(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout)) // a connection without deadlines has none to keep
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, newRefusal(http.StatusRequestEntityTooLarge, api.CodeTooLarge, "the body is larger than %d bytes", maxBody)
	case err != nil:
		return nil, newRefusal(http.StatusBadRequest, api.CodeMalformed, "the body did not arrive whole within %s", bodyTimeout)
	}
	_ = control.SetReadDeadline(time.Time{})
	return content, nil
}
