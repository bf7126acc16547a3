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
	"github.com/stint-dev/terraform-provider-stint/internal/engine/ledger"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Actor is who does something, for evidence.
type Actor struct {
	Identity governance.IdentityID
	// Token is the id of the token that was used; empty for the engine itself.
	Token string
	// Makers made that token.
	Makers governance.Makers
	// Admin: the token has the role admin.
	Admin bool
	// Bootstrap: the identity that the engine was first started with.
	Bootstrap bool
	// Call names what is asked for, where the caller has named it.
	Call Call
}

// Engine is the actor of what the engine does by itself.
func Engine() Actor { return Actor{Identity: "stint"} }

// Journal writes state with its evidence. It is safe for concurrent use.
type Journal struct {
	store  *store.Store
	clock  clock.Clock
	random io.Reader
	logger hclog.Logger
	ids    *idSource
	// dir holds keeper, which another process may replace.
	dir    string
	keeper atomic.Pointer[evidence.Keeper]
	// sequence wakes the sequencer, changed whoever waits for state.
	sequence   chan struct{}
	sequencing sync.Mutex
	// signed is the log as this process has last seen it signed; it is the
	// sequencer's.
	signed signed
	// maxSkew is as in [Config], skew what was last measured.
	maxSkew time.Duration
	skew    atomic.Pointer[skew]
	// server is when the database's server was started, servers how many were seen.
	server  atomic.Int64
	servers atomic.Uint64
	ledger  *ledger.Ledger
	// isOlder: the state was older than what was done on it when last looked at.
	isOlder atomic.Bool
	// creep is MarkTime's own.
	creep Creep
	// unsigned is why the log could not be signed lately; nil while it is.
	unsigned atomic.Pointer[error]
	changed  *broadcast
	// operations wakes whoever waits for operations that are due.
	operations *broadcast

	// writes counts those of this process that have ended, shard spreads them
	// over the rows that count them for others, and looked is what was last
	// seen of those rows.
	writes  atomic.Uint64
	shard   atomic.Uint64
	looked  atomic.Pointer[look]
	looking sync.Mutex
	notify  func(Change)
}

// Config is what a journal is made of.
type Config struct {
	Store *store.Store
	Clock clock.Clock
	// EvidenceDir holds the signing key and the latest checkpoint; it belongs
	// outside the database.
	EvidenceDir string
	// MaxSkew is how far the clock may be from the database's before nothing is
	// granted any more; zero does not look.
	MaxSkew time.Duration
	// Random must be cryptographically secure and safe for concurrent use.
	Random io.Reader
	Logger hclog.Logger
}

// Open opens the log: it makes a key for a new database, and otherwise checks
// that the database still holds everything that was signed. One that does not is
// opened all the same, since access has to end, and grants nothing: see
// [Journal.Accept].
func Open(ctx context.Context, config Config) (*Journal, error) {
	j := &Journal{
		store: config.Store, clock: config.Clock, random: config.Random, logger: config.Logger,
		ids: newIDSource(config.Random), sequence: make(chan struct{}, 1), changed: newBroadcast(), operations: newBroadcast(),
		maxSkew: config.MaxSkew, dir: config.EvidenceDir,
	}
	var first [1]byte
	if _, err := io.ReadFull(j.random, first[:]); err != nil {
		return nil, fmt.Errorf("choose where to count changes: %w", err)
	}
	j.shard.Store(uint64(first[0])) // processes that count at the same rows would wait for each other
	var err error
	if j.ledger, err = ledger.Open(config.EvidenceDir); err != nil {
		return nil, err
	}
	if err := j.MeasureClock(ctx); err != nil {
		return nil, err
	}
	if err := j.openKeeper(ctx); err != nil {
		return nil, fmt.Errorf("open evidence in %s: %w", config.EvidenceDir, err)
	}
	return j, nil
}

// Close lets go of what is kept outside of the database.
func (j *Journal) Close() error { return j.ledger.Close() }

func (j *Journal) openKeeper(ctx context.Context) error {
	var origin string
	if err := j.store.Read(ctx, func(q *store.Queries) error {
		state, err := q.GetState(ctx)
		origin = state.LogOrigin
		return err
	}); err != nil {
		return err
	}
	if origin == "" {
		var err error
		if origin, err = j.firstOrigin(ctx); err != nil {
			return err
		}
	}
	if _, err := j.keeperOf(ctx, origin); err != nil {
		return err
	}
	err := j.check(ctx)
	if lost(err) {
		return j.noteOlder(ctx, err)
	}
	return err
}

// firstOrigin makes a key for a database that has none.
func (j *Journal) firstOrigin(ctx context.Context) (origin string, err error) {
	keeper, err := evidence.CreateKeeper(j.dir, j.random)
	if errors.Is(err, evidence.ErrKeeperExists) {
		keeper, err = evidence.OpenKeeper(j.dir)
	}
	if err != nil {
		return "", err
	}
	err = j.store.Write(ctx, func(q *store.Queries) error {
		if _, err := q.SetLogOrigin(ctx, keeper.Origin()); err != nil {
			return err
		}
		state, err := q.GetState(ctx)
		origin = state.LogOrigin // another process may have been faster
		return err
	})
	return origin, err
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
	// Mark is the high-water mark of time.
	Mark time.Time
	// Outside is what is kept outside of the database too, once the transaction
	// was committed and before Write returns.
	Outside ledger.Entries
	// RestoredAt is, where the state is older than what was done on it (it comes
	// from a backup, or from a standby that was behind), of what time it is at the
	// latest, until it was accepted; zero else.
	RestoredAt time.Time
	// Together: what was read in an earlier transaction may be written upon. See
	// [Journal.WriteTogether].
	Together bool
	// clock is what the clock says, mark or not.
	clock time.Time
	// setBacks is how often time had been set back when the transaction began.
	setBacks int64

	ctx     context.Context
	journal *Journal
	by      Actor
	// writes are those of this process that had ended before a read began.
	writes uint64
	// findingsDue are the applications that the transaction has marked, and
	// operationsDue whether it has queued an operation that is due at once.
	findingsDue   map[string]bool
	operationsDue bool
	// changes are what was recorded.
	changes []Change
}

// Change is a change of state that was committed, as its evidence tells it.
type Change struct {
	Kind    string
	Subject evidence.Subject
	Data    evidence.Fields
}

// Notify calls f after every commit of this process with what it has changed. It
// is set before the first write; f must not wait.
func (j *Journal) Notify(f func(Change)) { j.notify = f }

// Write runs f in a transaction that commits when it returns nil. f may run
// several times and must have no effect but through tx.
func (j *Journal) Write(ctx context.Context, by Actor, f func(tx *Tx) error) error {
	return j.write(ctx, by, j.store.Write, f)
}

// WriteTogether is Write for the changes of many, which rests on what was read
// before: a conditional write in it finds its row as it was read, or the whole
// transaction fails and nothing is written. The caller then runs each part alone,
// with Write, and reads again.
func (j *Journal) WriteTogether(ctx context.Context, by Actor, f func(tx *Tx) error) error {
	return j.write(ctx, by, j.store.WriteTogether, func(tx *Tx) error {
		tx.Together = true
		return f(tx)
	})
}

// Writers is how many transactions can write at once.
func (j *Journal) Writers() int { return j.store.Writers() }

func (j *Journal) write(ctx context.Context, by Actor, write transact, f func(tx *Tx) error) error {
	_ = j.ledger.Retry() // what it cannot write keeps grants from being given
	var outside ledger.Entries
	var committed *Tx
	err := j.inTime(ctx, write, func(tx *Tx) error {
		tx.by = by
		defer func() { outside = tx.Outside }()
		if err := f(tx); err != nil {
			return err
		}
		committed = tx
		return tx.raiseChanges()
	})
	// Also after an error: a commit whose answer was lost has happened.
	j.writes.Add(1)
	switch {
	case errors.Is(err, store.ErrInDoubt):
		outside.DropOver()
	case err != nil:
		outside = ledger.Entries{}
	}
	if kept := j.ledger.Keep(outside); kept != nil && err == nil {
		err = &fault.Error{Code: fault.Unavailable, Message: "the ledger of grants cannot be written, so no target is called to give anything", Err: kept}
	}
	if err != nil {
		return away(err)
	}
	j.changed.wake()
	if committed.operationsDue {
		j.operations.wake()
	}
	select {
	case j.sequence <- struct{}{}:
	default:
	}
	if j.notify != nil {
		for _, change := range committed.changes {
			j.notify(change)
		}
	}
	return nil
}

// Read runs f on one consistent state; Record is not to be used in it.
func (j *Journal) Read(ctx context.Context, f func(tx *Tx) error) error {
	writes := j.writes.Load()
	return away(j.store.Read(ctx, func(q *store.Queries) error {
		tx, err := j.begin(ctx, q)
		if err != nil {
			return err
		}
		tx.writes = writes
		return f(tx)
	}))
}

// Glance runs f, which asks one query and no more.
func (j *Journal) Glance(ctx context.Context, f func(ctx context.Context, q *store.Queries) error) error {
	return away(j.store.Glance(ctx, f))
}

// Later is the time that a transaction would have which finds that high-water mark.
func (j *Journal) Later(mark int64) time.Time {
	now := j.clock.Now()
	if marked := store.Time(mark); now.Before(marked) {
		return marked
	}
	return now
}

// Bookkeep runs f in a transaction for what is not state of governance and
// leaves no evidence: leases, attempts, the time of the next one.
func (j *Journal) Bookkeep(ctx context.Context, f func(tx *Tx) error) error {
	return away(j.bookkeep(ctx, j.store.Write, f))
}

func (j *Journal) bookkeep(ctx context.Context, write transact, f func(tx *Tx) error) error {
	return j.inTime(ctx, write, func(tx *Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return tx.holdTime()
	})
}

// BookkeepTogether is Bookkeep for many rows. It may run f once more, with rows
// that are not as the first run took them to be.
func (j *Journal) BookkeepTogether(ctx context.Context, f func(tx *Tx) error) error {
	err := j.bookkeep(ctx, j.store.WriteTogether, f)
	if errors.Is(err, store.ErrMoved) {
		return j.Bookkeep(ctx, f)
	}
	return away(err)
}

func (j *Journal) begin(ctx context.Context, q *store.Queries) (*Tx, error) {
	state, err := q.GetState(ctx)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	now, mark := j.clock.Now(), store.Time(state.ClockMark)
	tx := &Tx{Queries: q, Now: now, Mark: mark, Revision: state.Revision, ctx: ctx, journal: j, by: Engine(), clock: now, setBacks: state.SetBacks}
	j.isOlder.Store(state.RestoredAt > 0)
	if state.RestoredAt > 0 {
		tx.RestoredAt = store.Time(state.RestoredAt)
	}
	if now.Before(mark) {
		tx.Now = mark
	}
	tx.Outside.At = tx.Now
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

// MarkFindingsDue notes that the application's findings may have changed.
func (tx *Tx) MarkFindingsDue(ctx context.Context, application string) error {
	if tx.findingsDue[application] {
		return nil
	}
	if err := tx.InsertFindingsDue(ctx, sqlc.InsertFindingsDueParams{ApplicationID: application, ID: tx.NewID()}); err != nil {
		return fmt.Errorf("mark the findings of %s: %w", application, err)
	}
	if tx.findingsDue == nil {
		tx.findingsDue = map[string]bool{}
	}
	tx.findingsDue[application] = true
	return nil
}

// ClearFindingsDue notes that the application's findings follow from what the
// transaction reads from here on.
func (tx *Tx) ClearFindingsDue(ctx context.Context, application string) error {
	delete(tx.findingsDue, application)
	if err := tx.DeleteFindingsDue(ctx, application); err != nil {
		return fmt.Errorf("unmark the findings of %s: %w", application, err)
	}
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
	tx.changes = append(tx.changes, Change{Kind: kind, Subject: record.Subject, Data: data})
	return nil
}

// Now is the time as the next transaction would see it, without the mark.
func (j *Journal) Now() time.Time { return j.clock.Now() }

// Time is now as a transaction has it, which goes on while the clock is behind.
func (j *Journal) Time(ctx context.Context) (now time.Time, err error) {
	err = j.Read(ctx, func(tx *Tx) error {
		now = tx.Now
		return nil
	})
	return now, err
}

// Changed fires once after the next transaction of this process. Ask before
// looking, look, then wait.
func (j *Journal) Changed() <-chan struct{} { return j.changed.wait() }

// OperationsDue fires once after the next transaction of this process that queues
// an operation which is due at once.
func (j *Journal) OperationsDue() <-chan struct{} { return j.operations.wait() }

// NoteOperation notes that the transaction has queued an operation.
func (tx *Tx) NoteOperation(due time.Time) {
	tx.operationsDue = tx.operationsDue || !due.After(tx.Now)
}

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

// After fires once d has passed on the injected clock.
func (j *Journal) After(d time.Duration) <-chan time.Time { return j.clock.After(d) }

// Private is free or personal text for evidence, left out when there is none.
func Private(text string) any {
	if text == "" {
		return nil
	}
	return evidence.Private(text)
}
