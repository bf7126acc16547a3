package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// sequenceEvery bounds how long a record waits for its place in the log, also
// one that another process wrote.
const sequenceEvery = 250 * time.Millisecond

// Run sequences until ctx ends, and once more then, so that a stopped engine
// leaves a signed log.
func (j *Journal) Run(ctx context.Context) error {
	var pace Pace
	for {
		known := j.Lost()
		err := j.Sequence(ctx)
		if err != nil && ctx.Err() == nil && !(known && lost(err)) {
			j.logger.Error("evidence is not sequenced; it is tried again", "error", err)
		}
		j.unsigned.Store(&err)
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if err := j.Sequence(last); !lost(err) {
				return err
			}
			return nil // it is noted in the state, and waits for whoever accepts that
		case <-j.sequence:
		case <-j.clock.After(pace.Pause(sequenceEvery, err)):
		}
	}
}

// Unsigned is why the log could not be signed when [Journal.Run] last tried; nil
// when it could.
func (j *Journal) Unsigned() error {
	if last := j.unsigned.Load(); last != nil {
		return *last
	}
	return nil
}

// Sequence puts everything that waits into the log and signs it.
func (j *Journal) Sequence(ctx context.Context) error {
	// One at a time: a log that is signed out of turn reads as truncated.
	j.sequencing.Lock()
	defer j.sequencing.Unlock()
	err := j.sequenceLocked(ctx)
	if !lost(err) {
		return err
	}
	if noted := j.noteOlder(ctx, err); noted != nil {
		return errors.Join(err, noted)
	}
	j.signed.placed = stored{} // what is lost is noted once
	return err
}

func (j *Journal) sequenceLocked(ctx context.Context) error {
	if lost(j.Unsigned()) {
		// Nothing is added to a log that is not the one that was signed.
		if err := j.check(ctx); err != nil {
			return err
		}
	}
	for {
		log, placed, err := j.place(ctx)
		if errors.Is(err, errTaken) {
			continue // what it leaves is placed next
		}
		if err != nil {
			return fmt.Errorf("place evidence: %w", err)
		}
		j.signed.placed = log
		if err := j.sign(ctx, log); err != nil {
			return fmt.Errorf("sign evidence: %w", err)
		}
		if placed == 0 {
			return nil
		}
	}
}

func (j *Journal) sign(ctx context.Context, log stored) error {
	keeper, err := j.keeperOf(ctx, log.origin)
	if err != nil || log.size == 0 {
		return err
	}
	checkpoint, err := keeper.Sign(log.size, j.hashes(ctx))
	if err == nil {
		j.signed.note(log, checkpoint)
		return nil
	}
	if !lost(err) {
		return err
	}
	// A process that shares the directory may have signed a longer log, or begun
	// another one, since the size was read: then nothing is lost.
	now, readErr := j.stored(ctx)
	if readErr != nil {
		return readErr
	}
	if now != log {
		return j.sign(ctx, now)
	}
	return err
}

// errTaken ends a transaction that found another process at work.
var errTaken = errors.New("another process is sequencing")

func (j *Journal) place(ctx context.Context) (log stored, placed int, err error) {
	var kept []int64
	err = j.store.WriteTogether(ctx, func(q *store.Queries) error {
		// Several processes place one after the other, each what the others left.
		if err := q.TakeTurn(ctx, store.Turn("place evidence")); err != nil {
			return err
		}
		state, err := q.GetState(ctx)
		if err != nil {
			return err
		}
		log, placed, kept = stored{origin: state.LogOrigin, size: state.EvidenceSize}, 0, j.signed.kept
		if err := j.signed.lost(log); err != nil {
			return err
		}
		waiting, err := q.WaitingEvidence(ctx)
		if err != nil || len(waiting) == 0 {
			return err
		}
		leaves := make([][]byte, len(waiting))
		for i, record := range waiting {
			leaves[i] = []byte(record.Leaf)
		}
		extension, err := evidence.Extend(log.size, leaves, hashReader{ctx, q})
		if err != nil {
			return err
		}
		for i, record := range waiting {
			n, err := q.PlaceEvidence(ctx, sqlc.PlaceEvidenceParams{ID: record.ID, Position: store.NullInt(log.size + int64(i))})
			if err != nil {
				return err
			}
			if n != 1 {
				return errTaken
			}
		}
		for i, hash := range extension.Hashes {
			if err := q.InsertHash(ctx, sqlc.InsertHashParams{Position: extension.First + int64(i), Hash: hash[:]}); err != nil {
				return err
			}
		}
		if kept, err = j.signed.keep(ctx, q, log.origin); err != nil {
			return err
		}
		// The row of the state is held last, since others wait for it too.
		n, err := q.AdvanceEvidence(ctx, sqlc.AdvanceEvidenceParams{OldSize: log.size, NewSize: extension.Tree.Size})
		if err != nil {
			return err
		}
		if n != 1 {
			return errTaken
		}
		log.size, placed = extension.Tree.Size, len(waiting)
		return nil
	})
	if errors.Is(err, store.ErrMoved) {
		err = errTaken
	}
	if err == nil {
		j.signed.kept = kept
	}
	return log, placed, err
}

// StoredHashes reads the hashes of the log inside a transaction.
func StoredHashes(ctx context.Context, q *store.Queries) evidence.HashReader {
	return hashReader{ctx, q}
}

type hashReader struct {
	ctx context.Context
	q   *store.Queries
}

func (r hashReader) ReadHashes(indexes []int64) ([]evidence.Hash, error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	var positions strings.Builder
	for _, index := range indexes {
		fmt.Fprintf(&positions, "%019d", index)
	}
	rows, err := r.q.GetHashes(r.ctx, positions.String())
	if err != nil {
		return nil, fmt.Errorf("stored hashes: %w", err)
	}
	stored := make(map[int64][]byte, len(rows))
	for _, row := range rows {
		stored[row.Position] = row.Hash
	}
	hashes := make([]evidence.Hash, len(indexes))
	for i, index := range indexes {
		switch hash := stored[index]; {
		case hash == nil:
			return nil, fmt.Errorf("stored hash %d: %w", index, sql.ErrNoRows)
		case copy(hashes[i][:], hash) != len(hashes[i]):
			return nil, fmt.Errorf("stored hash %d is damaged", index)
		}
	}
	return hashes, nil
}

// storedHashes reads them in a transaction of their own.
type storedHashes struct {
	ctx     context.Context
	journal *Journal
}

func (j *Journal) hashes(ctx context.Context) evidence.HashReader { return storedHashes{ctx, j} }

func (s storedHashes) ReadHashes(indexes []int64) (hashes []evidence.Hash, err error) {
	err = s.journal.store.Read(s.ctx, func(q *store.Queries) error {
		hashes, err = hashReader{s.ctx, q}.ReadHashes(indexes)
		return err
	})
	return hashes, err
}

func insertEvidence(id string, entry evidence.Entry) sqlc.InsertEvidenceParams {
	return sqlc.InsertEvidenceParams{ID: id, Leaf: string(entry.Leaf), Disclosures: string(entry.Disclosures)}
}

// Checkpoint is the latest signed checkpoint and the key that verifies it.
func (j *Journal) Checkpoint(ctx context.Context) (signed []byte, checkpoint evidence.Checkpoint, verifierKey string, err error) {
	keeper := j.keeper.Load()
	signed, checkpoint, err = keeper.Latest()
	if err != nil {
		// Another process may have begun another log.
		log, readErr := j.stored(ctx)
		if readErr != nil || log.origin == keeper.Origin() {
			return nil, evidence.Checkpoint{}, "", errors.Join(fmt.Errorf("read the latest checkpoint: %w", err), readErr)
		}
		if keeper, err = j.keeperOf(ctx, log.origin); err == nil {
			signed, checkpoint, err = keeper.Latest()
		}
	}
	if err != nil {
		return nil, evidence.Checkpoint{}, "", fmt.Errorf("read the latest checkpoint: %w", err)
	}
	return signed, checkpoint, keeper.VerifierKey(), nil
}

// Record is one leaf of the log with its place.
type Record struct {
	Index int64
	evidence.Entry
}

// Records reads sequenced records from an index on, at most limit.
func (j *Journal) Records(ctx context.Context, from int64, limit int) ([]Record, error) {
	var records []Record
	err := j.store.Read(ctx, func(q *store.Queries) error {
		rows, err := q.ListEvidence(ctx, sqlc.ListEvidenceParams{FromPosition: store.NullInt(from), ToPosition: store.NullInt(from + int64(limit))})
		if err != nil {
			return err
		}
		records = make([]Record, len(rows))
		for i, row := range rows {
			records[i] = Record{Index: row.Position.Int64, Entry: evidence.Entry{Leaf: []byte(row.Leaf), Disclosures: []byte(row.Disclosures)}}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	return records, nil
}
