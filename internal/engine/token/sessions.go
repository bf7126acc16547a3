package token

import (
	"context"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
)

// Sessions authenticates from memory, for callers that ask many times a second.
// A token that is revoked, or whose identity is suspended, in this process is
// refused at once, one of another process within [journal.Staleness]; a token
// that expires is refused on time. It is safe for concurrent use.
type Sessions struct {
	tokens *Tokens
	cache  *journal.Cache[string, Session]
}

// NewSessions keeps nothing yet.
func NewSessions(tokens *Tokens) *Sessions {
	return &Sessions{tokens: tokens, cache: journal.NewCache(tokens.Journal, find)}
}

// Authenticate is as [Tokens.Authenticate].
func (s *Sessions) Authenticate(ctx context.Context, secret string) (Session, error) {
	if !strings.HasPrefix(secret, prefix) {
		return Session{}, errInvalid
	}
	session, now, err := s.cache.Get(ctx, hash(secret))
	if err != nil {
		return Session{}, err
	}
	if err := session.expired(now); err != nil {
		return session, err
	}
	s.tokens.noteUse(ctx, session, now)
	return session, nil
}
