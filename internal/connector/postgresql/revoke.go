package postgresql

import (
	"context"
	"fmt"
	"slices"
	"strings"

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
// From PostgreSQL 16 on, too, what some other role granted is out of reach unless the
// connector's own role has that one's privileges. What is within reach is taken all
// the same, and the error names the rest.
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
	t, err := c.begin(ctx, "", change)
	if err != nil {
		return connector.Result{}, revokeError(change, err)
	}
	defer t.end()
	ctx, cancel := c.limited(ctx)
	defer cancel()

	var result connector.Result
	var before standing
	var holders []uint32
	var foreign []string
	err = t.startOver(ctx, func(found standing) (err error) {
		before, foreign = found, nil
		result.Changed = before.holds(change.Entitlement) && !pinned(change, before)
		if !result.Changed {
			return nil
		}
		if holders, err = listHolders(ctx, t.conn, before.Role, change.Entitlement); err != nil {
			return uncommitted(err)
		}
		var statements []statement
		if statements, foreign = revokeStatements(before.named(change), before); len(statements) == 0 {
			result.Changed = false
		}
		for _, statement := range statements {
			if err := c.execute(ctx, t.conn.Conn(), before.named(change), before, statement.from(before.named(change).Account)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return connector.Result{}, revokeError(change, err)
	}
	if len(foreign) > 0 {
		return result, revokeError(change, outOfReach(c.config.Username, before.named(change), foreign))
	}
	if !c.config.TerminateSessions || !before.knows(change.Entitlement) {
		return result, nil
	}
	result.Ended, err = c.endSessions(ctx, t.conn.Conn(), change.Entitlement, before, holders)
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
	return change.Entitlement.Kind == kindRole && before.letInAsAdmin() && slices.Contains(change.Keep, admin)
}

// statement is one that takes something from accounts, without their names.
type statement struct{ before, after string }

func (s statement) from(accounts ...string) string {
	names := make([]string, len(accounts))
	for i, account := range accounts {
		names[i] = quoted(account)
	}
	return s.before + strings.Join(names, ", ") + s.after
}

// revokeStatements are those that take the entitlement of a change away. Those for an
// attribute take one account at a time. foreign are the grantors whose grants are out
// of reach.
func revokeStatements(change connector.Change, before standing) (statements []statement, foreign []string) {
	name := change.Entitlement.NativeID
	if change.Entitlement.Kind == kindAttribute {
		_, unset, _ := attributeClauses(name)
		return []statement{{before: "ALTER ROLE ", after: " " + unset}}, nil
	}
	keepsRole := change.Entitlement.Kind == kindRoleAdmin && slices.Contains(change.Keep, connector.Entitlement{Kind: kindRole, NativeID: name})
	revoke := "REVOKE "
	if keepsRole && (before.Version < grantorsMatter || !before.letInWithoutAdmin()) {
		revoke = "REVOKE ADMIN OPTION FOR "
	}
	revoke += quoted(name) + " FROM "
	if before.Version < grantorsMatter {
		return []statement{{before: revoke}}, nil
	}
	for i, grantor := range before.Grantors {
		takes := before.Usable[i]
		if change.Entitlement.Kind == kindRoleAdmin {
			// Where another grantor gave the membership alone, that stays and the
			// grants with the option go as a whole.
			takes = before.Admin[i] || before.Usable[i] && !keepsRole
		}
		switch {
		case !takes:
		case before.Ours[i]:
			statements = append(statements, statement{before: revoke, after: " GRANTED BY " + quoted(grantor) + " CASCADE"})
		default:
			foreign = append(foreign, grantor)
		}
	}
	return statements, foreign
}

// outOfReach is the error where others than the connector's own role granted what is
// to be taken.
func outOfReach(own string, change connector.Change, grantors []string) error {
	mends := make([]string, len(grantors))
	for i, grantor := range grantors {
		grantor = quoted(grantor)
		mends[i] = fmt.Sprintf("REVOKE %s FROM %s GRANTED BY %s CASCADE", quoted(change.Entitlement.NativeID), quoted(change.Account), grantor)
	}
	return fmt.Errorf("%w: from PostgreSQL 16 on, what a role granted is taken back by that role, its members and superusers alone, and %s is none of these: %s; or make it a member of the grantor",
		connector.ErrPermission, quoted(own), strings.Join(mends, "; "))
}
