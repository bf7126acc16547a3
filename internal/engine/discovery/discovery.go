// Package discovery reads targets: it keeps what was last observed of each
// application, correlates accounts to identities, and keeps the findings that
// follow.
//
// A discovery is complete or it fails and changes nothing but its error: what
// was not seen in an incomplete one is never taken for gone.
package discovery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/people"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/targets"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

// Timeout bounds one discovery; past it, it has failed.
const Timeout = 2 * time.Minute

// pollEvery is how often due discoveries are looked for.
const pollEvery = time.Second

// Discovery is the use cases around what is observed.
type Discovery struct {
	Journal  *journal.Journal
	Declared *declared.Loader
	Targets  *targets.Targets
	Logger   hclog.Logger
	// Holder names this process in leases.
	Holder string
	// Nestings are those of all who ask.
	Nestings Nestings
}

// Result is what a complete discovery read.
type Result struct {
	Application  governance.ApplicationID
	StartedAt    time.Time
	FinishedAt   time.Time
	Accounts     int
	Entitlements int
	Assignments  int
	Appeared     int
	Disappeared  int
	Orphans      int
	Findings     int
	// Held is set when the read showed a mass change: then nothing was taken over.
	Held *governance.HeldChange
}

// Sync reads an application now and waits for a discovery that is running
// already, since that one may have begun before what the caller wants to see. A
// mass change is refused, and held until it is accepted.
func (d *Discovery) Sync(ctx context.Context, by journal.Actor, id governance.ApplicationID) (Result, error) {
	return d.sync(ctx, by, id, "")
}

// Accept reads an application now and lets the mass change through that is held
// under the name; what has gone beyond that is weighed as ever.
func (d *Discovery) Accept(ctx context.Context, by journal.Actor, id governance.ApplicationID, held string) (Result, error) {
	if held == "" {
		return Result{}, fault.FromProblems("acceptance", governance.Problems{{Field: "held", Code: governance.CodeRequired, Message: "name the mass change; its finding tells how it is named"}})
	}
	return d.sync(ctx, by, id, held)
}

func (d *Discovery) sync(ctx context.Context, by journal.Actor, id governance.ApplicationID, accept string) (Result, error) {
	var application *governance.Application
	err := d.Journal.Read(ctx, func(tx *journal.Tx) error {
		set, err := d.Declared.Set(ctx, tx)
		if err == nil {
			application = set.Applications[id]
		}
		return err
	})
	if err != nil {
		return Result{}, err
	}
	if application == nil {
		return Result{}, fault.New(fault.NotFound, "no application %q is declared", id)
	}
	release, err := d.lease(ctx, id)
	if err != nil {
		return Result{}, err
	}
	defer release()
	target, err := d.Targets.Of(*application)
	if err != nil {
		return Result{}, d.failed(ctx, by, *application, err)
	}
	startedAt, err := d.Journal.Time(ctx)
	if err != nil {
		return Result{}, err
	}
	inventory, err := Read(ctx, target)
	if err != nil {
		return Result{}, d.failed(ctx, by, *application, err)
	}
	var result Result
	err = d.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		set, err := d.Declared.Set(ctx, tx)
		if err != nil {
			return err
		}
		current := set.Applications[id]
		if current == nil {
			return fault.New(fault.NotFound, "application %q was removed while it was read", id)
		}
		result, err = d.Apply(ctx, tx, set, *current, inventory, startedAt, accept)
		return err
	})
	if err == nil && result.Held != nil {
		err = fault.New(fault.Conflict, "%s", result.Held.Ask(id))
	}
	if err == nil {
		d.noteUse(ctx, id, inventory, startedAt)
	}
	return result, err
}

// noteUse notes whose accounts were at work while the target was read. What fails
// here is made up for by the next discovery.
func (d *Discovery) noteUse(ctx context.Context, id governance.ApplicationID, inventory *connector.Inventory, at time.Time) {
	inUse := map[string]bool{}
	for _, account := range inventory.Accounts {
		inUse[account.Name] = account.InUse
	}
	seen := map[governance.IdentityID]bool{}
	err := d.Journal.Read(ctx, func(tx *journal.Tx) error {
		rows, err := tx.ListAccounts(ctx, string(id))
		for _, row := range rows {
			if inUse[row.Name] && row.IdentityID != "" {
				seen[governance.IdentityID(row.IdentityID)] = true
			}
		}
		return err
	})
	for _, identity := range slices.Sorted(maps.Keys(seen)) {
		err = errors.Join(err, d.Journal.Bookkeep(ctx, func(tx *journal.Tx) error { return people.NoteUse(ctx, tx, identity, at) }))
	}
	if err != nil && ctx.Err() == nil {
		d.Logger.Warn("whose accounts are at work is not all noted; the next discovery tries again", "application", id, "error", err)
	}
}

// Read takes a target's inventory within [Timeout].
func Read(ctx context.Context, target connector.Connector) (*connector.Inventory, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	return target.Discover(ctx)
}

// lease makes sure that one process at a time reads an application.
func (d *Discovery) lease(ctx context.Context, id governance.ApplicationID) (release func(), err error) {
	key := "discovery/" + string(id)
	var fence int64
	err = d.Journal.Await(ctx, 100*time.Millisecond, func(ctx context.Context) (bool, error) {
		err := d.Journal.Bookkeep(ctx, func(tx *journal.Tx) error {
			fence, err = tx.TakeLease(ctx, sqlc.TakeLeaseParams{Key: key, Holder: d.Holder, Now: store.Micros(tx.Now), UntilAt: store.Micros(tx.Now.Add(Timeout + time.Minute))})
			return err
		})
		if errors.Is(err, sql.ErrNoRows) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return nil, fmt.Errorf("wait for the running discovery of %s: %w", id, err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := d.Journal.Bookkeep(ctx, func(tx *journal.Tx) error {
			return tx.DropLease(ctx, sqlc.DropLeaseParams{Key: key, Fence: fence})
		}); err != nil {
			d.Logger.Warn("lease is not given back and runs out by itself", "lease", key, "error", err)
		}
	}, nil
}

func (d *Discovery) failed(ctx context.Context, by journal.Actor, a governance.Application, cause error) error {
	failure := targets.Failure(a.ID(), cause)
	if ctx.Err() != nil {
		return failure
	}
	err := d.Journal.Write(ctx, by, func(tx *journal.Tx) error {
		if err := tx.FailDiscovery(ctx, sqlc.FailDiscoveryParams{
			ApplicationID: string(a.ID()), Error: failure.Error(), NextAt: store.Micros(tx.Now.Add(a.Discovery.Interval.Std())),
		}); err != nil {
			return err
		}
		return tx.Record("application.sync_failed", "application", string(a.ID()), evidence.Fields{"error": evidence.Private(failure.Error())})
	})
	return errors.Join(failure, err)
}

// Run reads every application when it is due, until ctx ends. A slow target
// does not delay another.
func (d *Discovery) Run(ctx context.Context) error {
	var running sync.Map
	var wait sync.WaitGroup
	defer wait.Wait()
	var pace journal.Pace
	for {
		due, err := d.due(ctx)
		if err != nil && ctx.Err() == nil {
			d.Logger.Error("due discoveries are not known; they are looked for again", "error", err)
		}
		for _, id := range due {
			if _, already := running.LoadOrStore(id, true); already {
				continue
			}
			wait.Go(func() {
				defer running.Delete(id)
				if _, err := d.Sync(ctx, journal.Engine(), id); err != nil && ctx.Err() == nil {
					d.Logger.Warn("discovery failed", "application", id, "error", err)
				}
			})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.Journal.After(pace.Pause(pollEvery, err)):
		}
	}
}

func (d *Discovery) due(ctx context.Context) (due []governance.ApplicationID, err error) {
	err = d.Journal.Read(ctx, func(tx *journal.Tx) error {
		ids, err := tx.DiscoveriesDue(ctx, store.Micros(tx.Now))
		for _, id := range ids {
			due = append(due, governance.ApplicationID(id))
		}
		return err
	})
	return due, err
}
