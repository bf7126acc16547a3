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
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fault"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/fulfilment"
	"github.com/stint-dev/terraform-provider-stint/internal/engine/journal"
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
	Logger       hclog.Logger
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
	// EventSources takes the deliveries of declared event sources.
	EventSources *eventsource.Sources

	worker  *fulfilment.Worker
	targets *targets.Targets
	store   *store.Store
	clock   clock.Clock
	logger  hclog.Logger
	running atomic.Bool
}

// Open opens the database, brings its schema up to date, and checks that it
// still holds all the evidence that was signed.
func Open(ctx context.Context, config Config) (*Engine, error) {
	db, err := store.Open(ctx, config.Database, config.Transactions)
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(ctx, journal.Config{
		Store: db, Clock: config.Clock, EvidenceDir: config.EvidenceDir, Random: rand.Reader, Logger: config.Logger.Named("journal"),
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	secrets := targets.SecretNamespaces{Dir: config.SecretsDir, LookupEnv: os.LookupEnv}
	e := &Engine{
		Journal: j, store: db, clock: config.Clock, logger: config.Logger,
		targets: targets.New(config.Connectors, secrets.Of),
		Tokens:  &token.Tokens{Journal: j, Random: rand.Reader},
	}
	loader := &declared.Loader{}
	holder := rand.Text()
	e.Discovery = &discovery.Discovery{Journal: j, Declared: loader, Targets: e.targets, Logger: config.Logger.Named("discovery"), Holder: holder}
	e.Catalog = &catalog.Catalog{Journal: j, Declared: loader, Discovery: e.Discovery, Targets: e.targets}
	e.Access = &access.Access{Journal: j, Declared: loader, Logger: config.Logger.Named("access")}
	e.EventSources = &eventsource.Sources{
		Journal: j, Declared: loader, Access: e.Access, Logger: config.Logger.Named("eventsource"),
		Secrets: func(id governance.EventSourceID) connector.Secrets {
			return secrets.Of("source-" + governance.ApplicationID(id))
		},
	}
	e.Sessions, e.Authorization = token.NewSessions(j), authorization.New(j, loader, e.Access)
	e.worker = &fulfilment.Worker{
		Journal: j, Declared: loader, Access: e.Access, Targets: e.targets,
		Logger: config.Logger.Named("fulfilment"), Holder: holder, Jitter: jitter,
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
// of everything that was done is sequenced before it returns.
func (e *Engine) Run(ctx context.Context) error {
	e.running.Store(true)
	defer e.running.Store(false)
	sequencing, stopSequencing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSequencing()
	sequenced := make(chan error, 1)
	go func() { sequenced <- e.Journal.Run(sequencing) }()

	work, workCtx := errgroup.WithContext(ctx)
	work.Go(func() error { return e.Access.Run(workCtx) })
	work.Go(func() error { return e.worker.Run(workCtx) })
	work.Go(func() error { return e.Discovery.Run(workCtx) })
	work.Go(func() error { return e.markTime(workCtx) })
	err := work.Wait()
	stopSequencing()
	return errors.Join(err, <-sequenced)
}

// markEvery is how often the high-water mark of time is raised.
const markEvery = time.Second

// markTime remembers in the database how late it has been, so that a clock that
// goes backwards is noticed after a restart too.
func (e *Engine) markTime(ctx context.Context) error {
	for {
		err := e.Journal.Bookkeep(ctx, func(tx *journal.Tx) error {
			return tx.RaiseClockMark(ctx, store.Micros(e.clock.Now()))
		})
		if err != nil && ctx.Err() == nil {
			e.logger.Error("the time is not marked; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-e.clock.After(markEvery):
		}
	}
}

// Ready reports whether the engine can serve: its database answers and its
// workers run. The error says what does not.
func (e *Engine) Ready(ctx context.Context) error {
	if !e.running.Load() {
		return fault.New(fault.Unavailable, "the engine's workers are not running")
	}
	if err := e.store.Ping(ctx); err != nil {
		return &fault.Error{Code: fault.Unavailable, Message: "the database does not answer", Err: err}
	}
	return nil
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
	_, checkpoint, _, err := e.Journal.Checkpoint()
	if err != nil {
		return s, fmt.Errorf("stamp: %w", err)
	}
	s.Evidence = checkpoint.Tree
	return s, nil
}

// Close closes targets and database.
func (e *Engine) Close() error {
	return errors.Join(e.targets.Close(), e.store.Close())
}
