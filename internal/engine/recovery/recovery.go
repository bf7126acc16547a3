// Package recovery brings a database that comes from a backup, or from a standby that
// was behind, to terms with what was done since: grants that it does not know are
// taken back, and nothing is granted until an administrator says that it is up to
// date.
package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/grants"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// Recovery is the use cases after a restore.
type Recovery struct {
	Journal  *journal.Journal
	Declared *declared.Loader
	Logger   hclog.Logger

	mu   sync.Mutex
	left Left
}

// Left is what could not be taken up of the ledger.
type Left struct {
	// Grants are the grants that cannot be taken back yet, since nobody has
	// declared their Applications.
	Grants       int
	Applications []governance.ApplicationID
	// Err is why the ledger could not be settled; nil when it was.
	Err error
}

// Trouble is what an administrator has to do about it; empty when nothing. It
// shows no path and no address.
func (l Left) Trouble() string {
	switch {
	case l.Err != nil:
		return "the ledger of grants is not settled, so what the database does not know may still stand; the server's log tells why"
	case l.Grants > 0:
		return fmt.Sprintf("%d grant(s) that the database does not know are not taken back, since nobody has declared %v; declare it and they are. If its target is gone for good, declare it all the same and give it up: stint application retire", l.Grants, l.Applications)
	}
	return ""
}

const (
	// lookEvery is how often it is asked whether the ledger has to be looked at.
	lookEvery = time.Second
	// againAfter is how many looks later it is settled again while something is
	// left, or the database waits to be accepted: other servers may write into it
	// meanwhile what the database does not know.
	againAfter = 10
)

// signs are what may tell that the database does not know what it did.
type signs struct {
	servers uint64
	older   bool
}

func (r *Recovery) signs() signs {
	return signs{servers: r.Journal.Servers(), older: r.Journal.Older()}
}

// Run takes up what the database does not know, at once and until nothing is left
// of it, and keeps the ledger short, until ctx ends.
func (r *Recovery) Run(ctx context.Context) error {
	for {
		seen := r.signs()
		left := r.Settle(ctx)
		if left.Err != nil && ctx.Err() == nil {
			r.Logger.Error("the ledger of grants is not settled; it is tried again", "error", left.Err)
		}
		for looks := 1; ; looks++ {
			select {
			case <-ctx.Done():
				return nil
			case <-r.Journal.After(lookEvery):
			}
			now := r.signs()
			if now != seen || r.Journal.LedgerGrown() || looks >= againAfter && (left.Trouble() != "" || now.older) {
				break
			}
		}
	}
}

// Settle takes up every grant that the ledger holds and the database does not know,
// and tells what is left of them.
func (r *Recovery) Settle(ctx context.Context) Left {
	left := r.settle(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = left
	return left
}

// Left is what the last [Recovery.Settle] has left.
func (r *Recovery) Left() Left {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.left
}

func (r *Recovery) settle(ctx context.Context) (left Left) {
	unknown, err := r.Journal.SettleLedger(ctx)
	if err != nil {
		return Left{Err: err}
	}
	for _, g := range unknown {
		switch adopted, err := r.adopt(ctx, g); {
		case err != nil:
			left.Err = errors.Join(left.Err, fmt.Errorf("take up grant %s: %w", g.ID, err))
		case !adopted:
			left.Grants++
			if !slices.Contains(left.Applications, g.Application) {
				left.Applications = append(left.Applications, g.Application)
			}
			r.Logger.Error("a grant is not known to the database, and nobody has declared its application, so it is not taken back", "grant", g.ID, "account", g.Account, "entitlement", g.Entitlement)
		default:
			r.Logger.Warn("a grant is not known to the database, which comes from a backup or from a standby that was behind; it is taken back", "grant", g.ID, "account", g.Account, "entitlement", g.Entitlement)
		}
	}
	return left
}

func (r *Recovery) adopt(ctx context.Context, g governance.Grant) (adopted bool, err error) {
	err = r.Journal.Write(ctx, journal.Engine(), func(tx *journal.Tx) error {
		adopted = false
		known, err := grants.Get(ctx, tx, g.ID)
		unknown := fault.Is(err, fault.NotFound)
		if err != nil && !unknown {
			return err
		}
		if unknown {
			// A grant is committed before it stands in the ledger.
			if err := tx.MarkOlder("the ledger holds a grant that the database does not know"); err != nil {
				return err
			}
		}
		set, err := r.Declared.Set(ctx, tx)
		if err != nil || set.Applications[g.Application] == nil {
			return err
		}
		adopted = true
		switch {
		case unknown:
			return grants.Adopt(ctx, tx, g)
		case tx.RestoredAt.IsZero() || !known.NeverCalled():
			return nil // another process was faster
		}
		return grants.AdoptKnown(ctx, tx, known, g)
	})
	return adopted, err
}

// Resume lets a database be granted from again that is older than what was done on
// it, once everything is taken up that it does not know. See [journal.Journal.Accept].
func (r *Recovery) Resume(ctx context.Context, by journal.Actor, reason string) (journal.Accepted, error) {
	if strings.TrimSpace(reason) == "" {
		return journal.Accepted{}, fault.FromProblems("the request to resume", governance.Problems{{Field: "reason", Code: governance.CodeRequired, Message: "says what was looked at"}})
	}
	switch left := r.Settle(ctx); {
	case fault.Is(left.Err, fault.Unavailable):
		return journal.Accepted{}, left.Err
	case left.Err != nil:
		return journal.Accepted{}, &fault.Error{Code: fault.Conflict, Message: fmt.Sprintf("what the database does not know is not taken up yet: %v", left.Err), Err: left.Err}
	case left.Grants > 0:
		return journal.Accepted{}, fault.New(fault.Conflict, "%s", left.Trouble())
	}
	return r.Journal.Accept(ctx, by, reason)
}
