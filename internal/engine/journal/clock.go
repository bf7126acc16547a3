package journal

import (
	"context"
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
// is still to come and records it. It answers by how much.
func (tx *Tx) SetBack() (time.Duration, error) {
	if wrong := tx.journal.skewed(); wrong != "" {
		return 0, fault.New(fault.Unavailable, "this server's clock is %s; put the wrong one of the two right first", wrong)
	}
	by := tx.Mark.Sub(tx.clock)
	if by <= clockTolerance {
		return 0, fault.New(fault.Conflict, "the clock is not behind a time that was seen already, so there is nothing to set back")
	}
	n, err := tx.SetClockMark(tx.ctx, sqlc.SetClockMarkParams{OldMark: store.Micros(tx.Mark), NewMark: store.Micros(tx.clock)})
	if err == nil && n != 1 {
		err = fault.New(fault.Conflict, "the time moved at the same moment; try again")
	}
	if err != nil {
		return 0, fmt.Errorf("set the time back: %w", err)
	}
	tx.Now, tx.Mark = tx.clock, tx.clock
	return by, nil
}
