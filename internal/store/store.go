// Package store keeps the engine's state in SQLite (embedded) or PostgreSQL,
// behind one generated set of queries. It offers transactions and nothing else:
// what may be written together, and what it means, is the engine's.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
	"time"

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
	around         Around
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
// SQLite file that is created when absent, and brings its schema up to date.
// Several processes may do so at once on PostgreSQL. A schema that is newer
// than this program is refused. around is nil where nothing stands in between.
func Open(ctx context.Context, location string, around Around) (*Store, error) {
	s, err := connect(location)
	if err != nil {
		return nil, err
	}
	s.around = around
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func connect(location string) (*Store, error) {
	if IsPostgres(location) {
		config, err := pgx.ParseConfig(location)
		if err != nil {
			return nil, fmt.Errorf("database URL: %w", err)
		}
		db := stdlib.OpenDB(*config)
		db.SetMaxOpenConns(16)
		db.SetMaxIdleConns(16)
		return &Store{
			reader: db, writer: db, dialect: goose.DialectPostgres,
			readOptions: &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead},
		}, nil
	}
	path, err := filepath.Abs(location)
	if err != nil {
		return nil, fmt.Errorf("database path %s: %w", location, err)
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
	writer, err := open(url.Values{"_txlock": {"immediate"}}, 1)
	if err != nil {
		return nil, err
	}
	reader, err := open(url.Values{}, 4)
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	return &Store{reader: reader, writer: writer, dialect: goose.DialectSQLite3, readOptions: &sql.TxOptions{ReadOnly: true}}, nil
}

// migrate brings the schema up to date. On SQLite nothing keeps two processes
// from migrating at once: one of them fails, whole, and finds it done when it
// looks again.
func (s *Store) migrate(ctx context.Context) error {
	for try := 1; ; try++ {
		err := s.migrateOnce(ctx)
		if err == nil || s.dialect != goose.DialectSQLite3 || try == maxTries || errors.Is(err, errNewerSchema) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(migratePause):
		}
	}
}

// migratePause is about as long as all migrations take.
const migratePause = 50 * time.Millisecond

var errNewerSchema = errors.New("use a newer stint")

func (s *Store) migrateOnce(ctx context.Context) error {
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
	newest := sources[len(sources)-1].Version
	if current > newest {
		return fmt.Errorf("the database has schema version %d and this program knows up to %d; %w", current, newest, errNewerSchema)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	return nil
}

// Close closes the database.
func (s *Store) Close() error {
	if s.reader == s.writer {
		return s.writer.Close()
	}
	return errors.Join(s.reader.Close(), s.writer.Close())
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.writer.PingContext(ctx) }

// Read runs f on one consistent state of the database.
func (s *Store) Read(ctx context.Context, f func(q *Queries) error) error {
	return s.transact(ctx, s.reader, s.readOptions, f)
}

// maxTries bounds how often a transaction that lost against another one is run
// again.
const maxTries = 20

// Write runs f in a transaction and commits when it returns nil. f may run
// several times and must have no effect but through q.
func (s *Store) Write(ctx context.Context, f func(q *Queries) error) error {
	for try := 1; ; try++ {
		err := s.transact(ctx, s.writer, nil, f)
		if err == nil || try == maxTries || !lostRace(err) || ctx.Err() != nil {
			return err
		}
	}
}

func (s *Store) transact(ctx context.Context, db *sql.DB, options *sql.TxOptions, f func(q *Queries) error) error {
	tx, err := db.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // no-op after a commit
	queries, commit := sqlc.DBTX(tx), tx.Commit
	if s.around != nil {
		queries, commit = s.around(queries, commit)
	}
	if err := f(sqlc.New(queries)); err != nil {
		return err
	}
	if err := commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// lostRace reports whether the database gave up on a transaction in favour of
// another, so that running it again may succeed.
func lostRace(err error) bool {
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
