// Package token issues and checks the API tokens that stand for an identity. A
// token is 256 random bits; only its SHA-256 is stored.
package token

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Role is what a token may do besides requesting and approving.
type Role string

// The roles.
const (
	Admin   Role = "admin"
	Author  Role = "author"
	Auditor Role = "auditor"
	Monitor Role = "monitor"
)

// BootstrapIdentity is the identity that a new database starts with. It can
// neither request nor approve.
const BootstrapIdentity = "bootstrap"

// prefix lets secret scanners find a token that leaked.
const prefix = "stint_"

// Tokens is the use cases around tokens.
type Tokens struct {
	Journal *journal.Journal
	Random  io.Reader
	Logger  hclog.Logger

	noted sync.Map // of governance.IdentityID to time.Time
}

// Token is a token without its secret.
type Token struct {
	ID       string
	Name     string
	Identity governance.IdentityID
	Roles    []Role
	// Makers made it; empty for the one that the engine made.
	Makers    governance.Makers
	CreatedAt time.Time
	ExpiresAt *time.Time
	RevokedAt *time.Time
}

// New is what a new token is to be.
type New struct {
	Name      string
	Identity  governance.IdentityID
	Roles     []Role
	ExpiresAt *time.Time
}

// Session is who a token stands for.
type Session struct {
	Actor journal.Actor
	Roles []Role
	// ExpiresAt is when the token ends, or its identity by its valid_until; nil
	// when neither does by itself.
	ExpiresAt *time.Time
	// owned: the identity is one that somebody owns.
	owned bool
}

// Has reports whether the session has the role.
func (s Session) Has(role Role) bool { return slices.Contains(s.Roles, role) }

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

var errInvalid = fault.New(fault.Unauthenticated, "the token is not valid (any more)")

// Authenticate finds the session of a secret. A token that is unknown, revoked
// or expired, or whose identity is not active, is Unauthenticated; the answer
// does not tell which.
func (t *Tokens) Authenticate(ctx context.Context, secret string) (Session, error) {
	var session Session
	var now time.Time
	if !strings.HasPrefix(secret, prefix) {
		return session, errInvalid
	}
	err := t.Journal.Glance(ctx, func(ctx context.Context, q *store.Queries) error {
		row, err := findRow(ctx, q, hash(secret))
		if err != nil {
			return err
		}
		now = t.Journal.Later(row.ClockMark)
		if session, err = sessionOf(row, now); err != nil {
			return err
		}
		return session.expired(now)
	})
	if err == nil {
		t.noteUse(ctx, session, now)
	}
	return session, err
}

// find reads the session of a token that was not taken back; whether it has
// expired is for the caller to judge.
func find(ctx context.Context, tx *journal.Tx, hash string) (Session, error) {
	row, err := findRow(ctx, tx.Queries, hash)
	if err != nil {
		return Session{}, err
	}
	return sessionOf(row, tx.Now)
}

func findRow(ctx context.Context, q *store.Queries, hash string) (sqlc.FindTokenRow, error) {
	row, err := q.FindToken(ctx, hash)
	if errors.Is(err, sql.ErrNoRows) {
		return row, errInvalid
	}
	if err != nil {
		return row, fmt.Errorf("look up token: %w", err)
	}
	return row, nil
}

func sessionOf(row sqlc.FindTokenRow, now time.Time) (Session, error) {
	token, err := from(row.Token)
	if err != nil {
		return Session{}, err
	}
	person, err := declared.PersonFrom(row.Identity)
	if err != nil {
		return Session{}, err
	}
	if token.RevokedAt != nil || person.StatusAt(now) != governance.Active {
		return Session{}, errInvalid
	}
	session := Session{
		Actor: journal.Actor{Identity: token.Identity, Token: token.ID, Makers: token.Makers, Admin: slices.Contains(token.Roles, Admin), Bootstrap: row.Identity.Bootstrap},
		Roles: token.Roles, ExpiresAt: token.ExpiresAt, owned: person.Owner != "",
	}
	if until := person.ValidUntil; until != nil && (session.ExpiresAt == nil || until.Before(*session.ExpiresAt)) {
		session.ExpiresAt = until
	}
	return session, nil
}

func (s Session) expired(now time.Time) error {
	if s.ExpiresAt != nil && !now.Before(*s.ExpiresAt) {
		return errInvalid
	}
	return nil
}

// Create issues a token for a declared identity. The secret is returned once
// and kept nowhere.
func (t *Tokens) Create(ctx context.Context, by journal.Actor, n New) (Token, string, error) {
	secret, err := t.secret()
	if err != nil {
		return Token{}, "", err
	}
	var token Token
	err = t.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		if err := n.check(tx.Now); err != nil {
			return err
		}
		person, err := declared.Person(ctx, tx, n.Identity)
		if err != nil {
			return err
		}
		if person == nil {
			return fault.FromProblems("token", governance.Problems{{Field: "identity", Code: governance.CodeUnknownReference, Message: fmt.Sprintf("no identity %q is declared", n.Identity)}})
		}
		maker, err := declared.Person(ctx, tx, by.Identity)
		if err != nil {
			return err
		}
		if maker == nil {
			return fault.New(fault.Forbidden, "identity %s is no longer declared", by.Identity)
		}
		token, err = insert(ctx, tx, n, governance.MakersBy(maker.Identity, by.Makers), secret)
		return err
	})
	if err != nil {
		return Token{}, "", err
	}
	return token, secret, nil
}

func (n New) check(now time.Time) error {
	var problems governance.Problems
	if n.Name == "" || len(n.Name) > governance.MaxName {
		problems = append(problems, governance.Problem{Field: "name", Code: governance.CodeRequired, Message: fmt.Sprintf("a name of at most %d bytes says what the token is for", governance.MaxName)})
	}
	for i, role := range n.Roles {
		if role != Admin && role != Author && role != Auditor && role != Monitor {
			problems = append(problems, governance.Problem{Field: fmt.Sprintf("roles[%d]", i), Code: governance.CodeInvalid, Message: fmt.Sprintf("%q is not one of admin, author, auditor, monitor", role)})
		}
	}
	if n.ExpiresAt != nil && !now.Before(*n.ExpiresAt) {
		problems = append(problems, governance.Problem{Field: "expires_at", Code: governance.CodeInvalid, Message: "is past"})
	}
	return fault.FromProblems("token", problems)
}

func (t *Tokens) secret() (string, error) {
	var bits [32]byte
	if _, err := io.ReadFull(t.Random, bits[:]); err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return prefix + base64.RawURLEncoding.EncodeToString(bits[:]), nil
}

func insert(ctx context.Context, tx *journal.Tx, n New, makers governance.Makers, secret string) (Token, error) {
	roles := append([]Role{}, n.Roles...)
	slices.Sort(roles)
	roles = slices.Compact(roles)
	token := Token{ID: tx.NewID(), Name: n.Name, Identity: n.Identity, Roles: roles, Makers: makers, CreatedAt: tx.Now, ExpiresAt: n.ExpiresAt}
	encoded, err := json.Marshal(roles)
	if err != nil {
		return token, err
	}
	made, err := json.Marshal(makers)
	if err != nil {
		return token, err
	}
	if err := tx.InsertToken(ctx, sqlc.InsertTokenParams{
		ID: token.ID, Name: n.Name, Hash: hash(secret), IdentityID: string(n.Identity), Roles: string(encoded), Makers: string(made),
		CreatedAt: store.Micros(tx.Now), ExpiresAt: store.NullMicros(n.ExpiresAt),
	}); err != nil {
		return token, fmt.Errorf("add token: %w", err)
	}
	return token, tx.Record("token.created", "token", token.ID, evidence.Fields{"name": n.Name, "identity": n.Identity, "roles": roles, "makers": makers, "expires_at": n.ExpiresAt})
}

// List reads all tokens, oldest first.
func (t *Tokens) List(ctx context.Context) ([]Token, error) {
	var tokens []Token
	err := t.Journal.Read(ctx, func(tx *journal.Tx) error {
		tokens = []Token{}
		rows, err := tx.ListTokens(ctx)
		if err != nil {
			return fmt.Errorf("read tokens: %w", err)
		}
		for _, row := range rows {
			token, err := from(row)
			if err != nil {
				return err
			}
			tokens = append(tokens, token)
		}
		return nil
	})
	slices.SortFunc(tokens, func(a, b Token) int { return strings.Compare(a.ID, b.ID) })
	return tokens, err
}

func from(row sqlc.Token) (Token, error) {
	token := Token{
		ID: row.ID, Name: row.Name, Identity: governance.IdentityID(row.IdentityID), CreatedAt: store.Time(row.CreatedAt),
		ExpiresAt: store.NullTime(row.ExpiresAt), RevokedAt: store.NullTime(row.RevokedAt),
	}
	if err := errors.Join(json.Unmarshal([]byte(row.Roles), &token.Roles), json.Unmarshal([]byte(row.Makers), &token.Makers)); err != nil {
		return token, fmt.Errorf("stored token %s: %w", row.ID, err)
	}
	return token, nil
}

// Revoke ends a token at once. One that is revoked already stays as it is.
func (t *Tokens) Revoke(ctx context.Context, by journal.Actor, id string) (Token, error) {
	var token Token
	err := t.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		n, err := tx.RevokeToken(ctx, sqlc.RevokeTokenParams{ID: id, RevokedAt: store.NullMicros(&tx.Now)})
		if err != nil {
			return fmt.Errorf("revoke token %s: %w", id, err)
		}
		row, err := tx.GetToken(ctx, id)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "no token %q", id)
		}
		if err != nil {
			return fmt.Errorf("read token %s: %w", id, err)
		}
		if token, err = from(row); err != nil || n == 0 {
			return err
		}
		return tx.Record("token.revoked", "token", id, evidence.Fields{"name": token.Name, "identity": token.Identity})
	})
	return token, err
}

// First issues the first token of a new database: every role, for the bootstrap
// identity. It is empty when another process was faster.
func (t *Tokens) First(ctx context.Context) (string, error) {
	return t.bootstrap(ctx, func(made bool) bool { return made })
}

// Bootstrap issues a token with every role for the bootstrap identity, which it
// makes on a new database.
func (t *Tokens) Bootstrap(ctx context.Context) (string, error) {
	return t.bootstrap(ctx, func(bool) bool { return true })
}

// bootstrap issues one where wanted says so, told whether the identity was made
// just now.
func (t *Tokens) bootstrap(ctx context.Context, wanted func(made bool) bool) (string, error) {
	secret, err := t.secret()
	if err != nil {
		return "", err
	}
	err = t.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) error {
		body, err := declared.Encode(governance.Identity{Name: BootstrapIdentity, Type: governance.ServiceAccount, Groups: []string{}})
		if err != nil {
			return err
		}
		life, err := declared.Encode(governance.Life{Set: governance.Active})
		if err != nil {
			return err
		}
		n, err := tx.InsertIdentity(ctx, sqlc.InsertIdentityParams{ID: BootstrapIdentity, Status: string(governance.Active), Bootstrap: true, Life: life, Body: body})
		if err != nil {
			return fmt.Errorf("make the bootstrap identity: %w", err)
		}
		if n == 1 {
			if err := tx.Record("identity.created", "identity", BootstrapIdentity, evidence.Fields{"bootstrap": true}); err != nil {
				return err
			}
		}
		if !wanted(n == 1) {
			secret = ""
			return nil
		}
		_, err = insert(ctx, tx, New{Name: "bootstrap", Identity: BootstrapIdentity, Roles: []Role{Admin, Author, Auditor}}, nil, secret)
		return err
	})
	return secret, err
}

// IsNew reports whether nobody has ever been given a token.
func (t *Tokens) IsNew(ctx context.Context) (bool, error) {
	tokens, err := t.List(ctx)
	return len(tokens) == 0, err
}
