// Package declared reads the declared policy: as documents, and as the compiled
// set that decisions are made on, kept in memory for as long as its revision
// stands.
package declared

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Loader hands out the policy set. It is safe for concurrent use.
type Loader struct {
	latest atomic.Pointer[governance.PolicySet]
	// read is what the last load made of each row, for the next one to take
	// over where the row is still the same. It may come from a transaction that
	// did not commit: the same row always makes the same.
	read atomic.Pointer[reading]
}

// reading is rows with what was made of them.
type reading struct {
	objects map[rowKey]decodedRow
	set     *governance.PolicySet
}

type rowKey struct{ kind, id string }

type decodedRow struct {
	body   string
	object governance.Object
}

// Set is the policy set as the transaction sees it.
func (l *Loader) Set(ctx context.Context, tx *journal.Tx) (*governance.PolicySet, error) {
	if set := l.latest.Load(); set != nil && set.Revision == tx.Revision {
		return set, nil
	}
	set, err := l.Fresh(ctx, tx)
	if err == nil {
		l.latest.Store(set)
	}
	return set, err
}

// Fresh is the policy set with what the transaction itself has written. It
// stands for no revision, because the transaction may not commit.
func (l *Loader) Fresh(ctx context.Context, tx *journal.Tx) (*governance.PolicySet, error) {
	rows, err := tx.ListDeclared(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the declared policy: %w", err)
	}
	before := l.read.Load()
	if before == nil {
		before = &reading{set: &governance.PolicySet{}}
	}
	now := &reading{objects: make(map[rowKey]decodedRow, len(rows))}
	docs := governance.Documents{Revision: tx.Revision}
	for _, row := range rows {
		key := rowKey{row.Kind, row.ID}
		decoded := before.objects[key]
		if decoded.body != row.Body {
			if decoded.object, err = Decode(governance.Kind(row.Kind), row.Body); err != nil {
				return nil, err
			}
			decoded.body = row.Body
		}
		now.objects[key] = decoded
		add(&docs, decoded.object)
	}
	if now.set, err = before.set.Next(docs); err != nil {
		return nil, err
	}
	l.read.Store(now)
	return now.set, nil
}

func add(docs *governance.Documents, object governance.Object) {
	switch o := object.(type) {
	case governance.Attribute:
		docs.Attributes = append(docs.Attributes, o)
	case governance.Application:
		docs.Applications = append(docs.Applications, o)
	case governance.Entitlement:
		docs.Entitlements = append(docs.Entitlements, o)
	case governance.EligibilityPolicy:
		docs.Policies = append(docs.Policies, o)
	case governance.SoDRule:
		docs.Rules = append(docs.Rules, o)
	case governance.GrantTemplate:
		docs.Templates = append(docs.Templates, o)
	case governance.Delegation:
		docs.Delegations = append(docs.Delegations, o)
	}
}

// Decode reads a stored document.
func Decode(kind governance.Kind, body string) (governance.Object, error) {
	switch kind {
	case governance.KindAttribute:
		return decode[governance.Attribute](kind, body)
	case governance.KindApplication:
		return decode[governance.Application](kind, body)
	case governance.KindIdentity:
		return decode[governance.Identity](kind, body)
	case governance.KindEntitlement:
		return decode[governance.Entitlement](kind, body)
	case governance.KindPolicy:
		return decode[governance.EligibilityPolicy](kind, body)
	case governance.KindRule:
		return decode[governance.SoDRule](kind, body)
	case governance.KindTemplate:
		return decode[governance.GrantTemplate](kind, body)
	case governance.KindDelegation:
		return decode[governance.Delegation](kind, body)
	case governance.KindEventSource:
		return decode[governance.EventSource](kind, body)
	case governance.KindBusinessEvent:
		return decode[governance.BusinessEvent](kind, body)
	}
	return nil, fmt.Errorf("stored object of unknown kind %q", kind)
}

func decode[T governance.Object](kind governance.Kind, body string) (governance.Object, error) {
	var object T
	if err := json.Unmarshal([]byte(body), &object); err != nil {
		return nil, fmt.Errorf("stored %s: %w", kind, err)
	}
	return object, nil
}

// Encode writes a document as it is stored.
func Encode(object any) (string, error) {
	body, err := json.Marshal(object)
	if err != nil {
		return "", fmt.Errorf("encode %T: %w", object, err)
	}
	return string(body), nil
}

// Person reads an identity; nil when there is none.
func Person(ctx context.Context, tx *journal.Tx, id governance.IdentityID) (*governance.Person, error) {
	row, err := tx.GetIdentity(ctx, string(id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read identity %s: %w", id, err)
	}
	return PersonFrom(row)
}

// PersonFrom reads an identity's row.
func PersonFrom(row sqlc.Identity) (*governance.Person, error) {
	person := &governance.Person{Status: governance.Status(row.Status), Version: row.Version}
	if err := json.Unmarshal([]byte(row.Body), &person.Identity); err != nil {
		return nil, fmt.Errorf("stored identity %s: %w", row.ID, err)
	}
	if err := json.Unmarshal([]byte(row.Life), &person.Life); err != nil {
		return nil, fmt.Errorf("stored life of identity %s: %w", row.ID, err)
	}
	person.Life.UsedAt = store.NullTime(row.UsedAt)
	return person, nil
}

// EventFrom reads a business event's row.
func EventFrom(row sqlc.BusinessEvent) (*governance.OpenEvent, error) {
	event := &governance.OpenEvent{ID: governance.EventID(row.ID), Version: row.Version}
	if err := json.Unmarshal([]byte(row.Body), &event.BusinessEvent); err != nil {
		return nil, fmt.Errorf("stored business event %s: %w", row.ID, err)
	}
	event.OpenedAt, event.ClosedAt = store.Time(row.OpenedAt), store.NullTime(row.ClosedAt)
	return event, nil
}
