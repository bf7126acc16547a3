package postgresql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// attempts is how often a change starts over when somebody else changed the
// same rows in between.
const attempts = 5

// Grant makes a role a member, or sets its option or attribute. Membership is
// granted with the target's default options. One that stands and lets nobody in is
// no obstacle: the account is let in beside it.
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
	t, err := c.begin(ctx, "", change)
	if err != nil {
		return fail(err)
	}
	defer t.end()
	ctx, cancel := c.limited(ctx)
	defer cancel()

	var result connector.Result
	err = t.startOver(ctx, func(before standing) error {
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
		return c.execute(ctx, t.conn.Conn(), before.named(change), before, grantStatement(before.named(change), before))
	})
	if err != nil {
		return fail(err)
	}
	return result, nil
}

func grantStatement(change connector.Change, before standing) string {
	if change.Entitlement.Kind == kindAttribute {
		set, _, _ := attributeClauses(change.Entitlement.NativeID)
		return "ALTER ROLE " + quoted(change.Account) + " " + set
	}
	grant := "GRANT " + quoted(change.Entitlement.NativeID) + " TO " + quoted(change.Account)
	options, by := "", ""
	if change.Entitlement.Kind == kindRoleAdmin {
		options = "ADMIN TRUE"
		if before.Version < grantorsMatter {
			options = "ADMIN OPTION"
		}
	}
	if len(before.Grantors) > 0 && !before.member() {
		switch {
		case before.admin() && before.Superuser:
			// What a superuser grants is the first role's grant, and would turn the
			// admin option that may be of it into more. The account's own is apart.
			by = " GRANTED BY " + quoted(change.Account)
		default:
			options = strings.Trim(fmt.Sprintf("%s, INHERIT %t, SET TRUE", options, before.Inherits), ", ")
		}
	}
	if options != "" {
		options = " WITH " + options
	}
	return grant + options + by
}

// turn is the turn of some changes: nobody else here makes the same ones, and a
// transaction for them is open on a connection of their own.
type turn struct {
	changes []connector.Change
	conn    *pgxpool.Conn
	release func()
	// stood is what the transaction found, change by change.
	stood []standing
}

// begin waits for the turn of changes and for a connection, and begins their
// transaction there. A lock is waited for as long as patience is, where that is not
// empty. Its errors wrap a sentinel.
func (c *postgres) begin(ctx context.Context, patience string, changes ...connector.Change) (*turn, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	keys := make([]lockKey, len(changes))
	for i, change := range changes {
		keys[i] = lockKey{change.Account, change.Entitlement}
	}
	// In one order everywhere, so that two turns never wait for each other.
	slices.SortFunc(keys, lockKey.compare)
	t := &turn{changes: changes}
	var err error
	if t.release, err = c.locks.acquireAll(ctx, keys); err != nil {
		return nil, fmt.Errorf("%w: wait for an equal change: %w", connector.ErrUnavailable, err)
	}
	if t.conn, err = c.acquire(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
		t.stood, err = open(ctx, conn, changes, patience)
		return err
	}); err != nil {
		t.release()
		return nil, err
	}
	return t, nil
}

// end gives the connection back. One whose transaction is still open is closed, and
// the target rolls back by itself.
func (t *turn) end() {
	t.conn.Release()
	t.release()
}

func (t *turn) rollback(ctx context.Context) {
	_, _ = t.conn.Exec(ctx, "ROLLBACK") // one that does not arrive is made up for by end
}

// startOver does the work of one change in its transaction and commits, again if it
// was overtaken. Its errors wrap a sentinel.
func (t *turn) startOver(ctx context.Context, work func(before standing) error) error {
	for try := 1; ; try++ {
		err := work(t.stood[0])
		if err != nil {
			t.rollback(ctx)
		} else if _, err = t.conn.Exec(ctx, "COMMIT"); err != nil {
			err = atCommit(err)
		}
		if err == nil || !overtaken(err) || try == attempts {
			return err
		}
		if t.stood, err = open(ctx, t.conn.Conn(), t.changes, ""); err != nil {
			return err
		}
	}
}

// execute runs a statement of a change and says what mends a refusal.
func (c *postgres) execute(ctx context.Context, conn *pgx.Conn, change connector.Change, before standing, statement string) error {
	_, err := conn.Exec(ctx, statement)
	if err == nil {
		return nil
	}
	err = uncommitted(err)
	if errors.Is(err, connector.ErrPermission) {
		return fmt.Errorf("%w; %s", err, c.needs(change, before))
	}
	return err
}

// needs says what the connector's own role lacks for a change.
func (c *postgres) needs(change connector.Change, before standing) string {
	own, name := quoted(c.config.Username), change.Entitlement.NativeID
	since16 := before.Version >= grantorsMatter
	switch {
	case change.Entitlement.Kind != kindAttribute && since16:
		return fmt.Sprintf("role %s needs the admin option: GRANT %s TO %s WITH ADMIN TRUE, INHERIT FALSE, SET FALSE", own, quoted(name), own)
	case change.Entitlement.Kind != kindAttribute:
		return fmt.Sprintf("role %s needs the admin option: GRANT %s TO %s WITH ADMIN OPTION; or CREATEROLE", own, quoted(name), own)
	case name == "superuser":
		return fmt.Sprintf("only superusers make and unmake superusers: ALTER ROLE %s SUPERUSER, or let Stint not grant this", own)
	case since16:
		rights := []string{"CREATEROLE", strings.ToUpper(name)}
		return fmt.Sprintf("role %s needs %s and the admin option on the account: GRANT %s TO %s WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
			own, strings.Join(slices.Compact(rights), ", "), quoted(change.Account), own)
	case name == "createdb" || name == "createrole":
		return fmt.Sprintf("role %s needs CREATEROLE: ALTER ROLE %s CREATEROLE", own, own)
	}
	return fmt.Sprintf("before PostgreSQL 16 only superusers change %s: ALTER ROLE %s SUPERUSER, or let Stint not grant this", strings.ToUpper(name), own)
}
