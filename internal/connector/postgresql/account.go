package postgresql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// longestName is the number of bytes that PostgreSQL keeps of a name.
const longestName = 63

// reservedNames cannot be the name of a role, or would be taken for something else
// wherever somebody forgets to quote it.
var reservedNames = []string{"current_role", "current_user", "none", "public", "session_user", "user"}

// markPrefix stands before the mark in the comment on a role.
const markPrefix = "Made by Stint for a grant that ends; do not change this comment. Mark: "

// markOf is the mark in a comment; empty when there is none.
func markOf(comment string) string {
	mark, ok := strings.CutPrefix(comment, markPrefix)
	if !ok {
		return ""
	}
	return mark
}

// CheckAccountName says what PostgreSQL has against a role of the name.
func (c *postgres) CheckAccountName(name string) error {
	switch {
	case name == "":
		return errors.New("a role of PostgreSQL needs a name, and this one is empty")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("%q holds characters that cannot be shown", name)
	case len(name) > longestName:
		return fmt.Errorf("%q has %d bytes; a role of PostgreSQL has at most %d", name, len(name), longestName)
	case strings.HasPrefix(name, "pg_"):
		return fmt.Errorf("%q begins with pg_, which PostgreSQL keeps for itself", name)
	case slices.Contains(reservedNames, strings.ToLower(name)):
		return fmt.Errorf("%q is a reserved word of PostgreSQL", name)
	}
	return nil
}

// MakeAccount creates a role that may log in and has no password, so that only
// what pg_hba.conf lets in by other means gets in, together with the comment that
// marks it, in one transaction.
func (c *postgres) MakeAccount(ctx context.Context, account connector.MadeAccount) (connector.MadeResult, error) {
	fail := func(err error) (connector.MadeResult, error) {
		return connector.MadeResult{}, fmt.Errorf("make account %q: %w", account.Name, err)
	}
	if err := c.CheckAccountName(account.Name); err != nil {
		return fail(fmt.Errorf("%w: %w", connector.ErrUnsupported, err))
	}
	conn, done, err := c.attend(ctx, account)
	if err != nil {
		return fail(err)
	}
	defer done()
	ctx, cancel := c.limited(ctx)
	defer cancel()
	var result connector.MadeResult
	err = untilAlone(ctx, conn, func(tx pgx.Tx) error {
		result = connector.MadeResult{}
		was, err := findMade(ctx, tx, account)
		if err != nil {
			return err
		}
		if was == nil {
			result.Changed = true
			if was, err = c.createRole(ctx, tx, account); err != nil {
				return err
			}
		} else if !was.Login {
			result.Changed = true
			if err := c.administer(ctx, tx, was.Name, "ALTER ROLE "+quoted(was.Name)+" LOGIN"); err != nil {
				return err
			}
		}
		result.UID = formatOID(was.OID)
		return nil
	})
	if err != nil {
		return fail(err)
	}
	return result, nil
}

func (c *postgres) createRole(ctx context.Context, tx pgx.Tx, account connector.MadeAccount) (*madeRole, error) {
	var taken bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1::text)", account.Name).Scan(&taken); err != nil {
		return nil, uncommitted(err)
	}
	if taken {
		return nil, fmt.Errorf("%w: there is a role %q already, which Stint has not made for this", connector.ErrAccountTaken, account.Name)
	}
	// Whoever creates a role may become a member of it by the settings of the target;
	// what Stint makes is nobody's.
	if _, err := tx.Exec(ctx, "SELECT set_config('createrole_self_grant', '', true) WHERE current_setting('server_version_num')::int >= $1", grantorsMatter); err != nil {
		return nil, uncommitted(err)
	}
	for _, statement := range []string{
		"CREATE ROLE " + quoted(account.Name) + " LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS",
		"COMMENT ON ROLE " + quoted(account.Name) + " IS " + literal(markPrefix+account.Mark),
	} {
		if err := c.administer(ctx, tx, account.Name, statement); err != nil {
			return nil, err
		}
	}
	made, err := findMade(ctx, tx, account)
	if err == nil && made == nil {
		err = fmt.Errorf("%w: the role is not there right after it was created", connector.ErrUnavailable)
	}
	return made, err
}

// RemoveAccount takes the login away, so that nobody comes in any more, ends the
// sessions there are, and drops the role in a transaction of its own if it owns
// nothing and holds nothing. PostgreSQL itself would drop memberships with it and
// never say so.
func (c *postgres) RemoveAccount(ctx context.Context, account connector.MadeAccount) (connector.RemovedResult, error) {
	fail := func(result connector.RemovedResult, err error) (connector.RemovedResult, error) {
		return result, fmt.Errorf("remove account %q: %w", account.Name, err)
	}
	conn, done, err := c.attend(ctx, account)
	if err != nil {
		return fail(connector.RemovedResult{}, err)
	}
	defer done()
	ctx, cancel := c.limited(ctx)
	defer cancel()
	var result connector.RemovedResult
	var was *madeRole
	err = untilAlone(ctx, conn, func(tx pgx.Tx) error {
		result.Changed = false
		if was, err = findMade(ctx, tx, account); err != nil || was == nil || !was.Login {
			return err
		}
		result.Changed = true
		return c.administer(ctx, tx, was.Name, "ALTER ROLE "+quoted(was.Name)+" NOLOGIN")
	})
	if err != nil || was == nil {
		if err != nil {
			return fail(result, err)
		}
		return result, nil
	}
	if c.config.TerminateSessions {
		if result.Ended, err = c.endSessionsOf(ctx, conn.Conn(), was.OID); err != nil {
			return fail(result, err)
		}
	}
	locked := result
	err = untilAlone(ctx, conn, func(tx pgx.Tx) error {
		result = locked
		still, err := findMade(ctx, tx, account)
		if err != nil || still == nil {
			return err
		}
		if result.Kept, err = keeps(ctx, tx, still.OID); err != nil || len(result.Kept) > 0 {
			return err
		}
		result.Changed = true
		return c.administer(ctx, tx, still.Name, "DROP ROLE "+quoted(still.Name))
	})
	if isDependent(err) {
		// Somebody gave it something between the look and the drop.
		result.Kept, err = []string{"something in the target came to depend on it"}, nil
	}
	if err != nil {
		return fail(locked, err)
	}
	return result, nil
}

func (c *postgres) endSessionsOf(ctx context.Context, conn *pgx.Conn, role uint32) ([]connector.Session, error) {
	var lockedAt time.Time
	if err := conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&lockedAt); err != nil {
		return nil, sessionError(err)
	}
	return c.endAll(ctx, conn, []uint32{role}, lockedAt)
}

// ReadAccount looks for the role by its mark or its oid.
func (c *postgres) ReadAccount(ctx context.Context, account connector.MadeAccount) (connector.MadeReading, error) {
	fail := func(err error) (connector.MadeReading, error) {
		return connector.MadeReading{}, fmt.Errorf("read account %q: %w", account.Name, err)
	}
	ctx, cancel := c.limited(ctx)
	defer cancel()
	var found *madeRole
	conn, err := c.acquire(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
		found, err = findMade(ctx, conn, account)
		return err
	})
	if err != nil {
		return fail(err)
	}
	conn.Release()
	if found == nil {
		return connector.MadeReading{}, nil
	}
	return connector.MadeReading{Exists: true, Usable: found.Login, Name: found.Name, UID: formatOID(found.OID)}, nil
}

// attend waits for the turn of an account and for a connection. Its errors wrap a
// sentinel.
func (c *postgres) attend(ctx context.Context, account connector.MadeAccount) (conn *pgxpool.Conn, done func(), err error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	release, err := c.locks.acquire(ctx, lockKey{account: account.Name})
	if err != nil {
		return nil, nil, fmt.Errorf("%w: wait for an equal change: %w", connector.ErrUnavailable, err)
	}
	if conn, err = c.acquire(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := findMade(ctx, conn, account)
		return err
	}); err != nil {
		release()
		return nil, nil, err
	}
	return conn, func() { conn.Release(); release() }, nil
}

// untilAlone runs work in a transaction, again if it was overtaken.
func untilAlone(ctx context.Context, conn *pgxpool.Conn, work func(pgx.Tx) error) error {
	var err error
	for range attempts {
		err = inTransaction(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadWrite}, work)
		if err == nil || !overtaken(err) {
			return err
		}
	}
	return err
}

// madeRole is the row of made_account.sql.
type madeRole struct {
	OID   uint32
	Name  string
	Login bool
}

// findMade is the role that a made account is; nil when it is not there. Its errors
// wrap a sentinel.
func findMade(ctx context.Context, q querier, account connector.MadeAccount) (*madeRole, error) {
	oid, err := parseOID(account.UID)
	if err != nil {
		return nil, err
	}
	rows, err := q.Query(ctx, madeAccountSQL, markPrefix+account.Mark, oid)
	if err != nil {
		return nil, uncommitted(err)
	}
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[madeRole])
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, uncommitted(err)
	}
	return &found, nil
}

// keeps says what a role still has.
func keeps(ctx context.Context, tx pgx.Tx, role uint32) ([]string, error) {
	rows, err := tx.Query(ctx, keptAccountSQL, role)
	if err != nil {
		return nil, uncommitted(err)
	}
	kept, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, uncommitted(err)
	}
	return kept, nil
}

// administer runs one statement about the role of a name itself and says what mends a refusal.
func (c *postgres) administer(ctx context.Context, tx pgx.Tx, name, statement string) error {
	_, err := tx.Exec(ctx, statement)
	if err == nil {
		return nil
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == insufficientPrivilege {
		own := quoted(c.config.Username)
		return fmt.Errorf("%w: %w; to make and remove accounts, role %q needs CREATEROLE: ALTER ROLE %s CREATEROLE; "+
			"and from PostgreSQL 16 on, where another role made the account, GRANT %s TO %s WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
			connector.ErrPermission, err, c.config.Username, own, quoted(name), own)
	}
	return uncommitted(err)
}

func isDependent(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pgErr.Code == dependentObjects
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
