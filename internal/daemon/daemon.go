// Package daemon runs one server: it opens the engine on its database, serves
// the HTTP API from it, and ends both in order.
//
// It is apart from main so that the command line's scripts and the acceptance
// tests run the very server that main runs. It promises that a server which
// said it is ready answers, and that it returns only when nothing of it runs
// any more. It decides nothing; settings come complete.
package daemon

import (
	"context"
	"errors"
	"fmt"

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
}

// RealParts are those of the server that people run.
func RealParts() Parts {
	return Parts{Clock: clock.System{}, Connectors: connector.NewRegistry(postgresql.NewFactory())}
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

		Transactions: p.Transactions,
		Logger:       logger.Named("engine"),
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
	// The engine works on until the last request has its answer, so that the
	// evidence of everything that was answered is in the log.
	working, stopWorking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorking()
	running.Go(func() error { return e.Run(working) })
	running.Go(func() error {
		defer stopWorking()
		return s.Serve(ctx)
	})
	running.Go(func() error { return announce(ctx, e, endpoint, config, ready) })
	if err := running.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// announce tells how to reach the server, with a token when there is no other
// way in.
func announce(ctx context.Context, e *engine.Engine, endpoint string, config cli.ServerConfig, ready func(cli.ServerReady) error) error {
	token, err := bootstrapToken(ctx, e, config)
	if err != nil {
		return err
	}
	_, _, key, err := e.Journal.Checkpoint()
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
	secret, err := e.Tokens.Bootstrap(ctx)
	if err != nil {
		return "", fmt.Errorf("make the bootstrap token: %w", err)
	}
	return secret, nil
}

func newLogger(config cli.ServerConfig) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: "stint", Level: hclog.LevelFromString(config.LogLevel), JSONFormat: config.LogJSON, Output: config.Log})
}
