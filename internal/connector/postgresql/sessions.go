package postgresql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// pollInterval is how often the target is asked whether a session is gone.
const pollInterval = 5 * time.Millisecond

// querier is a connection or a transaction on it.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// session is one row of sessions.sql.
type session struct {
	PID     int32
	Client  string
	Program string
	Start   *time.Time // nil when the connector may not see it
}

// endSessions ends what the accounts that lost the entitlement still run, and
// returns once it is gone. holders are the roles that had it before.
//
// All of their sessions are ended, because PostgreSQL does not tell which role
// another session has taken by SET ROLE; save those that began after the
// revoke, which can no longer take it.
func (c *postgres) endSessions(ctx context.Context, conn *pgx.Conn, entitlement connector.Entitlement, before standing, holders []uint32) ([]connector.Session, error) {
	var revokedAt time.Time
	if err := conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&revokedAt); err != nil {
		return nil, sessionError(err)
	}
	losers, err := listLosers(ctx, conn, entitlement, before, holders)
	if err != nil || len(losers) == 0 {
		return nil, err
	}
	return c.endAll(ctx, conn, losers, revokedAt)
}

// endAll ends the sessions of roles that began until a time, and returns once they
// are gone.
func (c *postgres) endAll(ctx context.Context, conn *pgx.Conn, roles []uint32, until time.Time) ([]connector.Session, error) {
	var ended []connector.Session
	signalled := map[int32]bool{}
	deadline := time.Now().Add(c.config.statementTimeout())
	again := time.NewTicker(pollInterval)
	defer again.Stop()
	for {
		running, err := listSessions(ctx, conn, roles, until)
		if err != nil || len(running) == 0 {
			return ended, err
		}
		for _, s := range running {
			if signalled[s.PID] {
				continue
			}
			if err := c.terminate(ctx, conn, s); err != nil {
				return ended, err
			}
			signalled[s.PID] = true
			ended = append(ended, s.report())
		}
		if time.Now().After(deadline) {
			return ended, fmt.Errorf("%w: session %d still runs %s after it was told to end", connector.ErrIndeterminate, running[0].PID, c.config.statementTimeout())
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ended, sessionError(ctx.Err())
		}
	}
}

// listLosers returns the roles that had the entitlement, or would have it
// through the account, and have it no longer.
func listLosers(ctx context.Context, conn *pgx.Conn, entitlement connector.Entitlement, before standing, holders []uint32) ([]uint32, error) {
	if before.Account == 0 {
		dropped, err := listRoles(ctx, conn, droppedAccountsSQL)
		if err != nil {
			return nil, sessionError(err)
		}
		return dropped, nil
	}
	members, err := listRoles(ctx, conn, holdersSQL, before.Account, "")
	if err != nil {
		return nil, sessionError(err)
	}
	remaining, err := listHolders(ctx, conn, before.Role, entitlement)
	if err != nil {
		return nil, sessionError(err)
	}
	losers := slices.Concat(holders, members)
	return slices.DeleteFunc(losers, func(oid uint32) bool { return slices.Contains(remaining, oid) }), nil
}

// listHolders returns every role that has the entitlement by any path. For the
// admin option that is every member: the option is asked for at each use and
// leaves nothing running, unlike the membership that falls with it.
func listHolders(ctx context.Context, q querier, role uint32, entitlement connector.Entitlement) ([]uint32, error) {
	attribute := ""
	if entitlement.Kind == kindAttribute {
		attribute = entitlement.NativeID
	}
	return listRoles(ctx, q, holdersSQL, role, attribute)
}

func listRoles(ctx context.Context, q querier, query string, args ...any) ([]uint32, error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uint32])
}

func listSessions(ctx context.Context, conn *pgx.Conn, roles []uint32, revokedAt time.Time) ([]session, error) {
	rows, err := conn.Query(ctx, sessionsSQL, roles, revokedAt)
	if err != nil {
		return nil, sessionError(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[session])
	if err != nil {
		return nil, sessionError(err)
	}
	return found, nil
}

func (c *postgres) terminate(ctx context.Context, conn *pgx.Conn, s session) error {
	_, err := conn.Exec(ctx, "SELECT pg_terminate_backend($1)", s.PID)
	if err == nil {
		return nil
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == insufficientPrivilege {
		return fmt.Errorf("end session %d, which still runs on it: %w: %w; GRANT pg_signal_backend TO %s (for sessions of superusers stint itself must be one), or set terminate_sessions = false",
			s.PID, connector.ErrPermission, err, quoted(c.config.Username))
	}
	return sessionError(err)
}

func (s session) report() connector.Session {
	r := connector.Session{ID: strconv.Itoa(int(s.PID)), Client: s.Client, Program: s.Program}
	if s.Start != nil {
		r.StartedAt = s.Start.UTC()
	}
	return r
}

// sessionError: the right is revoked by now, but what still runs on it is open,
// so that the revoke must be tried again.
func sessionError(err error) error {
	return fmt.Errorf("%w: end sessions: %w", connector.ErrIndeterminate, err)
}
