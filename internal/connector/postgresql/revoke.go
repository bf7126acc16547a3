package postgresql

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// Revoke takes away the direct membership, option or attribute, whoever granted
// it, and then ends the sessions of every account that lost the right by it.
//
// An administrator of a role is a member of it. So role_admin falls with the
// membership, unless the role is in Keep: then only the option falls. And where
// role_admin is in Keep and stands, the role cannot be taken: nothing changes.
// From PostgreSQL 16 on, what the account itself granted to others by its
// admin option falls with it; older servers do not record that dependency.
//
// Sessions are ended also when nothing was changed, because an earlier attempt
// may have revoked and never have come to it; which sessions began after that
// cannot be known. An account that still has the right by another path keeps
// its sessions. The account need not be allowed to log in any more; one that
// was dropped cannot be found by name, so that the sessions of all dropped
// accounts are ended.
func (c *postgres) Revoke(ctx context.Context, change connector.Change) (connector.Result, error) {
	if !wellFormed(change.Account) || !wellFormed(change.Entitlement.NativeID) {
		return connector.Result{}, nil
	}
	conn, done, err := c.begin(ctx, change)
	if err != nil {
		return connector.Result{}, revokeError(change, err)
	}
	defer done()
	ctx, cancel := c.limited(ctx)
	defer cancel()

	var result connector.Result
	var before standing
	var holders []uint32
	err = startOver(ctx, conn, func(tx pgx.Tx) error {
		before, err = readStanding(ctx, tx, change)
		if err != nil {
			return err
		}
		result.Changed = before.holds(change.Entitlement) && !pinned(change, before)
		if !result.Changed {
			return nil
		}
		holders, err = listHolders(ctx, tx, before.Role, change.Entitlement)
		if err != nil {
			return uncommitted(err)
		}
		for _, statement := range revokeStatements(change, before) {
			if err := c.execute(ctx, tx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return connector.Result{}, revokeError(change, err)
	}
	if !c.config.TerminateSessions || !before.knows(change.Entitlement) {
		return result, nil
	}
	result.Ended, err = c.endSessions(ctx, conn.Conn(), change.Entitlement, before, holders)
	if err != nil {
		return result, revokeError(change, err)
	}
	return result, nil
}

func revokeError(change connector.Change, err error) error {
	return fmt.Errorf("revoke %s %q from %q: %w", change.Entitlement.Kind, change.Entitlement.NativeID, change.Account, err)
}

// pinned tells that the membership is the body of an admin option to be kept.
func pinned(change connector.Change, before standing) bool {
	admin := connector.Entitlement{Kind: kindRoleAdmin, NativeID: change.Entitlement.NativeID}
	return change.Entitlement.Kind == kindRole && before.Admin && slices.Contains(change.Keep, admin)
}

func revokeStatements(change connector.Change, before standing) []string {
	account, name := quoted(change.Account), change.Entitlement.NativeID
	if change.Entitlement.Kind == kindAttribute {
		_, unset, _ := attributeClauses(name)
		return []string{"ALTER ROLE " + account + " " + unset}
	}
	revoke, grantors := "REVOKE ", before.Grantors
	if change.Entitlement.Kind == kindRoleAdmin && slices.Contains(change.Keep, connector.Entitlement{Kind: kindRole, NativeID: name}) {
		// Where another grantor gave the membership alone, that stays and the
		// grants with the option go as a whole.
		if grantors = before.AdminGrantors; len(grantors) == len(before.Grantors) || before.Version < grantorsMatter {
			revoke = "REVOKE ADMIN OPTION FOR "
		}
	}
	revoke += quoted(name) + " FROM " + account
	if before.Version < grantorsMatter {
		return []string{revoke}
	}
	statements := make([]string, len(grantors))
	for i, grantor := range grantors {
		statements[i] = revoke + " GRANTED BY " + quoted(grantor) + " CASCADE"
	}
	return statements
}
