// Package daemon runs one server: it opens the engine on its database, serves
// the HTTP API from it, and ends both in order.
//
// It is apart from main so that the command line's scripts and the acceptance
// tests run the very server that main runs. It promises that a server which
// said it is ready answers, that one which is told to end finishes what it has
// begun, and that it returns only when nothing of it runs any more. It decides
// nothing; settings come complete.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/errgroup"

	"github.com/stint-dev/terraform-provider-stint/internal/cli"
	"github.com/stint-dev/terraform-provider-stint/internal/clock"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/connector/postgresql"
	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/server"
	"github.com/stint-dev/terraform-provider-stint/internal/store"
)

// Parts are what a server is put together from.
type Parts struct {
	Clock      clock.Clock
	Connectors *connector.Registry
	// Transactions stands between the engine and its database; it may be nil.
	Transactions store.Around
	// MaxSkew is how far the clock may be from the database's before nothing is
	// granted any more; zero does not look.
	MaxSkew time.Duration
}

// maxSkew is more than machines with time service differ by, and less than
// anybody would gain from.
const maxSkew = 5 * time.Second

// RealParts are those of the server that people run.
func RealParts() Parts {
	return Parts{Clock: clock.System{}, Connectors: connector.NewRegistry(postgresql.NewFactory()), MaxSkew: maxSkew}
}

// Run serves from the real parts until ctx ends, which is no error. See
// [cli.ServerFunc].
func Run(ctx context.Context, config cli.ServerConfig, ready func(cli.ServerReady) error) error {
	return RealParts().Run(ctx, config, ready)
}

// Run serves from these parts until ctx ends, which is no error.
func (p Parts) Run(ctx context.Context, config cli.ServerConfig, ready func(cli.ServerReady) error) (err error) {
	logger := newLogger(config)
	e, err := engine.Open(ctx, engine.Config{
		Database:    config.Database,
		EvidenceDir: config.EvidenceDir,
		SecretsDir:  config.SecretsDir,
		Connectors:  p.Connectors,
		Clock:       p.Clock,
		MaxSkew:     p.MaxSkew,

		Transactions: p.Transactions,
		Logger:       logger.Named("engine"),
		Version:      config.Version,
	})
	if err != nil {
		return fmt.Errorf("open the engine: %w", err)
	}
	defer func() { err = errors.Join(err, e.Close()) }()

	s := server.New(e, server.Config{
		Listen: config.Listen, ExternalURL: config.ExternalURL, TLSCert: config.TLSCert, TLSKey: config.TLSKey, Insecure: config.Insecure, Version: config.Version,
	}, logger.Named("server"))
	endpoint, err := s.Listen(ctx)
	if err != nil {
		return err
	}
	running, ctx := errgroup.WithContext(ctx)
	// What is told to end first takes nothing up any more, then answers nothing
	// new, and last signs the evidence of everything that was answered.
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	working, stopWorking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorking()
	running.Go(func() error { return e.Run(working) })
	running.Go(func() error {
		defer stopWorking()
		return s.Serve(serving)
	})
	running.Go(func() error {
		defer stopServing()
		<-ctx.Done()
		drain(context.WithoutCancel(ctx), e, config.DrainDelay, logger)
		return nil
	})
	running.Go(func() error { return announce(ctx, e, endpoint, config, ready) })
	if err := running.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// drainTimeout bounds how long the calls of targets under way may take to end;
// each has a bound of its own that is shorter.
const drainTimeout = 40 * time.Second

// drain has the engine finish what it has begun while the server still answers,
// and not before delay has passed: until then others may not have noticed that
// it is not ready.
func drain(ctx context.Context, e *engine.Engine, delay time.Duration, logger hclog.Logger) {
	logger.Info("told to end; finishing what was begun, a second signal breaks it off")
	noticed := time.After(delay)
	bound, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	if err := e.Drain(bound); err != nil {
		logger.Warn("calls of targets are broken off; whoever has their account next reads what became of them", "after", drainTimeout.String(), "error", err)
	}
	<-noticed
}

// announce tells how to reach the server, with a token when there is no other
// way in.
func announce(ctx context.Context, e *engine.Engine, endpoint string, config cli.ServerConfig, ready func(cli.ServerReady) error) error {
	token, err := bootstrapToken(ctx, e, config)
	if err != nil {
		return err
	}
	_, _, key, err := e.Journal.Checkpoint(ctx)
	if err != nil {
		return fmt.Errorf("read the evidence key: %w", err)
	}
	return ready(cli.ServerReady{URL: endpoint, Token: token, EvidenceKey: key})
}

// bootstrapToken makes a token when nobody can hold one yet, or it was asked
// for; else it is empty.
func bootstrapToken(ctx context.Context, e *engine.Engine, config cli.ServerConfig) (string, error) {
	isNew, err := e.Tokens.IsNew(ctx)
	if err != nil {
		return "", fmt.Errorf("look for tokens: %w", err)
	}
	if !isNew && !config.NeedToken {
		return "", nil
	}
	if config.CheckTokenFile != nil {
		if err := config.CheckTokenFile(); err != nil {
			return "", err
		}
	}
	issue := e.Tokens.Bootstrap
	if !config.NeedToken {
		issue = e.Tokens.First // of servers that start at once, one has it
	}
	secret, err := issue(ctx)
	if err != nil {
		return "", fmt.Errorf("make the bootstrap token: %w", err)
	}
	return secret, nil
}

func newLogger(config cli.ServerConfig) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: "stint", Level: hclog.LevelFromString(config.LogLevel), JSONFormat: config.LogJSON, Output: config.Log})
}
