package acctest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/cli"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/daemon"
)

// Stack is a running server, and a PostgreSQL for it to govern.
type Stack struct {
	// Endpoint and Token reach the server as its bootstrap identity, which has
	// every role.
	Endpoint, Token string

	secrets string
	target  *pgtest.Server
	log     *logBuffer
}

// Start runs a server for the test, on SQLite, and prepares the environment for
// Terraform with it. A failed test shows the server's log.
func Start(tb testing.TB) *Stack {
	tb.Helper()
	return StartOn(tb, filepath.Join(tb.TempDir(), "stint.db"))
}

// StartOn is Start on any database.
func StartOn(tb testing.TB, database string) *Stack {
	tb.Helper()
	Terraform(tb)
	folder := tb.TempDir()
	log := &logBuffer{}
	s := &Stack{secrets: filepath.Join(folder, "secrets"), log: log}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan cli.ServerReady, 1), make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, cli.ServerConfig{
			Listen: "127.0.0.1:0", Database: database,
			EvidenceDir: filepath.Join(folder, "evidence"), SecretsDir: s.secrets,
			LogLevel: "debug", Log: log, Version: "test", NeedToken: true,
		}, func(r cli.ServerReady) error { ready <- r; return nil })
	}()
	select {
	case r := <-ready:
		s.Endpoint, s.Token = r.URL, r.Token
	case err := <-ended:
		cancel()
		tb.Fatalf("start the server: %v\n%s", err, log)
	}
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Errorf("stop the server: %v", err)
		}
		if tb.Failed() {
			tb.Logf("the server's log:\n%s", log)
		}
	})
	tb.Setenv(client.EnvEndpoint, s.Endpoint)
	tb.Setenv(client.EnvToken, s.Token)
	return s
}

// Client asks the server directly, as the bootstrap identity.
func (s *Stack) Client(tb testing.TB) *client.Client {
	tb.Helper()
	c, err := client.New(client.Config{Endpoint: s.Endpoint, Token: s.Token})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// Log is what the server has logged so far, down to the level debug.
func (s *Stack) Log() string { return s.log.String() }

// ProviderConfig heads a configuration; endpoint and token are in the
// environment.
func (s *Stack) ProviderConfig() string { return RequiredProviders + "\nprovider \"stint\" {}\n" }

// Target is the PostgreSQL to govern, started at first use.
func (s *Stack) Target(tb testing.TB) *pgtest.Server {
	tb.Helper()
	if s.target == nil {
		s.target = pgtest.Start(tb)
	}
	return s.target
}

// Application is HCL for an application on the target, with its password where
// the server finds it. Its resource is called as the application is.
func (s *Stack) Application(tb testing.TB, name string) string {
	tb.Helper()
	target := s.Target(tb)
	s.Secret(tb, name, "password", target.Password())
	return fmt.Sprintf(`
resource "stint_application" %[1]q {
  name = %[1]q
  connector = {
    postgresql = {
      host         = %[2]q
      port         = %[3]d
      username     = %[4]q
      password_ref = "file:password"
      sslmode      = "disable"
    }
  }
  correlation = "account.name == identity.name"
}
`, name, target.Host(), target.Port(), target.Superuser())
}

// Secret puts a file into an application's folder of the server's secrets.
func (s *Stack) Secret(tb testing.TB, application, name, value string) {
	tb.Helper()
	folder := filepath.Join(s.secrets, application)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), []byte(value), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// logBuffer collects what the server's goroutines write.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
