package postgresql

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// standing is the row of standing.sql: what one account and one entitlement are
// to each other at the start of a change. An oid of 0 is a role that does not
// exist.
type standing struct {
	Version    int
	Account    uint32
	Login      bool
	Attributes []string
	Role       uint32
	Member     bool
	Admin      bool
	Grantors   []string
	// AdminGrantors are those of Grantors that gave the admin option.
	AdminGrantors []string
}

func readStanding(ctx context.Context, tx pgx.Tx, change connector.Change) (standing, error) {
	name := change.Entitlement.NativeID
	if change.Entitlement.Kind == kindAttribute {
		name = ""
	}
	rows, err := tx.Query(ctx, standingSQL, change.Account, name)
	if err != nil {
		return standing{}, uncommitted(err)
	}
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[standing])
	if err != nil {
		return standing{}, uncommitted(err)
	}
	return found, nil
}

// knows tells whether the entitlement exists.
func (s standing) knows(entitlement connector.Entitlement) bool {
	switch entitlement.Kind {
	case kindAttribute:
		_, _, known := attributeClauses(entitlement.NativeID)
		return known
	case kindRole, kindRoleAdmin:
		return s.Role != 0
	}
	return false
}

// holds tells whether the account holds the entitlement directly.
func (s standing) holds(entitlement connector.Entitlement) bool {
	switch entitlement.Kind {
	case kindAttribute:
		return slices.Contains(s.Attributes, entitlement.NativeID)
	case kindRole:
		return s.Member
	case kindRoleAdmin:
		return s.Admin
	}
	return false
}

func attributeClauses(name string) (set, unset string, known bool) {
	for _, attribute := range attributes {
		if attribute.name == name {
			return attribute.set, attribute.unset, true
		}
	}
	return "", "", false
}
