// Package succession begins the log of evidence anew in a database that no longer
// holds all of what was signed: one that comes from a backup, or from a standby that
// was behind. What the former log still proves is kept as a bundle; the first record
// of the next one names the checkpoint that the bundle ends with, and how far the
// former log had been signed.
package succession

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/uuid"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Former is the log that ends, as far as the database still holds it.
type Former struct {
	// Signed is the checkpoint that covers the records that are kept, Checkpoint
	// the same as read.
	Signed      []byte
	Checkpoint  evidence.Checkpoint
	VerifierKey string
	// Latest are the latest checkpoints that were signed, which tell how many
	// records are lost.
	Latest []evidence.Checkpoint
	// AsOf is the time of the state that the database holds.
	AsOf time.Time
}

// FormerName is the name of the folder for a log that ended at a time.
func FormerName(at time.Time) string {
	return "former-" + at.UTC().Format("20060102T150405.000Z") // two may follow each other at once
}

// ErrNotSigned refuses a database whose records are not those of its checkpoint.
var ErrNotSigned = errors.New("the records that the database holds are not those that were signed")

// KeepRecords writes the former log, as far as its checkpoint covers it, as a bundle
// into a new file, and verifies that.
func KeepRecords(ctx context.Context, db *store.Store, former Former, path string) (err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // below the evidence directory
	if err != nil {
		return fmt.Errorf("keep the records of the former log: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := db.Read(ctx, func(q *store.Queries) error {
		if err := errors.Join(file.Truncate(0), rewind(file)); err != nil {
			return err
		}
		header := evidence.BundleHeader{Checkpoint: former.Signed, VerifierKey: former.VerifierKey}
		return evidence.WriteBundle(file, header, func(yield func(evidence.Entry, error) bool) {
			const run = 1000
			size := former.Checkpoint.Tree.Size
			for from := int64(0); from < size; from += run {
				rows, err := q.ListEvidence(ctx, sqlc.ListEvidenceParams{FromPosition: store.NullInt(from), ToPosition: store.NullInt(min(from+run, size))})
				if err != nil {
					yield(evidence.Entry{}, err)
					return
				}
				for _, row := range rows {
					if !yield(evidence.Entry{Leaf: []byte(row.Leaf), Disclosures: []byte(row.Disclosures)}, nil) {
						return
					}
				}
			}
		})
	}); err != nil {
		return fmt.Errorf("keep the records of the former log: %w", err)
	}
	if err := errors.Join(file.Sync(), rewind(file)); err != nil {
		return fmt.Errorf("keep the records of the former log: %w", err)
	}
	if _, err := evidence.VerifyBundle(file, former.VerifierKey, nil); err != nil {
		return fmt.Errorf("%w: %w", ErrNotSigned, err)
	}
	return nil
}

func rewind(file *os.File) error {
	_, err := file.Seek(0, 0)
	return err
}

// Restart makes a record that ties the next log to the former one, and then what the
// former one leaves open, the whole of the next log. The state is then one that
// waits to be accepted, as of restoredAt, unless that is zero.
func Restart(ctx context.Context, q *store.Queries, former Former, origin string, at, restoredAt time.Time, reason string) error {
	state, err := q.GetState(ctx)
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	first, err := firstRecord(former, origin, state.Revision, at, reason)
	if err != nil {
		return err
	}
	entry, err := evidence.Encode(first, rand.Reader)
	if err != nil {
		return err
	}
	extension, err := evidence.Extend(0, [][]byte{entry.Leaf}, nil)
	if err != nil {
		return err
	}
	if err := errors.Join(
		q.DropHashes(ctx), q.DropCheckpoints(ctx), q.DropEvidenceBefore(ctx, store.NullInt(former.Checkpoint.Tree.Size)), q.UnplaceEvidence(ctx),
		q.InsertEvidence(ctx, sqlc.InsertEvidenceParams{ID: first.ID, Leaf: string(entry.Leaf), Disclosures: string(entry.Disclosures)}),
	); err != nil {
		return fmt.Errorf("begin the next log: %w", err)
	}
	if _, err := q.PlaceEvidence(ctx, sqlc.PlaceEvidenceParams{ID: first.ID, Position: store.NullInt(0)}); err != nil {
		return fmt.Errorf("begin the next log: %w", err)
	}
	for i, hash := range extension.Hashes {
		if err := q.InsertHash(ctx, sqlc.InsertHashParams{Position: extension.First + int64(i), Hash: hash[:]}); err != nil {
			return fmt.Errorf("begin the next log: %w", err)
		}
	}
	var waits int64
	if !restoredAt.IsZero() {
		waits = store.Micros(restoredAt)
	}
	return q.RestartLog(ctx, sqlc.RestartLogParams{LogOrigin: origin, EvidenceSize: extension.Tree.Size, RestoredAt: waits})
}

func firstRecord(former Former, origin string, revision int64, at time.Time, reason string) (evidence.Record, error) {
	heads := make([]evidence.Fields, len(former.Latest))
	for i, head := range former.Latest {
		heads[i] = headFields(head)
	}
	id, err := uuid.NewV7()
	return evidence.Record{
		ID: id.String(), Time: at, Kind: "log.continued", Actor: "stint", Revision: revision,
		Subject: evidence.Subject{Type: "log", ID: origin},
		Data: evidence.Fields{
			"former": headFields(former.Checkpoint), "former_key": former.VerifierKey, "signed": heads,
			"as_of": former.AsOf, "reason": evidence.Private(reason),
		},
	}, err
}

func headFields(c evidence.Checkpoint) evidence.Fields {
	return evidence.Fields{"origin": c.Origin, "size": c.Tree.Size, "root": base64.StdEncoding.EncodeToString(c.Tree.Root[:])}
}

// Open opens the key of the log of the given origin. A successor that the database
// has gone over to, and that a crash kept from being installed, is installed.
func Open(ctx context.Context, dir, origin string, now time.Time) (*evidence.Keeper, error) {
	keeper, err := evidence.OpenKeeper(dir)
	if err == nil && keeper.Origin() == origin || err != nil && !errors.Is(err, evidence.ErrNoKeeper) {
		return keeper, err
	}
	next, nextErr := evidence.OpenSuccessor(dir)
	switch {
	case errors.Is(nextErr, evidence.ErrNoKeeper) || nextErr == nil && next.Origin() != origin:
		if err == nil {
			err = fmt.Errorf("the key there is of log %s, the database of log %s; point --evidence-dir at the right directory", keeper.Origin(), origin)
		}
		return nil, err
	case nextErr != nil:
		return nil, nextErr
	}
	release, err := Alone(ctx, dir)
	if err != nil {
		return nil, err
	}
	installed := evidence.InstallSuccessor(dir, FormerName(now))
	if errors.Is(installed, fs.ErrNotExist) {
		installed = nil // another process was faster
	}
	if err := errors.Join(installed, release()); err != nil {
		return nil, err
	}
	keeper, err = evidence.OpenKeeper(dir)
	if err == nil && keeper.Origin() != origin {
		err = fmt.Errorf("the key there is of log %s, the database of log %s", keeper.Origin(), origin)
	}
	return keeper, err
}

// Alone keeps every other process that shares the evidence directory from beginning
// or installing a log, until release is called.
func Alone(ctx context.Context, dir string) (release func() error, err error) {
	lock := flock.New(filepath.Join(dir, ".successor.lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return nil, fmt.Errorf("lock the evidence directory: %w", err)
	}
	return lock.Unlock, nil
}
