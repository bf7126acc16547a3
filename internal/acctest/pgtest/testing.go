package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Start gives the test a server of its own, which is stopped when the test
// ends. A failed test shows the end of the server's log.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	s, err := Launch(options...)
	if err != nil {
		t.Fatalf("start PostgreSQL for this test: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log ends with:\n%s", s.lastLog())
		}
		if err := s.Close(); err != nil {
			t.Errorf("stop PostgreSQL: %v", err)
		}
	})
	return s
}

// shared is the one server of a test binary that was started through [Run].
var shared struct {
	sync.Mutex
	running bool // Run is waiting to stop the server
	server  *Server
	err     error
}

// Run is for TestMain: os.Exit(pgtest.Run(m)). It runs the tests and stops the
// server that [Shared] may have started.
func Run(m *testing.M) int {
	shared.Lock()
	shared.running = true
	shared.Unlock()
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	shared.running = false
	if shared.server == nil {
		return code
	}
	if err := shared.server.Close(); err != nil {
		fmt.Fprintf(os.Stderr, "stop the shared PostgreSQL: %v\n", err)
		return max(code, 1)
	}
	return code
}

// Shared gives the test the one server of its test binary, started at first
// use without fsync. TestMain must call [Run]. Databases are the test's own
// through [Server.NewDatabase]; roles are common to the whole server, so a test
// that makes roles or stops the server wants [Start].
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if !shared.running {
		t.Fatal("pgtest.Shared needs an owner that stops the server: func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }")
	}
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = Launch(WithoutFsync())
	}
	if shared.err != nil {
		t.Fatalf("start the shared PostgreSQL: %v", shared.err)
	}
	return shared.server
}

// NewDatabase makes an empty database, which is dropped when the test ends,
// and returns the superuser's connection string for it.
func (s *Server) NewDatabase(t testing.TB) string {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	create := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize()
	if s.version >= 150000 {
		create += " STRATEGY file_copy" // older ones know no other, which here takes three times as long
	}
	s.Exec(t, superuser, create)
	t.Cleanup(func() {
		if s.process != nil {
			s.Exec(t, superuser, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
		}
	})
	return s.URL(name)
}

// Connect opens a connection of the superuser, which is closed when the test ends.
func (s *Server) Connect(t testing.TB, database string) *pgx.Conn {
	t.Helper()
	return s.ConnectAs(t, database, superuser, s.password)
}

// ConnectAs opens a connection of any user, which is closed when the test ends.
func (s *Server) ConnectAs(t testing.TB, database, username, password string) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URLFor(database, username, password))
	if err != nil {
		t.Fatalf("connect to %s as %s: %v", database, username, err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// Exec runs statements as the superuser, on a connection of their own.
func (s *Server) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		t.Fatalf("connect to %s: %v", database, err)
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// Stop shuts the server down and ends its sessions; connections are refused
// until [Server.Restart].
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.stop(syscall.SIGINT); err != nil {
		t.Fatalf("stop PostgreSQL: %v", err)
	}
}

// Restart stops the server if it runs and starts it on the same port and data.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	if err := s.start(); err != nil {
		t.Fatalf("start PostgreSQL again: %v", err)
	}
}

// Pause freezes the server and all of its sessions: connections are accepted
// by the kernel and never answered, until [Server.Resume].
func (s *Server) Pause(t testing.TB) {
	t.Helper()
	s.signalAll(t, syscall.SIGSTOP)
}

// Resume undoes [Server.Pause].
func (s *Server) Resume(t testing.TB) {
	t.Helper()
	s.signalAll(t, syscall.SIGCONT)
}

func (s *Server) signalAll(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if s.process == nil {
		t.Fatalf("send %s to PostgreSQL: it is stopped", sig)
	}
	if err := s.process.signalAll(sig); err != nil {
		t.Fatal(err)
	}
}
