// Package catalog writes and reads what is declared. Every write raises the
// revision of the declared state, carries the version that it was based on, and
// leaves nothing behind that something else still refers to.
package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/discovery"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/targets"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Catalog is the use cases around declared objects.
type Catalog struct {
	Journal   *journal.Journal
	Declared  *declared.Loader
	Discovery *discovery.Discovery
	Targets   *targets.Targets
	Logger    hclog.Logger
}

// Precondition is what a write was based on: exactly one is set.
type Precondition struct {
	// Create: the object must not exist.
	Create bool
	// Version is the one that was read.
	Version int64
}

// Stored is a declared object with what the engine adds to it.
type Stored struct {
	Object  governance.Object
	ID      string
	Version int64
	// Person is an identity as the engine knows it at Now.
	Person *governance.Person
	Now    time.Time
	// OpenedAt and ClosedAt are a business event's.
	OpenedAt, ClosedAt *time.Time
	// SyncedAt and SyncError are an application's.
	SyncedAt  *time.Time
	SyncError string
	// RetiredAt is an application's; nil when it is governed.
	RetiredAt *time.Time
}

// Snapshot is the whole declared state at one revision, each kind sorted by id.
type Snapshot struct {
	Revision int64
	Objects  map[governance.Kind][]Stored
}

// Get reads one object. A business event that was opened from outside is found
// as well.
func (c *Catalog) Get(ctx context.Context, kind governance.Kind, id string) (Stored, error) {
	var stored Stored
	err := c.Journal.Read(ctx, func(tx *journal.Tx) (err error) {
		stored, err = get(ctx, tx, kind, id)
		return err
	})
	return stored, err
}

func notFound(kind governance.Kind, id string) error {
	return fault.New(fault.NotFound, "no %s %q", strings.ReplaceAll(string(kind), "_", " "), id)
}

func get(ctx context.Context, tx *journal.Tx, kind governance.Kind, id string) (Stored, error) {
	var stored Stored
	var err error
	switch kind {
	case governance.KindIdentity:
		var row sqlc.Identity
		if row, err = tx.GetIdentity(ctx, id); err == nil && !row.Bootstrap {
			return fromIdentity(row, tx.Now)
		}
		if err == nil {
			return stored, notFound(kind, id)
		}
	case governance.KindBusinessEvent:
		var row sqlc.BusinessEvent
		if row, err = tx.GetEvent(ctx, id); err == nil {
			return fromEvent(row)
		}
	default:
		var row sqlc.Declared
		if row, err = tx.GetDeclared(ctx, sqlc.GetDeclaredParams{Kind: string(kind), ID: id}); err == nil {
			if stored, err = fromDeclared(row); err != nil || kind != governance.KindApplication {
				return stored, err
			}
			return withDiscovery(ctx, tx, stored)
		}
	}
	if errors.Is(err, sql.ErrNoRows) {
		return stored, notFound(kind, id)
	}
	return stored, fmt.Errorf("read %s %s: %w", kind, id, err)
}

func fromDeclared(row sqlc.Declared) (Stored, error) {
	object, err := declared.Decode(governance.Kind(row.Kind), row.Body)
	return Stored{Object: object, ID: row.ID, Version: row.Version}, err
}

func fromIdentity(row sqlc.Identity, now time.Time) (Stored, error) {
	person, err := declared.PersonFrom(row)
	if err != nil {
		return Stored{}, err
	}
	return Stored{Object: person.Identity, ID: row.ID, Version: row.Version, Person: person, Now: now}, nil
}

func fromEvent(row sqlc.BusinessEvent) (Stored, error) {
	event, err := declared.EventFrom(row)
	if err != nil {
		return Stored{}, err
	}
	return Stored{Object: event.BusinessEvent, ID: row.ID, Version: row.Version, OpenedAt: &event.OpenedAt, ClosedAt: event.ClosedAt}, nil
}

func withDiscovery(ctx context.Context, tx *journal.Tx, stored Stored) (Stored, error) {
	row, err := tx.GetDiscovery(ctx, stored.ID)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return stored, fmt.Errorf("read discovery of %s: %w", stored.ID, err)
	}
	stored.SyncedAt, stored.SyncError = store.NullTime(row.ObservedAt), row.Error
	stored.RetiredAt = store.NullTime(row.RetiredAt)
	return stored, nil
}

// Snapshot reads everything that is declared. Business events that were opened
// from outside are not part of it.
func (c *Catalog) Snapshot(ctx context.Context) (Snapshot, error) {
	var s Snapshot
	err := c.Journal.Read(ctx, func(tx *journal.Tx) (err error) {
		s, err = snapshot(ctx, tx)
		return err
	})
	if err != nil {
		return s, fmt.Errorf("read the declared state: %w", err)
	}
	return s, nil
}

func snapshot(ctx context.Context, tx *journal.Tx) (Snapshot, error) {
	s := Snapshot{Revision: tx.Revision, Objects: map[governance.Kind][]Stored{}}
	rows, err := tx.ListDeclared(ctx)
	if err != nil {
		return s, err
	}
	for _, row := range rows {
		stored, err := fromDeclared(row)
		if err == nil && row.Kind == string(governance.KindApplication) {
			stored, err = withDiscovery(ctx, tx, stored)
		}
		if err != nil {
			return s, err
		}
		s.add(stored)
	}
	identities, err := tx.ListIdentities(ctx)
	if err != nil {
		return s, err
	}
	for _, row := range identities {
		stored, err := fromIdentity(row, tx.Now)
		if err != nil {
			return s, err
		}
		s.add(stored)
	}
	events, err := tx.ListEvents(ctx)
	if err != nil {
		return s, err
	}
	for _, row := range events {
		if !row.Declared {
			continue
		}
		stored, err := fromEvent(row)
		if err != nil {
			return s, err
		}
		s.add(stored)
	}
	for _, list := range s.Objects {
		slices.SortFunc(list, func(a, b Stored) int { return strings.Compare(a.ID, b.ID) })
	}
	return s, nil
}

func (s *Snapshot) add(stored Stored) {
	kind := stored.Object.ObjectKind()
	s.Objects[kind] = append(s.Objects[kind], stored)
}

// List reads all objects of a kind, sorted by id; for business events also
// those that were opened from outside.
func (c *Catalog) List(ctx context.Context, kind governance.Kind) (list []Stored, revision int64, err error) {
	err = c.Journal.Read(ctx, func(tx *journal.Tx) error {
		list, revision = nil, tx.Revision
		if kind == governance.KindBusinessEvent {
			rows, err := tx.ListEvents(ctx)
			if err != nil {
				return err
			}
			for _, row := range rows {
				stored, err := fromEvent(row)
				if err != nil {
					return err
				}
				list = append(list, stored)
			}
			slices.SortFunc(list, func(a, b Stored) int { return strings.Compare(a.ID, b.ID) })
			return nil
		}
		s, err := snapshot(ctx, tx)
		list = s.Objects[kind]
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list %s: %w", kind, err)
	}
	return list, revision, nil
}
