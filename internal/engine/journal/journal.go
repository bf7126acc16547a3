// Package journal is the transaction in which the engine changes state: state,
// the evidence of the change, and the operations it leads to commit together or
// not at all. It also runs the sequencer that puts the evidence into the Merkle
// log and signs it.
package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/clock"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// Actor is who does something, for evidence.
type Actor struct {
	Identity governance.IdentityID
	// Token is the id of the token that was used; empty for the engine itself.
	Token string
	// Bootstrap: the identity that the engine was first started with.
	Bootstrap bool
}

// Engine is the actor of what the engine does by itself.
func Engine() Actor { return Actor{Identity: "stint"} }

// Journal writes state with its evidence. It is safe for concurrent use.
type Journal struct {
	store  *store.Store
	clock  clock.Clock
	keeper *evidence.Keeper
	random io.Reader
	logger hclog.Logger
	ids    *idSource
	// sequence wakes the sequencer, changed whoever waits for state.
	sequence   chan struct{}
	sequencing sync.Mutex
	changed    *broadcast

	// writes counts those of this process that have ended, shard spreads them
	// over the rows that count them for others, and looked is what was last
	// seen of those rows.
	writes  atomic.Uint64
	shard   atomic.Uint64
	looked  atomic.Pointer[look]
	looking sync.Mutex
}

// Config is what a journal is made of.
type Config struct {
	Store *store.Store
	Clock clock.Clock
	// EvidenceDir holds the signing key and the latest checkpoint; it belongs
	// outside the database.
	EvidenceDir string
	// Random must be cryptographically secure and safe for concurrent use.
	Random io.Reader
	Logger hclog.Logger
}

// Open opens the log: it makes a key for a new database, and otherwise checks
// that the database still holds everything that was signed.
func Open(ctx context.Context, config Config) (*Journal, error) {
	j := &Journal{
		store: config.Store, clock: config.Clock, random: config.Random, logger: config.Logger,
		ids: newIDSource(config.Random), sequence: make(chan struct{}, 1), changed: newBroadcast(),
	}
	if err := j.openKeeper(ctx, config.EvidenceDir); err != nil {
		return nil, fmt.Errorf("open evidence in %s: %w", config.EvidenceDir, err)
	}
	return j, nil
}

func (j *Journal) openKeeper(ctx context.Context, dir string) error {
	keeper, err := evidence.OpenKeeper(dir)
	var origin string
	var size int64
	if readErr := j.store.Read(ctx, func(q *store.Queries) error {
		state, err := q.GetState(ctx)
		origin, size = state.LogOrigin, state.EvidenceSize
		return err
	}); readErr != nil {
		return readErr
	}
	if errors.Is(err, evidence.ErrNoKeeper) && origin == "" {
		keeper, err = evidence.CreateKeeper(dir, j.random)
		if errors.Is(err, evidence.ErrKeeperExists) {
			keeper, err = evidence.OpenKeeper(dir)
		}
	}
	if err != nil {
		return err
	}
	if origin == "" {
		if err := j.store.Write(ctx, func(q *store.Queries) error {
			_, err := q.SetLogOrigin(ctx, keeper.Origin())
			return err
		}); err != nil {
			return err
		}
	} else if origin != keeper.Origin() {
		return fmt.Errorf("the key there is of log %s, the database of log %s; point --evidence-dir at the right directory", keeper.Origin(), origin)
	}
	j.keeper = keeper
	return keeper.Check(size, j.hashes(ctx))
}

// Tx is one transaction of the engine.
type Tx struct {
	*store.Queries
	// Now is the moment of the transaction: the clock, or the stored high-water
	// mark when the clock is behind it.
	Now time.Time
	// Revision is that of the declared state when the transaction began, or
	// after [Tx.RaiseRevision].
	Revision int64
	// ClockBehind: the clock is so far behind what was already seen that
	// nothing may be granted until it is right again.
	ClockBehind bool
	// Mark is the high-water mark of time.
	Mark time.Time

	ctx     context.Context
	journal *Journal
	by      Actor
	// writes are those of this process that had ended before a read began.
	writes uint64
}

// clockTolerance is how far a clock may run behind the mark before granting
// stops; replicas differ by a little.
const clockTolerance = 5 * time.Second

// Write runs f in a transaction that commits when it returns nil. f may run
// several times and must have no effect but through tx.
func (j *Journal) Write(ctx context.Context, by Actor, f func(tx *Tx) error) error {
	err := j.store.Write(ctx, func(q *store.Queries) error {
		tx, err := j.begin(ctx, q)
		if err != nil {
			return err
		}
		tx.by = by
		if err := f(tx); err != nil {
			return err
		}
		return j.raiseChanges(ctx, q)
	})
	// Also after an error: a commit whose answer was lost has happened.
	j.writes.Add(1)
	if err != nil {
		return err
	}
	j.changed.wake()
	select {
	case j.sequence <- struct{}{}:
	default:
	}
	return nil
}

// Read runs f on one consistent state; Record is not to be used in it.
func (j *Journal) Read(ctx context.Context, f func(tx *Tx) error) error {
	writes := j.writes.Load()
	return j.store.Read(ctx, func(q *store.Queries) error {
		tx, err := j.begin(ctx, q)
		if err != nil {
			return err
		}
		tx.writes = writes
		return f(tx)
	})
}

// Bookkeep runs f in a transaction for what is not state of governance and
// leaves no evidence: leases, attempts, the time of the next one.
func (j *Journal) Bookkeep(ctx context.Context, f func(tx *Tx) error) error {
	return j.store.Write(ctx, func(q *store.Queries) error {
		tx, err := j.begin(ctx, q)
		if err != nil {
			return err
		}
		return f(tx)
	})
}

func (j *Journal) begin(ctx context.Context, q *store.Queries) (*Tx, error) {
	state, err := q.GetState(ctx)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	now, mark := j.clock.Now(), store.Time(state.ClockMark)
	tx := &Tx{Queries: q, Now: now, Mark: mark, Revision: state.Revision, ctx: ctx, journal: j, by: Engine()}
	if now.Before(mark) {
		tx.Now, tx.ClockBehind = mark, mark.Sub(now) > clockTolerance
	}
	return tx, nil
}

// RaiseRevision gives the declared state its next revision. It also holds the
// declared state until the end of the transaction, so it comes first in every
// one that writes it.
func (tx *Tx) RaiseRevision() error {
	revision, err := tx.Queries.RaiseRevision(tx.ctx)
	if err != nil {
		return fmt.Errorf("raise the revision: %w", err)
	}
	tx.Revision = revision
	return nil
}

// RereadRevision takes notice of the declared state that was written since the
// transaction began, as a transaction must that has waited for another one.
func (tx *Tx) RereadRevision() error {
	state, err := tx.GetState(tx.ctx)
	if err != nil {
		return fmt.Errorf("read the revision: %w", err)
	}
	tx.Revision = state.Revision
	return nil
}

// NewID is a UUIDv7 that sorts after every one made before in this process.
func (tx *Tx) NewID() string { return tx.journal.ids.next(tx.Now) }

// Record appends the evidence of one change, in the transaction of the change.
func (tx *Tx) Record(kind, subjectType, subjectID string, data evidence.Fields) error {
	if tx.by.Token != "" {
		data["token"] = tx.by.Token
	}
	record := evidence.Record{
		ID: tx.NewID(), Time: tx.Now, Kind: kind, Actor: string(tx.by.Identity),
		Subject: evidence.Subject{Type: subjectType, ID: subjectID}, Revision: tx.Revision, Data: data,
	}
	entry, err := evidence.Encode(record, tx.journal.random)
	if err != nil {
		return fmt.Errorf("evidence of %s: %w", kind, err)
	}
	if err := tx.InsertEvidence(tx.ctx, insertEvidence(record.ID, entry)); err != nil {
		return fmt.Errorf("evidence of %s: %w", kind, err)
	}
	return nil
}

// Now is the time as the next transaction would see it, without the mark.
func (j *Journal) Now() time.Time { return j.clock.Now() }

// Changed fires once after the next transaction of this process. Ask before
// looking, look, then wait.
func (j *Journal) Changed() <-chan struct{} { return j.changed.wait() }

// Await looks until done reports true, each time that something changed and at
// least every interval, or until ctx ends.
func (j *Journal) Await(ctx context.Context, interval time.Duration, done func(ctx context.Context) (bool, error)) error {
	for {
		changed := j.Changed()
		ok, err := done(ctx)
		if err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-j.clock.After(interval):
		}
	}
}

// ErrClock is the refusal to grant while the clock is behind.
func ErrClock() error {
	return fault.New(fault.Unavailable, "the server's clock is behind a time it has already seen, so nothing is granted until it is right; revocations go on")
}

// After fires once d has passed on the injected clock.
func (j *Journal) After(d time.Duration) <-chan time.Time { return j.clock.After(d) }

// Private is free or personal text for evidence, left out when there is none.
func Private(text string) any {
	if text == "" {
		return nil
	}
	return evidence.Private(text)
}
