package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Start gives the test a server of its own. It is as good as new: in a test binary
// that runs through [Run] an earlier test may have had it, of which nothing is left.
// A failed test shows the end of the server's log.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	s, err := take(options...)
	if err != nil {
		t.Fatalf("start PostgreSQL for this test: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log ends with:\n%s", s.lastLog())
		} else if s.giveBack() {
			return
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
// servers that are left of [Shared] and [Start].
func Run(m *testing.M) int {
	shared.Lock()
	shared.running = true
	shared.Unlock()
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	shared.running = false
	err := closeIdle()
	if shared.server != nil {
		err = errors.Join(err, shared.server.Close())
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "stop the PostgreSQL servers of the tests: %v\n", err)
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

// Sparing is where a server of Stint keeps its state, for one that is to open only a
// few connections there: each costs the database a process, and tests open thousands.
// What is no PostgreSQL stays as it is.
func Sparing(location string) string {
	if !strings.HasPrefix(location, "postgres://") {
		return location
	}
	return location + "&pool_max_conns=3"
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

// Exec runs statements as the superuser, in a session of no other purpose, which is
// kept where the database is the superuser's own.
func (s *Server) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all := func(conn *pgx.Conn) error {
		for _, statement := range statements {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	}
	var err error
	if database == superuser {
		err = s.within(ctx, all)
	} else {
		var conn *pgx.Conn
		if conn, err = pgx.Connect(ctx, s.URL(database)); err == nil {
			defer conn.Close(ctx)
			err = all(conn)
		}
	}
	if err != nil {
		t.Fatalf("in %s of PostgreSQL: %v", database, err)
	}
}

// Ask reads one row as the superuser, in the session of [Server.Exec]: who asks again
// and again until something is so is no burden to the server.
func (s *Server) Ask(t testing.TB, query string, arguments []any, into ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.within(ctx, func(conn *pgx.Conn) error { return conn.QueryRow(ctx, query, arguments...).Scan(into...) }); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// Stop shuts the server down and ends its sessions; connections are refused
// until [Server.Restart].
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.used = true
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
	s.used = true
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
