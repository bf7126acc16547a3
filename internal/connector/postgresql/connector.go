package postgresql

import (
	"context"
	"net"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// The entitlement kinds.
const (
	kindAttribute = "attribute"
	kindRole      = "role"
	kindRoleAdmin = "role_admin"
)

// attributes are the native ids of the kind attribute, sorted, with the SQL
// that sets and unsets each.
var attributes = []struct{ name, set, unset string }{
	{"bypassrls", "BYPASSRLS", "NOBYPASSRLS"},
	{"createdb", "CREATEDB", "NOCREATEDB"},
	{"createrole", "CREATEROLE", "NOCREATEROLE"},
	{"replication", "REPLICATION", "NOREPLICATION"},
	{"superuser", "SUPERUSER", "NOSUPERUSER"},
}

// databaseOwner is the role that nobody can be made a member of: it follows
// from owning the database. It is not an entitlement.
const databaseOwner = "pg_database_owner"

type postgres struct {
	config config
	pool   *pgxpool.Pool
	locks  keyedLocks
}

func (c *postgres) Capabilities() connector.Capabilities {
	return connector.Capabilities{
		ReadBack:      true,
		Together:      true,
		Bound:         c.bound(),
		Kinds:         []string{kindAttribute, kindRole, kindRoleAdmin},
		MakesAccounts: true,
	}
}

// bound: a COMMIT that was on its way when the call ended reaches a transaction
// that the target drops when it idles for one statement timeout, and then runs
// for at most another.
func (c *postgres) bound() time.Duration { return 2*c.config.statementTimeout() + time.Second }

func (c *postgres) Close() error {
	c.pool.Close()
	return nil
}

func (c *postgres) address() string {
	return net.JoinHostPort(c.config.Host, strconv.Itoa(c.config.Port))
}

// limited bounds a whole call on our side, for a target that accepts
// connections and then says nothing.
func (c *postgres) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 5*c.config.statementTimeout())
}

// inTransaction runs work in one transaction on conn and commits it. Its errors
// wrap a sentinel.
func inTransaction(ctx context.Context, conn *pgxpool.Conn, options pgx.TxOptions, work func(pgx.Tx) error) error {
	tx, err := conn.BeginTx(ctx, options)
	if err != nil {
		return uncommitted(err)
	}
	if err := work(tx); err != nil {
		// One that does not arrive closes the connection: the target then rolls
		// back by itself.
		_ = tx.Rollback(ctx)
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return atCommit(err)
	}
	return nil
}

// wellFormed is false for names that no role can have and that PostgreSQL would
// not even take as a parameter.
func wellFormed(name string) bool {
	return name != "" && utf8.ValidString(name) && !slices.Contains([]byte(name), 0)
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
