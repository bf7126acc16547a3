package postgresql

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// attempts is how often a change starts over when somebody else changed the
// same rows in between.
const attempts = 5

// Grant makes a role a member, or sets its option or attribute. Membership is
// granted with the target's default options.
func (c *postgres) Grant(ctx context.Context, change connector.Change) (connector.Result, error) {
	fail := func(err error) (connector.Result, error) {
		return connector.Result{}, fmt.Errorf("grant %s %q to %q: %w", change.Entitlement.Kind, change.Entitlement.NativeID, change.Account, err)
	}
	if !wellFormed(change.Account) {
		return fail(connector.ErrAccountNotFound)
	}
	if !wellFormed(change.Entitlement.NativeID) {
		return fail(connector.ErrEntitlementNotFound)
	}
	conn, done, err := c.begin(ctx, change)
	if err != nil {
		return fail(err)
	}
	defer done()
	ctx, cancel := c.limited(ctx)
	defer cancel()

	var result connector.Result
	err = startOver(ctx, conn, func(tx pgx.Tx) error {
		before, err := readStanding(ctx, tx, change)
		if err != nil {
			return err
		}
		if !before.Login {
			return fmt.Errorf("%w: there is no role of this name that may log in", connector.ErrAccountNotFound)
		}
		if !before.knows(change.Entitlement) {
			return connector.ErrEntitlementNotFound
		}
		result.Changed = !before.holds(change.Entitlement)
		if !result.Changed {
			return nil
		}
		return c.execute(ctx, tx, grantStatement(change))
	})
	if err != nil {
		return fail(err)
	}
	return result, nil
}

func grantStatement(change connector.Change) string {
	switch change.Entitlement.Kind {
	case kindAttribute:
		set, _, _ := attributeClauses(change.Entitlement.NativeID)
		return "ALTER ROLE " + quoted(change.Account) + " " + set
	case kindRoleAdmin:
		return "GRANT " + quoted(change.Entitlement.NativeID) + " TO " + quoted(change.Account) + " WITH ADMIN OPTION"
	default:
		return "GRANT " + quoted(change.Entitlement.NativeID) + " TO " + quoted(change.Account)
	}
}

// begin waits for the turn of this change and for a connection. Its errors wrap
// a sentinel.
func (c *postgres) begin(ctx context.Context, change connector.Change) (conn *pgxpool.Conn, done func(), err error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	release, err := c.locks.acquire(ctx, lockKey{change.Account, change.Entitlement})
	if err != nil {
		return nil, nil, fmt.Errorf("%w: wait for an equal change: %w", connector.ErrUnavailable, err)
	}
	conn, err = c.pool.Acquire(ctx)
	if err != nil {
		release()
		return nil, nil, c.connectError(err)
	}
	return conn, func() { conn.Release(); release() }, nil
}

// startOver runs work in a transaction, again if it was overtaken.
func startOver(ctx context.Context, conn *pgxpool.Conn, work func(pgx.Tx) error) error {
	var err error
	for range attempts {
		err = inTransaction(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadWrite}, work)
		if err == nil || !overtaken(err) {
			return err
		}
	}
	return err
}

// execute runs one statement of a change and says what mends a refusal.
func (c *postgres) execute(ctx context.Context, tx pgx.Tx, statement string) error {
	_, err := tx.Exec(ctx, statement)
	if err == nil {
		return nil
	}
	err = uncommitted(err)
	if errors.Is(err, connector.ErrPermission) {
		return fmt.Errorf("%w; role %q needs the admin option on the role, CREATEROLE, or for an attribute the right to set it", err, c.config.Username)
	}
	return err
}
