package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Staleness bounds how long [Journal.Latest] may not know of what another
// process has changed. What this process changes it knows at once.
const Staleness = 250 * time.Millisecond

// lookAgain is after how long the database is asked again beside the answer, so
// that a busy server does not wait for it.
const lookAgain = Staleness / 2

// lookTimeout bounds one look at the database.
const lookTimeout = 5 * time.Second

// changeShards is how many rows count the changes; the schema has made them.
const changeShards = 64

// Seen is how far into the history of the state somebody has read.
type Seen struct {
	// writes are those of this process that had ended before the read began;
	// changes are those of all processes that the read found.
	writes  uint64
	changes int64
}

// Covers reports whether everything that a reader of other knows is known to
// one of s too.
func (s Seen) Covers(other Seen) bool { return s.writes >= other.writes && s.changes >= other.changes }

// Moment is what an answer that is given now must have seen, and the time that
// it is given at.
type Moment struct {
	Seen
	// Now is as in [Tx].
	Now time.Time
}

// look is one look at the database.
type look struct {
	at, mark time.Time
	changes  int64
}

// age is how old the look is at now; one from the future, which a clock that
// was set back makes, is too old in any case.
func (l *look) age(now time.Time) time.Duration {
	if l == nil || now.Before(l.at) {
		return Staleness + 1
	}
	return now.Sub(l.at)
}

// Latest tells what an answer from memory must have seen to be given now:
// everything that this process has written, and everything that others had
// written [Staleness] ago. It reads the database at most every half of that.
func (j *Journal) Latest(ctx context.Context) (Moment, error) {
	now := j.clock.Now()
	last := j.looked.Load()
	switch age := last.age(now); {
	case age > Staleness:
		var err error
		if last, err = j.lookIfStale(ctx); err != nil {
			return Moment{}, fmt.Errorf("look for changes: %w", err)
		}
	case age > lookAgain && j.looking.TryLock():
		go func() {
			defer j.looking.Unlock()
			_, _ = j.look(context.WithoutCancel(ctx)) // whoever finds it too old looks again and tells
		}()
	}
	if now.Before(last.mark) {
		now = last.mark
	}
	return Moment{Seen: Seen{writes: j.writes.Load(), changes: last.changes}, Now: now}, nil
}

// lookIfStale lets one look for all who wait.
func (j *Journal) lookIfStale(ctx context.Context) (*look, error) {
	j.looking.Lock()
	defer j.looking.Unlock()
	if last := j.looked.Load(); last.age(j.clock.Now()) <= Staleness {
		return last, nil
	}
	return j.look(ctx)
}

func (j *Journal) look(ctx context.Context) (*look, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	seen := &look{at: j.clock.Now()}
	err := j.store.Read(ctx, func(q *store.Queries) error {
		state, err := q.GetState(ctx)
		if err != nil {
			return err
		}
		seen.mark = store.Time(state.ClockMark)
		seen.changes, err = q.CountChanges(ctx)
		return err
	})
	if err != nil {
		return nil, away(err)
	}
	j.looked.Store(seen)
	return seen, nil
}

// raiseChanges tells other processes that the state has changed.
func (tx *Tx) raiseChanges() error {
	n, err := tx.RaiseChanges(tx.ctx, sqlc.RaiseChangesParams{Shard: tx.journal.nextShard(), SetBacks: tx.setBacks, Turn: setBackTurn})
	return overtaken(n, err)
}

func (j *Journal) nextShard() int64 {
	return int64(j.shard.Add(1) % changeShards) //nolint:gosec // it is small
}
