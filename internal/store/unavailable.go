package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors that a caller decides on.
var (
	// ErrUnavailable: the database cannot be reached, does not answer, or has no
	// room; the transaction has not happened. Later it may.
	ErrUnavailable = errors.New("the database does not answer")
	// ErrInDoubt comes with an ErrUnavailable where the answer to a commit was
	// lost: the transaction may have happened.
	ErrInDoubt = errors.New("whether the change was made is not known")
)

// unavailable marks an error of a transaction that is the database's state and
// nothing that the transaction did. committing: the commit may have been sent.
func unavailable(ctx context.Context, err error, committing bool) error {
	if err == nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	// Whoever stops waiting for the answer to a commit does not know it either.
	if committing && !refused(err) && (ctx.Err() != nil || away(err)) {
		return fmt.Errorf("%w; %w: %w", ErrUnavailable, ErrInDoubt, err)
	}
	if !away(err) {
		return err
	}
	if gone := ctx.Err(); gone != nil {
		// The connection of a transaction that nobody waits for is closed under it.
		return fmt.Errorf("%w: %w", gone, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// refused reports whether it is certain that a commit was not done: the database
// says so, or the transaction was rolled back before.
func refused(err error) bool {
	var pg *pgconn.PgError
	var lite *sqlite.Error
	return errors.As(err, &pg) || errors.As(err, &lite) || errors.Is(err, sql.ErrTxDone) || errors.Is(err, pgx.ErrTxCommitRollback)
}

// away reports whether the database is gone, going, or full.
func away(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		// Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html:
		// connection, resources, operator intervention (but not a statement that
		// was cancelled), a server that was made a standby, and a transaction in
		// which nothing happened for too long.
		return slices.Contains([]string{"08", "53", "58"}, pg.Code[:min(2, len(pg.Code))]) ||
			strings.HasPrefix(pg.Code, "57P") || pg.Code == "25006" || pg.Code == "25P03"
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY:
			return true
		}
		return false
	}
	var network net.Error
	return errors.As(err, &network) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		slices.ContainsFunc([]error{driver.ErrBadConn, sql.ErrConnDone, net.ErrClosed, io.EOF, io.ErrUnexpectedEOF, errBeginTimeout}, func(known error) bool { return errors.Is(err, known) })
}
