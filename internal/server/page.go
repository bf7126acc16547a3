package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
)

// listOutput is the answer of every list.
type listOutput[T any] struct{ Body api.Page[T] }

// cursor is where the next page of a list begins, and which list that was.
type cursor struct {
	Digest string `json:"d"`
	Offset int    `json:"o"`
	// Observed is when what the list shows was observed, in microseconds; 0
	// where nothing is observed.
	Observed int64 `json:"t,omitempty"`
}

func (c cursor) encode() string {
	text, _ := json.Marshal(c) // a string and an int always encode
	return base64.RawURLEncoding.EncodeToString(text)
}

func decodeCursor(text string) (cursor, error) {
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || c.Digest == "" || c.Offset < 1 {
		return cursor{}, newRefusal(http.StatusBadRequest, api.CodeMalformed, "cursor %q is none of Stint's; start the list again without one", text)
	}
	return c, nil
}

// cut takes the page that the query asks for out of a whole list.
func cut[T any](items []T, query api.PageQuery, stamp api.Stamp, observed int64) (api.Page[T], error) {
	digest, err := digestOf(items)
	if err != nil {
		return api.Page[T]{}, err
	}
	stamp.Count, stamp.Digest = len(items), digest
	from := 0
	if query.Cursor != "" {
		at, err := decodeCursor(query.Cursor)
		if err != nil {
			return api.Page[T]{}, err
		}
		if at.Digest != digest || at.Observed != observed || at.Offset > len(items) {
			return api.Page[T]{}, newRefusal(http.StatusConflict, api.CodeListChanged, "the list has changed since its first page was read; start it again")
		}
		from = at.Offset
	}
	to := min(from+query.Limit, len(items))
	page := api.Page[T]{Items: append([]T{}, items[from:to]...), Stamp: stamp}
	if to < len(items) {
		page.NextCursor = cursor{Digest: digest, Offset: to, Observed: observed}.encode()
	}
	return page, nil
}

// digestOf is the SHA-256 of the list as JSON with sorted members and no
// spaces. It leaves last_seen out: a second look that finds the same gives the
// same digest.
func digestOf[T any](items []T) (string, error) {
	sum := sha256.New()
	sum.Write([]byte{'['})
	for i, item := range items {
		text, err := canonical(item)
		if err != nil {
			return "", fmt.Errorf("digest item %d of a list: %w", i, err)
		}
		if i > 0 {
			sum.Write([]byte{','})
		}
		sum.Write(text)
	}
	sum.Write([]byte{']'})
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

func canonical(item any) ([]byte, error) {
	text, err := json.Marshal(item)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		return nil, err
	}
	if object, ok := plain.(map[string]any); ok {
		delete(object, "last_seen")
	}
	var sorted bytes.Buffer
	encoder := json.NewEncoder(&sorted)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(plain); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(sorted.Bytes(), []byte{'\n'}), nil
}

// page answers with a page of the list that read gives, which also says when the
// oldest observation in it began; zero where nothing is observed. What the stamp
// names is in the list: it is taken first.
func page[T any](ctx context.Context, s *Server, query api.PageQuery, read func() ([]T, time.Time, error)) (*listOutput[T], error) {
	stamp, err := s.engine.Stamp(ctx)
	if err != nil {
		return nil, err
	}
	items, observedAt, err := read()
	if err != nil {
		return nil, err
	}
	var observed int64
	if observedAt.IsZero() {
		observedAt = stamp.Now
	} else {
		observed = observedAt.UnixMicro()
	}
	body, err := cut(items, query, api.Stamp{
		ObservedAt: observedAt, Revision: stamp.Revision,
		Checkpoint: api.Checkpoint{Size: stamp.Evidence.Size, Root: stamp.Evidence.Root.String()},
	}, observed)
	if err != nil {
		return nil, err
	}
	return &listOutput[T]{Body: body}, nil
}
