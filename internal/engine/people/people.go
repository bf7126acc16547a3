// Package people keeps what the engine knows of identities beside what is
// declared: their use, their life, and what somebody should know about them.
package people

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/findings"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// NoteUse notes that an identity which somebody owns was at work, unless it was
// seen later already. One that is not active is not brought back by that.
func NoteUse(ctx context.Context, tx *journal.Tx, id governance.IdentityID, at time.Time) error {
	if _, err := tx.NoteUse(ctx, sqlc.NoteUseParams{
		ID: string(id), UsedAt: store.NullMicros(&at), Finding: governance.IdentityFindingKey(governance.FindingUnusedIdentity, id),
	}); err != nil {
		return fmt.Errorf("note the use of %s: %w", id, err)
	}
	return nil
}

// Save writes an identity's life and when time changes it next, and brings the
// findings about it up to date. Whoever calls holds the identity and its owner.
func Save(ctx context.Context, tx *journal.Tx, person governance.Person) error {
	life, err := declared.Encode(person.Life)
	if err != nil {
		return err
	}
	var due sql.NullInt64
	if at, ok := person.NextChange(tx.Now); ok {
		due = store.NullMicros(&at)
	}
	if _, err := tx.SetIdentityLife(ctx, sqlc.SetIdentityLifeParams{ID: string(person.ID()), Life: life, DueAt: due}); err != nil {
		return fmt.Errorf("write the life of %s: %w", person.ID(), err)
	}
	return Report(ctx, tx, person)
}

// Report brings the findings about an identity up to date.
func Report(ctx context.Context, tx *journal.Tx, person governance.Person) error {
	var owner *governance.Person
	if person.Owner != "" {
		var err error
		if owner, err = declared.Person(ctx, tx, person.Owner); err != nil {
			return err
		}
	}
	found := person.Findings(owner, tx.Now)
	for i := range found {
		found[i].LastSeen = tx.Now
	}
	return replace(ctx, tx, person.ID(), found)
}

// Forget takes the findings about an identity away that is no longer declared.
func Forget(ctx context.Context, tx *journal.Tx, id governance.IdentityID) error {
	return replace(ctx, tx, id, nil)
}

func replace(ctx context.Context, tx *journal.Tx, id governance.IdentityID, found []governance.Finding) error {
	var known []sqlc.Finding
	for _, kind := range governance.IdentityFindingKinds() {
		row, err := tx.GetFinding(ctx, governance.IdentityFindingKey(kind, id))
		if err == nil {
			known = append(known, row)
		} else if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read findings about %s: %w", id, err)
		}
	}
	return findings.Replace(ctx, tx, evidence.Subject{Type: "identity", ID: string(id)}, known, found)
}
