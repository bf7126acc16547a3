// Package engine composes the use cases of Stint over one database: declaring,
// requesting, fulfilling, discovering, proving. It is the only place where
// state changes; every change commits together with its evidence and the
// operations that it leads to.
package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"os"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/errgroup"

	"github.com/stint-dev/terraform-provider-stint/internal/clock"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/access"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/authorization"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/catalog"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/discovery"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/eventsource"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fulfilment"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/metrics"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/operations"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/recovery"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/targets"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/token"
	"github.com/stint-dev/terraform-provider-stint/internal/evidence"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// Config is what an engine is made of. All members are required unless they say
// otherwise.
type Config struct {
	// Database is the path of a SQLite file or a postgres:// URL.
	Database string
	// EvidenceDir holds the signing key and the latest checkpoint. It belongs
	// where whoever can write the database cannot write.
	EvidenceDir string
	// SecretsDir holds a folder of secret files for each application; empty
	// refuses file references.
	SecretsDir string
	Connectors *connector.Registry
	// Transactions stands between the engine and its database; it may be nil.
	Transactions store.Around
	Clock        clock.Clock
	// MaxSkew is how far Clock may be from the database's own before nothing is
	// granted any more; zero does not look.
	MaxSkew time.Duration
	Logger  hclog.Logger
	// Version is told in metrics; it may be empty.
	Version string
}

// Engine is a running Stint without its faces.
type Engine struct {
	Catalog   *catalog.Catalog
	Access    *access.Access
	Discovery *discovery.Discovery
	Tokens    *token.Tokens
	// Sessions are those of Tokens, from memory.
	Sessions *token.Sessions
	// Authorization answers who may do what, from memory.
	Authorization *authorization.Authorization
	Journal       *journal.Journal
	// Recovery is for after a restore.
	Recovery *recovery.Recovery
	// EventSources takes the deliveries of declared event sources.
	EventSources *eventsource.Sources
	// Operations is how people operate the worker.
	Operations *operations.Operations
	Metrics    *metrics.Metrics

	worker  *fulfilment.Worker
	targets *targets.Targets
	store   *store.Store
	clock   clock.Clock
	logger  hclog.Logger
	running atomic.Bool

	// draining ends when nothing new is to be taken up; drained is closed once
	// what was taken up has come to its end.
	draining context.Context
	drain    context.CancelFunc
	drained  chan struct{}
}

// Open opens the database, brings its schema up to date, and checks that it
// still holds all the evidence that was signed. On one that does not, access ends as
// ever and nothing is granted.
func Open(ctx context.Context, config Config) (*Engine, error) {
	db, err := store.Open(ctx, config.Database, config.Transactions)
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(ctx, journal.Config{
		Store: db, Clock: config.Clock, EvidenceDir: config.EvidenceDir, MaxSkew: config.MaxSkew,
		Random: rand.Reader, Logger: config.Logger.Named("journal"),
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	secrets := targets.SecretNamespaces{Dir: config.SecretsDir, LookupEnv: os.LookupEnv}
	e := &Engine{
		Journal: j, store: db, clock: config.Clock, logger: config.Logger,
		targets: targets.New(config.Connectors, secrets.Of),
		Tokens:  &token.Tokens{Journal: j, Random: rand.Reader, Logger: config.Logger.Named("token")},
		drained: make(chan struct{}),
	}
	e.Metrics = metrics.New(j, config.Clock, config.Version)
	e.targets.Around = e.Metrics.Around
	e.draining, e.drain = context.WithCancel(context.WithoutCancel(ctx))
	loader := &declared.Loader{}
	holder := rand.Text()
	e.Discovery = &discovery.Discovery{Journal: j, Declared: loader, Targets: e.targets, Logger: config.Logger.Named("discovery"), Holder: holder}
	e.Catalog = &catalog.Catalog{
		Journal: j, Declared: loader, Discovery: e.Discovery, Targets: e.targets, Logger: config.Logger.Named("catalog"),
	}
	e.Access = &access.Access{Journal: j, Declared: loader, Nestings: &e.Discovery.Nestings, Targets: e.targets, Logger: config.Logger.Named("access")}
	e.Recovery = &recovery.Recovery{Journal: j, Declared: loader, Logger: config.Logger.Named("recovery")}
	e.EventSources = &eventsource.Sources{
		Journal: j, Declared: loader, Access: e.Access, Logger: config.Logger.Named("eventsource"),
		Secrets: func(id governance.EventSourceID) connector.Secrets {
			return secrets.Of("source-" + governance.ApplicationID(id))
		},
	}
	e.Operations = &operations.Operations{Journal: j, Declared: loader, Discovery: e.Discovery, Logger: config.Logger.Named("operations")}
	e.Sessions, e.Authorization = token.NewSessions(e.Tokens), authorization.New(j, loader, e.Access)
	e.worker = &fulfilment.Worker{
		Journal: j, Declared: loader, Access: e.Access, Discovery: e.Discovery, Targets: e.targets,
		Logger: config.Logger.Named("fulfilment"), Holder: holder, Jitter: jitter, Drain: e.draining.Done(), Reached: e.Metrics.Reached,
		Left: func(id governance.ApplicationID) {
			e.Metrics.Forget(id)
			e.Discovery.Nestings.Forget(id)
		},
	}
	return e, nil
}

func jitter(n int64) int64 {
	if n <= 0 {
		return 0
	}
	r, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		return n / 2
	}
	return r.Int64()
}

// Run does the engine's own work until ctx ends: it brings about what is due,
// carries operations out, reads targets, and sequences evidence. The evidence
// of everything that was done is sequenced before it returns. It is called once.
func (e *Engine) Run(ctx context.Context) error {
	e.running.Store(true)
	defer e.running.Store(false)
	sequencing, stopSequencing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSequencing()
	sequenced := make(chan error, 1)
	go func() { sequenced <- e.Journal.Run(sequencing) }()

	work, workCtx := errgroup.WithContext(ctx)
	taking, stopTaking := context.WithCancel(workCtx)
	defer stopTaking()
	defer context.AfterFunc(e.draining, stopTaking)() //nolint:contextcheck // draining is the engine's own
	work.Go(func() error { return e.Access.Run(taking) })
	work.Go(func() error { return e.worker.Run(workCtx) })
	work.Go(func() error { return e.Discovery.Run(taking) })
	work.Go(func() error { return e.Recovery.Run(taking) })
	work.Go(func() error { return e.Operations.Run(taking) })
	work.Go(func() error { return e.Catalog.Run(taking) })
	work.Go(func() error { return e.markTime(taking) })
	err := work.Wait()
	close(e.drained)
	if err == nil {
		<-ctx.Done() // drained; what is still asked for leaves evidence
	}
	stopSequencing()
	return errors.Join(err, <-sequenced)
}

// Drain takes nothing up any more and waits until what was taken up has come to
// its end, or ctx ends, which is an error. The engine is not ready from then on.
func (e *Engine) Drain(ctx context.Context) error {
	e.drain()
	if !e.running.Load() {
		return nil
	}
	select {
	case <-e.drained:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the target calls under way: %w", ctx.Err())
	}
}

// markEvery is how often the high-water mark of time is raised.
const markEvery = time.Second

// markTime keeps the mark up with the clock, and says in the log when the clock
// cannot be trusted, and when it can again.
func (e *Engine) markTime(ctx context.Context) error {
	var pace journal.Pace
	trusted := true
	for {
		err := e.Journal.MarkTime(ctx)
		if err != nil && ctx.Err() == nil {
			e.logger.Error("the time is not marked; it is tried again", "error", err)
		}
		if err == nil {
			trusted = e.watchClock(ctx, trusted)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-e.clock.After(pace.Pause(markEvery, err)):
		}
	}
}

func (e *Engine) watchClock(ctx context.Context, trusted bool) bool {
	var trouble error
	if err := e.Journal.Read(ctx, func(tx *journal.Tx) error {
		trouble = tx.ClockTrouble()
		return nil
	}); err != nil {
		return trusted // whoever needs the database says that it is away
	}
	switch {
	case trouble != nil && trusted:
		e.logger.Error("the clock cannot be trusted; nothing is granted", "error", trouble)
	case trouble == nil && !trusted:
		e.logger.Info("the clock can be trusted again; granting goes on")
	}
	return trouble == nil
}

// Stamp is what a complete answer says about the state it was read from.
type Stamp struct {
	Revision int64
	Evidence evidence.Tree
	Now      time.Time
	// Mark is the latest time that the database remembers.
	Mark time.Time
}

// Stamp reads the current one.
func (e *Engine) Stamp(ctx context.Context) (Stamp, error) {
	var s Stamp
	err := e.Journal.Read(ctx, func(tx *journal.Tx) error {
		s.Revision, s.Now, s.Mark = tx.Revision, tx.Now, tx.Mark
		return nil
	})
	if err != nil {
		return s, err
	}
	_, checkpoint, _, err := e.Journal.Checkpoint(ctx)
	if err != nil {
		return s, fmt.Errorf("stamp: %w", err)
	}
	s.Evidence = checkpoint.Tree
	return s, nil
}

// Close closes targets and database.
func (e *Engine) Close() error {
	e.drain()
	return errors.Join(e.targets.Close(), e.Journal.Close(), e.store.Close())
}
