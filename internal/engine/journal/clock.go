package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// clockTolerance is how far a clock may run behind the mark before granting
// stops; replicas differ by a little.
const clockTolerance = 5 * time.Second

// skew is a clock against the database's, measured from here.
type skew struct {
	// ahead is negative where the clock is behind; the truth is at most within
	// away from it.
	ahead, within time.Duration
}

// MeasureClock compares the clock with the database's, and notices another server
// in its place. SQLite has none.
func (j *Journal) MeasureClock(ctx context.Context) error {
	before := j.clock.Now()
	server, has, err := j.store.Server(ctx)
	if err != nil || !has {
		return away(err)
	}
	took := j.clock.Now().Sub(before)
	j.skew.Store(&skew{ahead: before.Add(took / 2).Sub(server.Now), within: max(took/2, 0)})
	if started := server.StartedAt.UnixMicro(); j.server.Swap(started) != started {
		j.servers.Add(1)
	}
	return nil
}

// Servers counts the servers that the database was seen on. Another one may be a
// standby that was behind.
func (j *Journal) Servers() uint64 { return j.servers.Load() }

// skewed is what is wrong with the clock against the database's; empty when
// nothing is.
func (j *Journal) skewed() string {
	s := j.skew.Load()
	switch {
	case s == nil || j.maxSkew == 0:
		return ""
	case s.ahead-s.within > j.maxSkew:
		return fmt.Sprintf("%s ahead of the database's", s.ahead.Round(time.Millisecond))
	case -s.ahead-s.within > j.maxSkew:
		return fmt.Sprintf("%s behind the database's", (-s.ahead).Round(time.Millisecond))
	}
	return ""
}

// MayGrant refuses to give anything while something cannot be trusted that bounds
// it: the clock, the ledger, or a database that is older than what was done on it.
func (tx *Tx) MayGrant() error {
	if !tx.RestoredAt.IsZero() {
		return fault.New(fault.Unavailable, "the database holds a state of %s or earlier (it comes from a backup, or from a standby that was behind), so what was taken away since is not known to it; nothing is granted until an administrator has brought it up to date and says so: stint resume", tx.RestoredAt.UTC().Format(time.RFC3339))
	}
	if tx.journal.LedgerTrouble() != nil {
		return fault.New(fault.Unavailable, "the ledger of grants beside the evidence's key cannot be written, so nothing is granted until it can be; revocations go on")
	}
	return tx.ClockTrouble()
}

// LedgerTrouble is why what stands outside of the database cannot be written; nil
// when it can.
func (j *Journal) LedgerTrouble() error { return j.ledger.Trouble() }

// ClockTrouble is why the clock cannot be trusted: it is far from the database's,
// or behind a time that was seen already.
func (tx *Tx) ClockTrouble() error {
	if wrong := tx.journal.skewed(); wrong != "" {
		return fault.New(fault.Unavailable, "this server's clock is %s, so it grants nothing until one of the two is put right; revocations go on", wrong)
	}
	if behind := tx.Mark.Sub(tx.clock); behind > clockTolerance {
		return fault.New(fault.Unavailable, "this server's clock is %s behind a time that was seen already (%s), so nothing is granted until it is put right; revocations go on. If that time was the wrong one, an administrator sets it back: stint clock reset",
			behind.Round(time.Millisecond), tx.Mark.UTC().Format(time.RFC3339))
	}
	return nil
}

// MarkTime remembers in the database how late it is, so that a clock that goes
// backwards is noticed after a restart too. A clock that is far from the
// database's marks nothing that others would have to believe. While the clock is
// behind the mark, time goes on as [Creep] has it.
func (j *Journal) MarkTime(ctx context.Context) error {
	if err := j.MeasureClock(ctx); err != nil {
		return fmt.Errorf("compare the clock with the database's: %w", err)
	}
	return j.Bookkeep(ctx, func(tx *Tx) error {
		if j.skewed() != "" && tx.clock.After(tx.Mark) {
			return nil
		}
		return tx.RaiseClockMark(ctx, store.Micros(j.creep.Mark(tx.clock, tx.Mark)))
	})
}

// SetBack sets the mark back to the clock, in a transaction that also moves what
// is still to come and records it. It comes first in that, and answers from when:
// whatever other transactions do in the time that is taken back was committed
// before, or is done again after it.
func (tx *Tx) SetBack() (from time.Time, err error) {
	if wrong := tx.journal.skewed(); wrong != "" {
		return from, fault.New(fault.Unavailable, "this server's clock is %s; put the wrong one of the two right first", wrong)
	}
	if err := tx.TakeTurn(tx.ctx, setBackTurn); err != nil {
		return from, fmt.Errorf("wait for what is being committed: %w", err)
	}
	state, err := tx.GetState(tx.ctx)
	if err != nil {
		return from, fmt.Errorf("read the time: %w", err)
	}
	from = store.Time(state.ClockMark)
	if from.Sub(tx.clock) <= clockTolerance {
		return from, fault.New(fault.Conflict, "the clock is not behind a time that was seen already, so there is nothing to set back")
	}
	if err := cmp.Or(tx.SetClockBack(tx.ctx, store.Micros(tx.clock)), tx.SetChangesBack(tx.ctx)); err != nil {
		return from, fmt.Errorf("set the time back: %w", err)
	}
	tx.Now, tx.Mark, tx.Outside.At, tx.setBacks = tx.clock, tx.clock, tx.clock, state.SetBacks+1
	return from, nil
}

// setBackTurn is had by whoever sets time back, and awaited by whoever was overtaken
// by that.
var setBackTurn = store.Turn("set time back")

// transact runs a transaction, again from its beginning where that is of use.
type transact func(context.Context, func(*store.Queries) error) error

// inTime runs f in a transaction that raiseChanges or holdTime ends. Where time is
// set back meanwhile, f runs again, in the right time: nothing of a time that never
// was is written once that is over.
func (j *Journal) inTime(ctx context.Context, write transact, f func(tx *Tx) error) error {
	late := false
	return write(ctx, func(q *store.Queries) error {
		if late { // here it holds nothing yet that whoever sets time back may wait for
			if err := q.AwaitTurn(ctx, setBackTurn); err != nil {
				return fmt.Errorf("wait until time is set back: %w", err)
			}
		}
		tx, err := j.begin(ctx, q)
		if err != nil {
			return err
		}
		err = f(tx)
		late = errors.Is(err, store.ErrLostRace)
		return err
	})
}

func (tx *Tx) holdTime() error {
	n, err := tx.HoldTime(tx.ctx, sqlc.HoldTimeParams{Shard: tx.journal.nextShard(), SetBacks: tx.setBacks, Turn: setBackTurn})
	return overtaken(n, err)
}

// overtaken is an error where no row could be changed, because time is set back.
func overtaken(n int64, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("hold the time of the change: %w", err)
	case n != 1:
		return fmt.Errorf("time was set back: %w", store.ErrLostRace)
	}
	return nil
}
