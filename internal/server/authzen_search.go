package server

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/authorization"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (s *Server) searchSubject(ctx context.Context, who caller, body []byte) ([]byte, error) {
	var search api.AuthZENSubjectSearch
	if err := readJSON(body, &search); err != nil {
		return nil, err
	}
	q, err := questionOf(&search.AuthZENEvaluation, subjectSought)
	if err != nil {
		return nil, err
	}
	q.Subject.ID = ""
	if err := who.mayAsk(q.Subject); err != nil {
		return nil, err
	}
	found, err := s.engine.Authorization.Subjects(ctx, q)
	if err != nil {
		return nil, err
	}
	return results(q, convertAll(found, func(id governance.IdentityID) api.AuthZENFoundEntity {
		return api.AuthZENFoundEntity{Type: q.Subject.Type, ID: string(id)}
	}), search.Page)
}

func (s *Server) searchResource(ctx context.Context, who caller, body []byte) ([]byte, error) {
	var search api.AuthZENResourceSearch
	if err := readJSON(body, &search); err != nil {
		return nil, err
	}
	q, err := questionOf(&search.AuthZENEvaluation, resourceSought)
	if err != nil {
		return nil, err
	}
	q.Resource.ID = ""
	if err := who.mayAsk(q.Subject); err != nil {
		return nil, err
	}
	found, err := s.engine.Authorization.Resources(ctx, q)
	if err != nil {
		return nil, err
	}
	return results(q, convertAll(found, func(id governance.EntitlementID) api.AuthZENFoundEntity {
		return api.AuthZENFoundEntity{Type: q.Resource.Type, ID: string(id)}
	}), search.Page)
}

func (s *Server) searchAction(ctx context.Context, who caller, body []byte) ([]byte, error) {
	var search api.AuthZENActionSearch
	if err := readJSON(body, &search); err != nil {
		return nil, err
	}
	q, err := questionOf(&api.AuthZENEvaluation{Subject: search.Subject, Resource: search.Resource, Context: search.Context}, actionSought)
	if err != nil {
		return nil, err
	}
	if err := who.mayAsk(q.Subject); err != nil {
		return nil, err
	}
	found, err := s.engine.Authorization.Actions(ctx, q)
	if err != nil {
		return nil, err
	}
	return results(q, convertAll(found, func(name string) api.AuthZENFoundAction { return api.AuthZENFoundAction{Name: name} }), search.Page)
}

// pageToken is where the next page of a search begins, and of which search, with
// which results, it is.
type pageToken struct {
	Question string `json:"q"`
	Results  string `json:"r"`
	Offset   int    `json:"o"`
	// Limit is what the next page holds at most when it does not say.
	Limit int64 `json:"l"`
}

func (t pageToken) encode() (string, error) {
	text, err := json.Marshal(t)
	return base64.RawURLEncoding.EncodeToString(text), err
}

func decodePageToken(text string) (pageToken, error) {
	var t pageToken
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &t)
	}
	if err != nil || t.Offset < 0 || t.Limit < 0 {
		return t, malformed("page.token is none of Stint's; search again without it")
	}
	return t, nil
}

// results answers with what was found: all of it, or the page that is asked for.
func results[T any](q authorization.Question, found []T, page *api.AuthZENPageRequest) ([]byte, error) {
	if page == nil {
		return encodeAuthZEN(api.AuthZENResults[T]{Results: append([]T{}, found...)})
	}
	at, err := begin(q, found, page)
	if err != nil {
		return nil, err
	}
	to := len(found)
	if at.Limit < int64(to-at.Offset) {
		to = at.Offset + int(at.Limit)
	}
	part := api.AuthZENResults[T]{Results: append([]T{}, found[at.Offset:to]...), Page: &api.AuthZENPage{}}
	if to < len(found) {
		at.Offset = to
		if part.Page.NextToken, err = at.encode(); err != nil {
			return nil, fmt.Errorf("make the token of the next page: %w", err)
		}
	}
	return encodeAuthZEN(part)
}

// begin is where the page that is asked for begins, and how much it holds.
func begin[T any](q authorization.Question, found []T, page *api.AuthZENPageRequest) (pageToken, error) {
	if page.Limit != nil && *page.Limit < 0 {
		return pageToken{}, malformed("page.limit must not be negative")
	}
	question, err := fingerprint(q)
	if err != nil {
		return pageToken{}, err
	}
	all, err := fingerprint(found)
	if err != nil {
		return pageToken{}, err
	}
	at := pageToken{Question: question, Results: all, Limit: int64(len(found))}
	if page.Token != nil && *page.Token != "" {
		if at, err = decodePageToken(*page.Token); err != nil {
			return at, err
		}
		switch {
		case at.Question != question:
			return at, malformed("page.token is of another search; send the same subject, action, resource and context, or search again without it")
		case at.Results != all || at.Offset > len(found):
			return at, malformed("what the search finds has changed since its first page; search again without page.token")
		}
	}
	if page.Limit != nil {
		at.Limit = *page.Limit
	}
	return at, nil
}

func fingerprint(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("fingerprint a search: %w", err)
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:16]), nil
}
