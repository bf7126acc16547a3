package journal

import (
	"context"
	"errors"
	"fmt"
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
	for {
		if err := j.Sequence(ctx); err != nil && ctx.Err() == nil {
			j.logger.Error("evidence is not sequenced; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return j.Sequence(last)
		case <-j.sequence:
		case <-j.clock.After(sequenceEvery):
		}
	}
}

// Sequence puts everything that waits into the log and signs it.
func (j *Journal) Sequence(ctx context.Context) error {
	// One at a time: a log that is signed out of turn reads as truncated.
	j.sequencing.Lock()
	defer j.sequencing.Unlock()
	for {
		size, placed, err := j.place(ctx)
		if errors.Is(err, errTaken) {
			continue // what it leaves is placed next
		}
		if err != nil {
			return fmt.Errorf("place evidence: %w", err)
		}
		if err := j.sign(ctx, size); err != nil {
			return fmt.Errorf("sign evidence: %w", err)
		}
		if placed == 0 {
			return nil
		}
	}
}

func (j *Journal) sign(ctx context.Context, size int64) error {
	if size == 0 {
		return nil
	}
	_, err := j.keeper.Sign(size, j.hashes(ctx))
	if !errors.Is(err, evidence.ErrTruncated) {
		return err
	}
	// A process that shares the directory may have signed a longer log since
	// the size was read: then the log has grown, and nothing is lost.
	var now int64
	if err := j.store.Read(ctx, func(q *store.Queries) error {
		state, err := q.GetState(ctx)
		now = state.EvidenceSize
		return err
	}); err != nil {
		return err
	}
	if now > size {
		return j.sign(ctx, now)
	}
	return err
}

// errTaken ends a transaction that found another process at work.
var errTaken = errors.New("another process is sequencing")

func (j *Journal) place(ctx context.Context) (size int64, placed int, err error) {
	err = j.store.Write(ctx, func(q *store.Queries) error {
		state, err := q.GetState(ctx)
		if err != nil {
			return err
		}
		size, placed = state.EvidenceSize, 0
		waiting, err := q.WaitingEvidence(ctx)
		if err != nil || len(waiting) == 0 {
			return err
		}
		// The state row is held first: a second sequencer waits here, then sees
		// that the size has moved.
		moved, err := q.AdvanceEvidence(ctx, sqlc.AdvanceEvidenceParams{OldSize: size, NewSize: size + int64(len(waiting))})
		if err != nil {
			return err
		}
		if moved == 0 {
			return errTaken
		}
		leaves := make([][]byte, len(waiting))
		for i, record := range waiting {
			leaves[i] = []byte(record.Leaf)
			n, err := q.PlaceEvidence(ctx, sqlc.PlaceEvidenceParams{ID: record.ID, Position: store.NullInt(size + int64(i))})
			if err != nil {
				return err
			}
			if n != 1 {
				return errTaken
			}
		}
		extension, err := evidence.Extend(size, leaves, hashReader{ctx, q})
		if err != nil {
			return err
		}
		for i, hash := range extension.Hashes {
			if err := q.InsertHash(ctx, sqlc.InsertHashParams{Position: extension.First + int64(i), Hash: hash[:]}); err != nil {
				return err
			}
		}
		size, placed = extension.Tree.Size, len(waiting)
		return nil
	})
	return size, placed, err
}

// hashReader reads stored hashes inside a transaction.
type hashReader struct {
	ctx context.Context
	q   *store.Queries
}

func (r hashReader) ReadHashes(indexes []int64) ([]evidence.Hash, error) {
	hashes := make([]evidence.Hash, len(indexes))
	for i, index := range indexes {
		stored, err := r.q.GetHash(r.ctx, index)
		if err != nil {
			return nil, fmt.Errorf("stored hash %d: %w", index, err)
		}
		if copy(hashes[i][:], stored) != len(hashes[i]) {
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
func (j *Journal) Checkpoint() (signed []byte, checkpoint evidence.Checkpoint, verifierKey string, err error) {
	signed, checkpoint, err = j.keeper.Latest()
	if err != nil {
		return nil, evidence.Checkpoint{}, "", fmt.Errorf("read the latest checkpoint: %w", err)
	}
	return signed, checkpoint, j.keeper.VerifierKey(), nil
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
