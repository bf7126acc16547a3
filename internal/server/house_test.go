package server_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/stint-dev/terraform-provider-stint/internal/acctest/pgtest"
	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/clock"
	"github.com/stint-dev/terraform-provider-stint/internal/connector"
	"github.com/stint-dev/terraform-provider-stint/internal/connector/postgresql"
	"github.com/stint-dev/terraform-provider-stint/internal/engine"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/server"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// house is a running server on a real engine.
type house struct {
	server   *server.Server
	endpoint string
	secrets  string
	token    string // of the bootstrap identity, with every role
	root     *client.Client
}

// onBothStores runs the test on an engine with SQLite and on one with
// PostgreSQL.
func onBothStores(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("sqlite", func(t *testing.T) { test(t, build(t, filepath.Join(t.TempDir(), "stint.db"))) })
	t.Run("postgresql", func(t *testing.T) { test(t, build(t, pgtest.Shared(t).NewDatabase(t))) })
}

func build(t testing.TB, database string) *house {
	t.Helper()
	logger := hclog.New(&hclog.LoggerOptions{Output: t.Output(), Level: hclog.Warn})
	h := &house{secrets: t.TempDir()}
	e, err := engine.Open(t.Context(), engine.Config{
		Database: pgtest.Sparing(database), EvidenceDir: filepath.Join(t.TempDir(), "evidence"), SecretsDir: h.secrets,
		Connectors: connector.NewRegistry(postgresql.NewFactory()), Clock: clock.System{}, Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(e, server.Config{Listen: "127.0.0.1:0", Version: "test"}, logger)
	h.server = s
	if h.endpoint, err = s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	running, serving := make(chan error, 1), make(chan error, 1)
	go func() { running <- e.Run(ctx) }()
	go func() { serving <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		for what, err := range map[string]error{"serve": <-serving, "run": <-running, "close": e.Close()} {
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
	if h.token, err = e.Tokens.Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.root = h.as(t, h.token)
	return h
}

// as is a client with a token.
func (h *house) as(t testing.TB, token string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Endpoint: h.endpoint, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// person declares a human and returns a client with a token of theirs.
func (h *house) person(t testing.TB, name string, roles ...api.Role) *client.Client {
	t.Helper()
	h.declare(t, governance.Identity{Name: name, Type: governance.Human, Groups: []string{}})
	made, err := h.root.CreateToken(t.Context(), api.TokenInput{Name: "test", Identity: governance.IdentityID(name), Roles: roles})
	if err != nil {
		t.Fatal(err)
	}
	return h.as(t, made.Secret)
}

func (h *house) declare(t testing.TB, identity governance.Identity) api.Identity {
	t.Helper()
	created, err := client.Create(t.Context(), h.root, api.Identities, identity)
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// answer is what came back on a request that no client of ours would make.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (h *house) send(t testing.TB, method, path, body string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, h.endpoint+path, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+h.token)
	for pair := range slices.Chunk(headers, 2) {
		request.Header.Set(pair[0], pair[1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, content}
}

// eventually polls until done; the thing waited for is work of the engine.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("%s did not happen", what)
		case <-tick.C:
		}
	}
}
