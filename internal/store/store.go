// Package store keeps the engine's state in SQLite (embedded) or PostgreSQL,
// behind one generated set of queries. It offers transactions and nothing else:
// what may be written together, and what it means, is the engine's.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/stint-dev/terraform-provider-stint/internal/store/sqlc"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Queries are the queries inside one transaction.
type Queries = sqlc.Queries

// Store is one database. It is safe for concurrent use.
type Store struct {
	reader, writer *sql.DB
	readOptions    *sql.TxOptions
	dialect        goose.Dialect
	// statements are those of reader and writer; none on PostgreSQL, whose driver
	// keeps them itself.
	statements map[*sql.DB]*statements
	around     Around
	// newest is the schema version that this program knows.
	newest int64
	// lock keeps other processes off a SQLite file; nil on PostgreSQL.
	lock *flock.Flock
}

// Around stands between a store and its database: it is called when a
// transaction has begun, and answers what its queries go through and how it is
// committed.
type Around func(tx sqlc.DBTX, commit func() error) (sqlc.DBTX, func() error)

// IsPostgres reports whether a database location names a PostgreSQL.
func IsPostgres(location string) bool {
	return strings.HasPrefix(location, "postgres://") || strings.HasPrefix(location, "postgresql://")
}

// Open opens the database at location, a postgres:// URL or the path of a
// SQLite file that is created when absent, and brings its schema up to date. A URL
// may say pool_max_conns, how many connections are opened at most; 16 where it does not.
// Several processes may do so at once on PostgreSQL; a SQLite file that is open
// already is refused with [ErrInUse]. A schema that is newer than this program
// is refused. around is nil where nothing stands in between.
func Open(ctx context.Context, location string, around Around) (*Store, error) {
	s, err := connect(location)
	if err != nil {
		return nil, err
	}
	s.around = around
	for _, step := range []func(context.Context) error{s.checkDurable, s.refuseBackup, s.migrate} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

func connect(location string) (*Store, error) {
	if IsPostgres(location) {
		config, err := pgx.ParseConfig(location)
		if err != nil {
			return nil, fmt.Errorf("database URL: %w", err)
		}
		if config.ConnectTimeout == 0 {
			config.ConnectTimeout = connectTimeout
		}
		if config.RuntimeParams[idleInTransaction] == "" {
			config.RuntimeParams[idleInTransaction] = strconv.FormatInt(frozenAfter.Milliseconds(), 10)
		}
		connections, err := takeMaxConnections(config)
		if err != nil {
			return nil, fmt.Errorf("database URL: %w", err)
		}
		db := stdlib.OpenDB(*config)
		db.SetMaxOpenConns(connections)
		db.SetMaxIdleConns(connections)
		return &Store{
			reader: db, writer: db, dialect: goose.DialectPostgres,
			readOptions: &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead},
		}, nil
	}
	return connectFile(location)
}

// connectTimeout bounds a connection attempt where the URL does not
// (connect_timeout).
const connectTimeout = 5 * time.Second

const (
	idleInTransaction = "idle_in_transaction_session_timeout"
	// frozenAfter is when the database ends a transaction in which nothing happens,
	// where the URL does not say (idle_in_transaction_session_timeout): what a
	// process that is frozen or cut off holds would hold all the others up.
	frozenAfter = 10 * time.Second
)

// takeMaxConnections takes out of the parameters of a URL how many connections a store
// has at most, by the name that pgxpool has for it. The database knows nothing of it.
func takeMaxConnections(config *pgx.ConnConfig) (int, error) {
	const parameter, usual = "pool_max_conns", 16
	text, given := config.RuntimeParams[parameter]
	if !given {
		return usual, nil
	}
	delete(config.RuntimeParams, parameter)
	connections, err := strconv.Atoi(text)
	if err != nil || connections < 1 {
		return 0, fmt.Errorf("%s is how many connections a server has at most, 1 or more, not %q", parameter, text)
	}
	return connections, nil
}

func connectFile(location string) (_ *Store, err error) {
	path, err := resolve(location)
	if err != nil {
		return nil, fmt.Errorf("database path %s: %w", location, err)
	}
	if err := turnsOfSQLite(); err != nil {
		return nil, err
	}
	s := &Store{dialect: goose.DialectSQLite3, readOptions: &sql.TxOptions{ReadOnly: true}}
	if s.lock, err = lockFile(path); err != nil {
		return nil, err
	}
	if err := makePrivate(path); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	open := func(extra url.Values, connections int) (*sql.DB, error) {
		extra["_pragma"] = append(extra["_pragma"], "busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)")
		db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: extra.Encode()}).String())
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		db.SetMaxOpenConns(connections)
		db.SetMaxIdleConns(connections)
		return db, nil
	}
	if s.writer, err = open(url.Values{"_txlock": {"immediate"}}, 1); err == nil {
		s.reader, err = open(url.Values{}, 4)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.statements = map[*sql.DB]*statements{s.writer: newStatements(s.writer), s.reader: newStatements(s.reader)}
	return s, nil
}

// checkDurable makes sure that SQLite does as it was told: what was answered
// outlasts a loss of power, and readers do not wait for the writer. A file
// system that cannot keep a write-ahead log is not told as an error.
func (s *Store) checkDurable(ctx context.Context) error {
	if s.dialect != goose.DialectSQLite3 {
		return nil
	}
	const full = 2
	var mode string
	var synchronous int
	err := errors.Join(s.writer.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&mode), s.writer.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&synchronous))
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if mode != "wal" || synchronous != full {
		return fmt.Errorf("SQLite keeps its journal as %q and synchronous = %d here, instead of \"wal\" and %d; put the database on a local disk", mode, synchronous, full)
	}
	return nil
}

// migrate brings the schema up to date. On PostgreSQL one process at a time
// does, under a lock of the database; the others find it done.
func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	var options []goose.ProviderOption
	if s.dialect == goose.DialectPostgres {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(s.dialect, s.writer, files, options...)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	current, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	sources := provider.ListSources()
	s.newest = sources[len(sources)-1].Version
	if current > s.newest {
		return fmt.Errorf("the database has schema version %d and this program knows up to %d; use a newer stint", current, s.newest)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	return nil
}

// Close closes the database.
func (s *Store) Close() error {
	var errs []error
	if s.reader != nil && s.reader != s.writer {
		errs = append(errs, s.reader.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Unlock())
	}
	return errors.Join(errs...)
}

// SchemaVersions are that of the database, which another program may have
// brought further meanwhile, and the newest that this program knows.
func (s *Store) SchemaVersions(ctx context.Context) (database, known int64, err error) {
	row := s.reader.QueryRowContext(ctx, `SELECT MAX(version_id) FROM goose_db_version WHERE is_applied`)
	if err := row.Scan(&database); err != nil {
		return 0, 0, unavailable(ctx, fmt.Errorf("read schema version: %w", err), false)
	}
	return database, s.newest, nil
}

// Server is a PostgreSQL server as it answers for itself.
type Server struct {
	// Now is the time by its own clock.
	Now time.Time
	// StartedAt tells one server from another one in its place.
	StartedAt time.Time
}

// Server asks the database's server; has is false where there is none. It is the one
// place where the database is asked for the time.
func (s *Store) Server(ctx context.Context) (server Server, has bool, err error) {
	if s.dialect != goose.DialectPostgres {
		return Server{}, false, nil
	}
	var now, started int64
	row := s.reader.QueryRowContext(ctx, `SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT, (EXTRACT(EPOCH FROM pg_postmaster_start_time()) * 1000000)::BIGINT`)
	if err := row.Scan(&now, &started); err != nil {
		return Server{}, false, unavailable(ctx, fmt.Errorf("ask the database for the time: %w", err), false)
	}
	return Server{Now: Time(now), StartedAt: Time(started)}, true, nil
}

// Read runs f on one consistent state of the database.
func (s *Store) Read(ctx context.Context, f func(q *Queries) error) error {
	return s.transact(ctx, s.reader, s.readOptions, oneByOne, f)
}

// Glance runs f, which asks one query and no more. On PostgreSQL there is no
// transaction around it, to begin and to commit which that would have to be asked too.
func (s *Store) Glance(ctx context.Context, f func(ctx context.Context, q *Queries) error) error {
	if s.dialect != goose.DialectPostgres {
		return s.Read(ctx, func(q *Queries) error { return f(ctx, q) })
	}
	within, end := context.WithTimeout(ctx, beginTimeout)
	defer end()
	return unavailable(ctx, f(within, sqlc.New(s.reader)), false)
}

// Write runs f in a transaction and commits when it returns nil. f may run
// several times and must have no effect but through q. On PostgreSQL, a statement
// that only changes rows is sent with the next one that reads, or when somebody asks
// how many rows it has changed, or before the commit; what is wrong with it is an
// error of that.
func (s *Store) Write(ctx context.Context, f func(q *Queries) error) error {
	return again(ctx, func() error { return s.transact(ctx, s.writer, nil, whenAsked, f) })
}

// maxTries bounds how often a transaction that lost against another one is run
// again.
const maxTries = 20

func again(ctx context.Context, transact func() error) error {
	for try := 1; ; try++ {
		err := transact()
		if err == nil || try == maxTries || !lostRace(err) || ctx.Err() != nil {
			return err
		}
	}
}

func (s *Store) transact(ctx context.Context, db *sql.DB, options *sql.TxOptions, send sending, f func(q *Queries) error) error {
	within, end := context.WithCancelCause(ctx)
	defer end(nil)
	statements := s.statements[db]
	if statements != nil {
		statements.prepare(ctx)
	}
	tx, conn, err := s.begin(within, end, db, options, send)
	if err != nil {
		return unavailable(ctx, fmt.Errorf("begin transaction: %w", err), false)
	}
	queries, commit, sent := sqlc.DBTX(tx), tx.Commit, func() error { return nil }
	if statements != nil {
		queries = prepared{Tx: tx, statements: statements}
	}
	if conn != nil {
		defer func() { _ = conn.Close() }() // it goes back to the pool
		t := &together{Tx: tx, ctx: within, conn: conn, assumes: send == manyAtOnce}
		queries, commit, sent = t, t.Commit, func() error { return t.err }
	}
	defer func() {
		conn.heed()
		_ = tx.Rollback() // no-op after a commit
	}()
	if s.around != nil {
		queries, commit = s.around(queries, commit)
	}
	if err := f(sqlc.New(queries)); err != nil {
		// What came after a statement that failed says less than that one.
		return unavailable(ctx, cmp.Or(sent(), err), false)
	}
	if within.Err() != nil {
		return unavailable(ctx, fmt.Errorf("commit: %w", cmp.Or(ctx.Err(), context.Cause(within))), false)
	}
	if err := commit(); err != nil {
		return unavailable(ctx, fmt.Errorf("commit: %w", err), sent() == nil)
	}
	return nil
}

// beginTimeout bounds how long a PostgreSQL may take to begin a transaction,
// with the wait for a connection.
const beginTimeout = 10 * time.Second

var errBeginTimeout = fmt.Errorf("it did not begin a transaction within %s", beginTimeout)

// begin gives up on a database that accepts connections and says nothing, as
// one does that is frozen. SQLite's writers wait for one another instead.
func (s *Store) begin(ctx context.Context, end context.CancelCauseFunc, db *sql.DB, options *sql.TxOptions, send sending) (*sql.Tx, *connection, error) {
	if s.dialect != goose.DialectPostgres {
		tx, err := db.BeginTx(ctx, options)
		return tx, nil, err
	}
	timer := time.AfterFunc(beginTimeout, func() { end(errBeginTimeout) })
	tx, conn, err := beginOn(ctx, db, options, send)
	timer.Stop()
	if cause := context.Cause(ctx); errors.Is(cause, errBeginTimeout) {
		if err == nil {
			conn.heed()
			_ = tx.Rollback() // it is cancelled already
			if conn != nil {
				_ = conn.Close()
			}
		}
		return nil, nil, cause
	}
	return tx, conn, err
}

// lostRace reports whether the database gave up on a transaction in favour of
// another, so that running it again may succeed.
func lostRace(err error) bool {
	if errors.Is(err, ErrLostRace) {
		return true
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_BUSY
}

// Micros is a time as the database keeps it.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Time is what Micros took.
func Time(us int64) time.Time { return time.UnixMicro(us).UTC() }

// NullMicros is an optional time as the database keeps it.
func NullMicros(t *time.Time) sql.NullInt64 {
	if t == nil {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: Micros(*t), Valid: true}
}

// NullTime is what NullMicros took.
func NullTime(us sql.NullInt64) *time.Time {
	if !us.Valid {
		return nil
	}
	t := Time(us.Int64)
	return &t
}

// NullInt is a number for a column that may be null.
func NullInt(n int64) sql.NullInt64 { return sql.NullInt64{Int64: n, Valid: true} }
