package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// BackupNote is what a backup says of itself.
type BackupNote struct {
	TakenAt time.Time
	// Checkpoint is a signed one of the evidence that the backup holds at least.
	Checkpoint  []byte
	VerifierKey string
}

// backupTable makes a file a backup: with it, no server runs on it.
const backupTable = "stint_backup"

// ErrNoFile refuses to back up, or restore, a PostgreSQL.
var ErrNoFile = errors.New("PostgreSQL has backups of its own (pg_dump, pg_basebackup, archived WAL); this is for SQLite")

// Backup writes a consistent copy of a SQLite database, which may be in use, into
// a new file that its owner alone can read. It is there whole or not at all.
func Backup(ctx context.Context, location, to string, note BackupNote) (err error) {
	if IsPostgres(location) {
		return ErrNoFile
	}
	path, err := resolve(location)
	if err != nil {
		return fmt.Errorf("database path %s: %w", location, err)
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no database to back up: %w", err)
	}
	if err := absent(to); err != nil {
		return err
	}
	partial := to + ".partial"
	file, err := os.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // the person names the file
	if err != nil {
		return fmt.Errorf("make the backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(partial))
		}
	}()
	if err := file.Close(); err != nil {
		return fmt.Errorf("make the backup: %w", err)
	}
	if err := onFile(path, "ro", func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, `VACUUM INTO $1`, partial)
		return err
	}); err != nil {
		return fmt.Errorf("copy %s: %w", path, err)
	}
	if err := onFile(partial, "rw", func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, `CREATE TABLE `+backupTable+` (taken_at BIGINT NOT NULL, checkpoint TEXT NOT NULL, verifier_key TEXT NOT NULL)`)
		if err == nil {
			_, err = db.ExecContext(ctx, `INSERT INTO `+backupTable+` (taken_at, checkpoint, verifier_key) VALUES ($1, $2, $3)`, Micros(note.TakenAt), string(note.Checkpoint), note.VerifierKey)
		}
		return errors.Join(err, sound(ctx, db))
	}); err != nil {
		return fmt.Errorf("complete the backup: %w", err)
	}
	if err := persist(partial); err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	return os.Rename(partial, to)
}

// TakeBackup copies a backup to a new file, as a database that can be opened, and
// is what the backup says of itself.
func TakeBackup(ctx context.Context, backup, to string) (note BackupNote, err error) {
	if err := onFile(backup, "ro", func(db *sql.DB) error {
		var taken int64
		var checkpoint string
		if err := db.QueryRowContext(ctx, `SELECT taken_at, checkpoint, verifier_key FROM `+backupTable).Scan(&taken, &checkpoint, &note.VerifierKey); err != nil {
			return fmt.Errorf("it is not a backup that `stint backup` has made: %w", err)
		}
		note.TakenAt, note.Checkpoint = Time(taken), []byte(checkpoint)
		return sound(ctx, db)
	}); err != nil {
		return note, fmt.Errorf("read the backup %s: %w", backup, err)
	}
	if err := copyFile(backup, to); err != nil {
		return note, fmt.Errorf("copy the backup: %w", err)
	}
	if err := onFile(to, "rw", func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, `DROP TABLE `+backupTable)
		return err
	}); err != nil {
		return note, errors.Join(fmt.Errorf("open the copy of the backup: %w", err), os.Remove(to))
	}
	return note, nil
}

// Hold keeps every process off a SQLite file until release is called.
func Hold(location string) (path string, release func() error, err error) {
	if IsPostgres(location) {
		return "", nil, ErrNoFile
	}
	if path, err = resolve(location); err != nil {
		return "", nil, fmt.Errorf("database path %s: %w", location, err)
	}
	lock, err := lockFile(path)
	if err != nil {
		return "", nil, err
	}
	return path, lock.Unlock, nil
}

// refuseBackup keeps a server from running on a backup, which would then be none.
func (s *Store) refuseBackup(ctx context.Context) error {
	if s.lock == nil {
		return nil
	}
	var n int
	if err := s.writer.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE name = $1`, backupTable).Scan(&n); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if n > 0 {
		return errors.New("the database is a backup; put it in its place with `stint restore`")
	}
	return nil
}

func absent(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s is there already and is not overwritten", path), err)
	}
	return nil
}

func onFile(path, mode string, do func(*sql.DB) error) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	query := url.Values{"mode": {mode}, "_pragma": {"busy_timeout(10000)", "synchronous(FULL)"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: absolute, RawQuery: query.Encode()}).String())
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(do(db), db.Close())
}

// sound has SQLite look at every page of a file.
func sound(ctx context.Context, db *sql.DB) error {
	var said string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return fmt.Errorf("the file is damaged: %s", said)
	}
	return nil
}

func persist(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // just written
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

func copyFile(from, to string) (err error) {
	source, err := os.Open(from) //nolint:gosec // the person names the file
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()                                  // it was only read
	file, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // beside the database
	if err != nil {
		return err
	}
	_, err = io.Copy(file, source)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
