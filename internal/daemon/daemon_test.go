package daemon_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/cli"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/daemon"
)

func configIn(folder string) cli.ServerConfig {
	return cli.ServerConfig{
		Listen: "127.0.0.1:0", Database: filepath.Join(folder, "stint.db"),
		EvidenceDir: filepath.Join(folder, "evidence"), SecretsDir: filepath.Join(folder, "secrets"),
		LogLevel: "off", Log: &strings.Builder{},
	}
}

func TestServerAnswersOnceItIsReadyAndEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var address string
	err := daemon.Run(ctx, configIn(t.TempDir()), func(ready cli.ServerReady) error {
		defer cancel()
		address = ready.URL
		c, err := client.New(client.Config{Endpoint: ready.URL, Token: ready.Token})
		if err != nil {
			return err
		}
		who, err := c.WhoAmI(ctx)
		if err == nil && !who.Bootstrap {
			t.Errorf("the first token is of %+v, want the bootstrap identity", who)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(address, "http://")); err == nil {
		_ = conn.Close()
		t.Error("it still takes connections")
	}
}

func TestOnlyANewDatabaseGetsABootstrapToken(t *testing.T) {
	config := configIn(t.TempDir())
	start := func(config cli.ServerConfig) (token string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := daemon.Run(ctx, config, func(ready cli.ServerReady) error {
			token = ready.Token
			cancel()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	if start(config) == "" {
		t.Error("no token at the first start")
	}
	if token := start(config); token != "" {
		t.Error("a token at the second start")
	}
	config.NeedToken = true
	if start(config) == "" {
		t.Error("no token although it was asked for")
	}
}

func TestTokenIsNotMadeWhenItCannotBeKept(t *testing.T) {
	config := configIn(t.TempDir())
	full := errors.New("no room")
	config.CheckTokenFile = func() error { return full }
	err := daemon.Run(t.Context(), config, func(cli.ServerReady) error { return nil })
	if !errors.Is(err, full) {
		t.Fatalf("error %v, want %v", err, full)
	}
	config.CheckTokenFile = nil
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = daemon.Run(ctx, config, func(ready cli.ServerReady) error {
		defer cancel()
		if ready.Token == "" {
			t.Error("the next start makes no token, so nobody will ever have one")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestErrorFromReadyStopsTheServer(t *testing.T) {
	refused := errors.New("nobody listens")
	err := daemon.Run(t.Context(), configIn(t.TempDir()), func(cli.ServerReady) error { return refused })
	if !errors.Is(err, refused) {
		t.Errorf("error %v, want %v", err, refused)
	}
}
