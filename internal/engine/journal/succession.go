package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/succession"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// stored is the log as the database holds it.
type stored struct {
	origin string
	size   int64
}

func (j *Journal) stored(ctx context.Context) (log stored, err error) {
	err = j.store.Read(ctx, func(q *store.Queries) error {
		state, err := q.GetState(ctx)
		log = stored{origin: state.LogOrigin, size: state.EvidenceSize}
		return err
	})
	return log, err
}

// lost reports whether the database no longer holds what was signed.
func lost(err error) bool {
	return errors.Is(err, evidence.ErrTruncated) || errors.Is(err, evidence.ErrRewritten)
}

// Lost reports whether the database no longer held what was signed when the log was
// last to be signed.
func (j *Journal) Lost() bool { return lost(j.Unsigned()) }

// keeperOf is the keeper of the log of the given origin, opened anew where another
// process has begun one.
func (j *Journal) keeperOf(ctx context.Context, origin string) (*evidence.Keeper, error) {
	if keeper := j.keeper.Load(); keeper != nil && keeper.Origin() == origin {
		return keeper, nil
	}
	keeper, err := succession.Open(ctx, j.dir, origin, j.clock.Now())
	if err != nil {
		return nil, err
	}
	j.keeper.Store(keeper)
	return keeper, nil
}

// check compares what the database holds with what was signed.
func (j *Journal) check(ctx context.Context) error {
	log, err := j.stored(ctx)
	if err != nil {
		return err
	}
	keeper, err := j.keeperOf(ctx, log.origin)
	if err != nil {
		return err
	}
	return keeper.Check(log.size, j.hashes(ctx))
}

// noteOlder notes that the database is older than what was done on it, since it no
// longer holds what was signed, as lost says.
func (j *Journal) noteOlder(ctx context.Context, lost error) error {
	j.unsigned.Store(&lost)
	if j.Older() {
		return nil
	}
	keeper := j.keeper.Load()
	if err := j.Write(ctx, Engine(), func(tx *Tx) error {
		state, err := tx.GetState(ctx)
		if err != nil || state.LogOrigin != keeper.Origin() {
			return err // another process has begun another log meanwhile
		}
		return tx.MarkOlder("the log of evidence is not all of what was signed")
	}); err != nil {
		return fmt.Errorf("note that the database is older than what was done on it: %w", err)
	}
	return nil
}

// Older reports whether the database waits to be accepted, as this process has last
// seen it. See [Journal.Accept].
func (j *Journal) Older() bool { return j.isOlder.Load() }

// MarkOlder notes that the database is older than what was done on it, so that
// nothing is granted until an administrator has accepted it.
func (tx *Tx) MarkOlder(because string) error {
	if !tx.RestoredAt.IsZero() {
		return nil
	}
	n, err := tx.Queries.MarkOlder(tx.ctx, max(store.Micros(tx.Mark), 1))
	if err != nil || n == 0 {
		return err
	}
	tx.RestoredAt = tx.Mark
	tx.journal.logger.Error("the database is older than what was done on it; nothing is granted until that is accepted, and revocations go on", "because", because)
	return tx.Record("database.older", "database", "state", evidence.Fields{"as_of": tx.Mark, "because": because})
}

// keptCheckpoints is how many signed checkpoints each process leaves in the database.
const keptCheckpoints = 16

// signed is what a process has seen signed. Its own records are in the database
// before they are signed, so a database with fewer has lost some.
type signed struct {
	log        stored
	checkpoint []byte
	// placed is the log as this process has left it.
	placed stored
	// kept are the sizes whose checkpoints this process has put into the database.
	kept []int64
}

// note takes notice of a checkpoint of a log.
func (s *signed) note(log stored, checkpoint []byte) {
	if log.origin != s.log.origin {
		s.kept = nil
	}
	s.log, s.checkpoint = log, checkpoint
}

// lost is an error when the database holds less of the log than it did.
func (s *signed) lost(log stored) error {
	if log.origin == s.placed.origin && log.size < s.placed.size {
		return fmt.Errorf("%w: it had %d, and has %d", evidence.ErrTruncated, s.placed.size, log.size)
	}
	return nil
}

// keep puts the checkpoint into the database, in the transaction that adds to the
// log, and answers with what is kept once that is committed.
func (s *signed) keep(ctx context.Context, q *store.Queries, origin string) (kept []int64, err error) {
	if s.log.origin != origin || s.checkpoint == nil || slices.Contains(s.kept, s.log.size) {
		return s.kept, nil
	}
	if err := q.InsertCheckpoint(ctx, sqlc.InsertCheckpointParams{Size: s.log.size, Signed: string(s.checkpoint)}); err != nil {
		return nil, err
	}
	kept = append(slices.Clone(s.kept), s.log.size)
	if before := len(kept) - keptCheckpoints; before > 0 {
		return kept[before:], q.PruneCheckpoints(ctx, kept[before-1])
	}
	return kept, nil
}

// Accepted is what [Journal.Accept] has done.
type Accepted struct {
	// AsOf is of what time the state is at the latest.
	AsOf time.Time
	// Former is the name of the folder, below the evidence directory, with the log
	// that ended; empty where the log goes on.
	Former string
	// EvidenceKey verifies the log from now on, and Lost is how many records at most
	// were signed and are in no log; both are for where it ended.
	EvidenceKey string
	Lost        int64
}

// Accept lets a state be granted from that is older than what was done on it. Where
// the database no longer holds all that was signed, evidence goes on in a new log
// with a key of its own, and the former one is kept as far as the database proves it.
func (j *Journal) Accept(ctx context.Context, by Actor, reason string) (done Accepted, err error) {
	j.sequencing.Lock()
	defer j.sequencing.Unlock()
	if err := j.check(ctx); err != nil && !lost(err) { // it also completes what was cut off
		return done, away(err)
	}
	release, err := succession.Alone(ctx, j.dir)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, release()) }()
	accept := func(tx *Tx) error {
		done.AsOf = tx.RestoredAt
		n, err := tx.AcceptRestored(ctx)
		if err != nil {
			return fmt.Errorf("accept the database: %w", err)
		}
		if n == 0 {
			return fault.New(fault.Conflict, "the database is not older than what was done on it, so there is nothing to accept")
		}
		return tx.Record("database.accepted", "database", "state", evidence.Fields{"as_of": done.AsOf, "reason": evidence.Private(reason)})
	}
	broken := j.check(ctx)
	if !lost(broken) {
		if broken != nil {
			return done, away(broken)
		}
		return done, j.Write(ctx, by, accept)
	}
	former, err := j.former(ctx)
	if err != nil {
		return done, err
	}
	ctx = context.WithoutCancel(ctx) // a long log takes longer than somebody may wait for the answer
	next, err := evidence.CreateSuccessor(j.dir, j.random)
	if err != nil {
		return done, err
	}
	if err := succession.KeepRecords(ctx, j.store, former, evidence.FormerRecords(j.dir)); err != nil {
		return done, err
	}
	if err := j.Write(ctx, by, func(tx *Tx) error {
		former.AsOf = tx.RestoredAt
		if err := accept(tx); err != nil {
			return err
		}
		return succession.Restart(ctx, tx.Queries, former, next.Origin(), tx.Now, time.Time{}, reason)
	}); err != nil {
		return done, err
	}
	done.Former, done.EvidenceKey = succession.FormerName(j.clock.Now()), next.VerifierKey()
	done.Lost = max(0, former.Latest[0].Tree.Size-former.Checkpoint.Tree.Size)
	if _, err := next.Sign(1, j.hashes(ctx)); err != nil {
		return done, err
	}
	if err := evidence.InstallSuccessor(j.dir, done.Former); err != nil {
		return done, err
	}
	_, err = j.keeperOf(ctx, next.Origin())
	return done, err
}

// former is the log that ends, up to the last checkpoint that the database proves.
func (j *Journal) former(ctx context.Context) (former succession.Former, err error) {
	keeper := j.keeper.Load()
	_, latest, err := keeper.Latest()
	if err != nil {
		return former, err
	}
	var size int64
	var kept []sqlc.EvidenceCheckpoint
	if err := j.store.Read(ctx, func(q *store.Queries) error {
		state, err := q.GetState(ctx)
		if err != nil {
			return err
		}
		size = state.EvidenceSize
		kept, err = q.ListCheckpoints(ctx)
		return err
	}); err != nil {
		return former, err
	}
	for _, c := range kept {
		checkpoint, err := evidence.OpenCheckpoint([]byte(c.Signed), keeper.VerifierKey())
		if err != nil || checkpoint.Tree.Size > size {
			continue // it is of a log that the database does not hold
		}
		if held, err := evidence.TreeAt(checkpoint.Tree.Size, j.hashes(ctx)); err != nil || held != checkpoint.Tree {
			continue
		}
		return succession.Former{Signed: []byte(c.Signed), Checkpoint: checkpoint, VerifierKey: keeper.VerifierKey(), Latest: []evidence.Checkpoint{latest}}, nil
	}
	return former, fault.New(fault.Conflict, "the database holds no log that begins as the signed one does, which is what tampering looks like; put a state in its place that does. Until then nothing is granted, and revocations go on")
}
