package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	host      = "127.0.0.1"
	superuser = "postgres"
	// patience is how long a server on a busy machine may take to start, stop
	// or answer before that counts as a failure.
	patience = time.Minute
)

// Server is one private PostgreSQL server. Its methods are not safe for
// concurrent use, except [Server.Exec] and those that only say where it is.
type Server struct {
	binaries string
	owner    owner
	folder   string
	port     *port
	password string
	settings map[string]string
	version  int
	process  *process // nil while stopped

	// kind is what it was started with, and asNew what it held then: empty where no
	// other test is to have it.
	kind, asNew string
	// used is set when a test has stopped or frozen it.
	used bool

	// session is the superuser's in the superuser's database; it may have ended.
	session struct {
		sync.Mutex
		*pgx.Conn
	}
}

// Option changes how a server is set up.
type Option func(map[string]string)

// Setting gives the server a parameter as in postgresql.conf.
func Setting(name, value string) Option {
	return func(settings map[string]string) { settings[name] = value }
}

// WithoutFsync trades durability, which no test of ours reads, for speed, and goes
// without the upkeep of tables that do not live long enough to need any.
func WithoutFsync() Option {
	return func(settings map[string]string) {
		settings["fsync"] = "off"
		settings["synchronous_commit"] = "off"
		settings["full_page_writes"] = "off"
		settings["autovacuum"] = "off"
	}
}

// AsInstalled gives the server the memory and the room for its log that it has when
// it is installed, which [Start] makes small: for what is measured on it.
func AsInstalled() Option {
	return func(settings map[string]string) {
		settings["shared_buffers"] = "128MB"
		settings["max_wal_size"] = "1GB"
	}
}

// Launch starts a server outside of a test; [Start] and [Shared] are for
// tests. The caller closes it; should this process die first, the server dies
// with it.
func Launch(options ...Option) (*Server, error) {
	s, err := prepare(rand.Text(), options...)
	if err != nil {
		return nil, err
	}
	if err := s.create(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// prepare makes room for a server.
func prepare(password string, options ...Option) (*Server, error) {
	binaries, err := findBinaries(debianFolders, os.Getenv("PATH"))
	if err != nil {
		return nil, err
	}
	runAs, err := unprivilegedOwner()
	if err != nil {
		return nil, err
	}
	reserved, err := reservePort()
	if err != nil {
		return nil, err
	}
	folder, err := runAs.newFolder()
	if err != nil {
		return nil, errors.Join(err, reserved.release())
	}
	s := &Server{binaries: binaries, owner: runAs, folder: folder, port: reserved, password: password, settings: map[string]string{
		"listen_addresses":        host,
		"port":                    strconv.Itoa(reserved.number),
		"unix_socket_directories": "",
		"max_connections":         "200",
		"shared_buffers":          "16MB",
		"password_encryption":     "scram-sha-256",
		"log_line_prefix":         "%m [%p] %u@%d %a ",
	}}
	for _, option := range options {
		option(s.settings)
	}
	return s, nil
}

// create makes the database cluster: the first one of a test binary with
// initdb, every other one as its copy.
func (s *Server) create() error {
	archive, err := s.first()
	if archive == nil || err != nil {
		return err
	}
	return s.unpack(archive)
}

// first makes the cluster where it is the first one, and else answers that one.
func (s *Server) first() (archive *os.File, err error) {
	pristine.Lock()
	defer pristine.Unlock()
	if pristine.archive != nil {
		s.password = pristine.password
		return pristine.archive, nil
	}
	if err := s.initdb(); err != nil {
		return nil, err
	}
	if archive, err = s.pack(); err == nil {
		pristine.archive, pristine.password = archive, s.password
	}
	return nil, err
}

// initdb makes a cluster whose collation is a linguistic one, as most real
// databases have, so that code which needs byte order must say so.
func (s *Server) initdb() error {
	major, err := majorVersion(s.binaries)
	if err != nil {
		return err
	}
	secret := filepath.Join(s.folder, "password")
	if err := os.WriteFile(secret, []byte(s.password+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the superuser's password: %w", err)
	}
	if err := s.owner.take(secret); err != nil {
		return err
	}
	args := []string{"--pgdata", s.data(), "--username", superuser, "--pwfile", secret,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync", "--no-locale", "--wal-segsize", "1"}
	if major >= 15 {
		args = append(args, "--locale-provider", "icu", "--icu-locale", "en-US")
	}
	initdb, err := spawn(s.owner, s.folder, s.log(), filepath.Join(s.binaries, "initdb"), args...)
	if err != nil {
		return err
	}
	<-initdb.exited
	if initdb.err != nil {
		return fmt.Errorf("initdb: %w\n%s", initdb.err, s.lastLog())
	}
	return os.Remove(secret)
}

// start runs the server on the existing cluster and returns once it answers.
func (s *Server) start() error {
	args := []string{"-D", s.data()}
	for name, value := range s.settings {
		args = append(args, "-c", name+"="+value)
	}
	started, err := spawn(s.owner, s.folder, s.log(), filepath.Join(s.binaries, "postgres"), args...)
	if err != nil {
		return err
	}
	s.process = started
	deadline := time.After(patience)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		err := errStarting
		if s.saysReady() {
			err = s.askVersion()
		}
		if err == nil {
			return nil
		}
		select {
		case <-started.exited:
			s.process = nil
			return fmt.Errorf("PostgreSQL ended while starting: %v\n%s", started.err, s.lastLog())
		case <-deadline:
			return fmt.Errorf("PostgreSQL did not answer within %s: %w\n%s", patience, err, s.lastLog())
		case <-again.C:
		}
	}
}

var errStarting = errors.New("it is still starting")

// saysReady looks at what the server writes down of itself. A connection that
// is refused costs it a process; one that it says it takes may be refused still,
// when a server that was killed has left its word behind.
func (s *Server) saysReady() bool {
	const statusLine = 7
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	lines := strings.Split(string(text), "\n")
	return err == nil && len(lines) > statusLine && slices.Contains([]string{"ready", "standby"}, strings.TrimSpace(lines[statusLine]))
}

func (s *Server) askVersion() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s.within(ctx, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&s.version)
	})
}

// within does something in the superuser's session, which knows nothing of what was
// done in it before. It is kept, because a new one costs the server a process.
func (s *Server) within(ctx context.Context, do func(conn *pgx.Conn) error) error {
	s.session.Lock()
	defer s.session.Unlock()
	if s.session.Conn != nil {
		if _, err := s.session.Exec(ctx, "DISCARD ALL"); err != nil {
			_ = s.session.Close(ctx) // the server may be gone
			s.session.Conn = nil
		}
	}
	if s.session.Conn == nil {
		config, err := pgx.ParseConfig(s.URL(superuser))
		if err != nil {
			return err
		}
		config.DefaultQueryExecMode = pgx.QueryExecModeExec // prepares nothing that it would have to forget
		if s.session.Conn, err = pgx.ConnectConfig(ctx, config); err != nil {
			s.session.Conn = nil
			return err
		}
	}
	return do(s.session.Conn)
}

// stop ends the server with sig and returns once it is gone.
func (s *Server) stop(sig syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	s.endSession()
	stopping := s.process
	err := errors.Join(stopping.signalAll(syscall.SIGCONT), stopping.signal(sig))
	select {
	case <-stopping.exited:
	case <-time.After(patience):
		err = errors.Join(err, fmt.Errorf("PostgreSQL did not stop within %s on %s, so it was killed", patience, sig), stopping.signal(syscall.SIGKILL))
		<-stopping.exited
	}
	s.process = nil
	return err
}

// endSession leaves the server to itself.
func (s *Server) endSession() {
	s.session.Lock()
	defer s.session.Unlock()
	if s.session.Conn == nil {
		return
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel() // it may be frozen, and says nothing to wait for
	_ = s.session.Close(ended)
	s.session.Conn = nil
}

// Close stops the server for good and removes its folder.
func (s *Server) Close() error {
	return errors.Join(s.stop(syscall.SIGQUIT), s.port.release(), os.RemoveAll(s.folder))
}

// URL is a connection string of the superuser for one database.
func (s *Server) URL(database string) string {
	return s.URLFor(database, superuser, s.password)
}

// URLFor is a connection string of any user for one database.
func (s *Server) URLFor(database, username, password string) string {
	target := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(username, password),
		Host:     net.JoinHostPort(host, strconv.Itoa(s.port.number)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return target.String()
}

// Host is the loopback address that the server listens on.
func (s *Server) Host() string { return host }

// Port is the TCP port; it stays the same over [Server.Stop] and [Server.Restart].
func (s *Server) Port() int { return s.port.number }

// Superuser is the name of the first role.
func (s *Server) Superuser() string { return superuser }

// Password is the superuser's; it is random.
func (s *Server) Password() string { return s.password }

// Version is server_version_num, for example 150013 for 15.13.
func (s *Server) Version() int { return s.version }

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

func (s *Server) log() string { return filepath.Join(s.folder, "log") }

// lastLog is the end of what initdb and the server said.
func (s *Server) lastLog() string {
	const most = 4096
	text, err := os.ReadFile(s.log())
	if err != nil {
		return fmt.Sprintf("(its log cannot be read: %v)", err)
	}
	return string(text[max(0, len(text)-most):])
}
