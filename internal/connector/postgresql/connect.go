package postgresql

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// cancelPatience is how long a cancelled call waits for the target to confirm
// that it stopped, before the connection is given up.
const cancelPatience = 2 * time.Second

// poolConfig describes the connections. Nothing is taken from the engine's own
// PG* environment, service or password files: a configuration that leaves the
// password out must not send the engine's to a host of its author's choice.
func poolConfig(c config, secrets connector.Secrets) (*pgxpool.Config, error) {
	target := url.URL{
		Scheme: "postgres",
		User:   url.User(c.Username),
		Host:   net.JoinHostPort(c.Host, strconv.Itoa(c.Port)),
		Path:   "/" + c.Database,
		RawQuery: url.Values{
			"sslmode": {c.SSLMode}, "sslrootcert": {c.SSLRootCert},
			"passfile": {""},
			"sslcert":  {""}, "sslkey": {""}, "sslpassword": {""}, "sslsni": {"1"}, "sslnegotiation": {"postgres"},
			"target_session_attrs": {"any"}, "require_auth": {""}, "channel_binding": {"prefer"},
			"min_protocol_version": {"3.0"}, "max_protocol_version": {"3.0"},
		}.Encode(),
	}
	settings, err := pgxpool.ParseConfig(target.String())
	if err != nil {
		return nil, &connector.ConfigError{Field: "sslrootcert", Problem: err.Error()}
	}
	timeout := strconv.FormatInt(c.statementTimeout().Milliseconds(), 10)
	settings.ConnConfig.RuntimeParams = map[string]string{
		"application_name":  "stint",
		"statement_timeout": timeout,
		// Shorter, so that a lock is named as the cause.
		"lock_timeout":                        strconv.FormatInt(c.statementTimeout().Milliseconds()/2, 10),
		"idle_in_transaction_session_timeout": timeout,
		// Functions and operators that others made are never run by mistake.
		"search_path": "pg_catalog",
		"TimeZone":    "UTC",
		// The statements are the same for one change and for many, and take longer
		// to plan than to run.
		"plan_cache_mode": "force_generic_plan",
	}
	settings.ConnConfig.Password = ""
	settings.ConnConfig.ConnectTimeout = c.statementTimeout()
	settings.ConnConfig.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: cancelPatience}
	}
	settings.BeforeConnect = func(ctx context.Context, conn *pgx.ConnConfig) error {
		if c.PasswordRef == "" {
			return nil
		}
		password, err := secrets(ctx, c.PasswordRef)
		if err != nil {
			return fmt.Errorf("resolve password_ref: %w", err)
		}
		conn.Password = password
		return nil
	}
	settings.MaxConns = int32(c.MaxConnections)
	settings.MinConns, settings.MinIdleConns = 0, 0
	settings.MaxConnIdleTime = time.Minute
	settings.MaxConnLifetime = 5 * time.Minute
	// Whether an idle connection has died shows at its first use: see acquire.
	settings.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
	return settings, nil
}

// acquire waits for a connection and makes its first use, which changes nothing in
// the target. A connection that died while it was idle shows then, and another takes
// its place: otherwise the first call after a restart of the target would fail. The
// errors wrap a sentinel.
func (c *postgres) acquire(ctx context.Context, first func(ctx context.Context, conn *pgx.Conn) error) (*pgxpool.Conn, error) {
	for spare := c.config.MaxConnections; ; spare-- {
		conn, err := c.pool.Acquire(ctx)
		if err != nil {
			return nil, c.connectError(err)
		}
		// The target ends it earlier, if it lives.
		within, cancel := context.WithTimeout(ctx, c.config.statementTimeout()+cancelPatience)
		err = first(within, conn.Conn())
		cancel()
		if err == nil {
			return conn, nil
		}
		died := conn.Conn().IsClosed()
		conn.Release()
		if !died || spare == 0 || ctx.Err() != nil {
			return nil, err
		}
	}
}
