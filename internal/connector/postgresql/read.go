package postgresql

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// reachedRole is one row of reach.sql.
type reachedRole struct {
	Name       string
	Attributes []string
	MemberOf   []string
	AdminOf    []string
}

// Read follows memberships whatever their options: a member without INHERIT
// reaches the role by SET ROLE.
func (c *postgres) Read(ctx context.Context, account string, entitlement connector.Entitlement) (connector.Reading, error) {
	if !wellFormed(account) || !wellFormed(entitlement.NativeID) || entitlement.NativeID == databaseOwner {
		return connector.Reading{}, nil
	}
	ctx, cancel := c.limited(ctx)
	defer cancel()
	conn, err := c.pool.Acquire(ctx)
	if err != nil {
		return connector.Reading{}, fmt.Errorf("read %s %q of %q: %w", entitlement.Kind, entitlement.NativeID, account, c.connectError(err))
	}
	defer conn.Release()
	rows, err := conn.Query(ctx, reachSQL, account)
	if err != nil {
		return connector.Reading{}, fmt.Errorf("read %s %q of %q: %w", entitlement.Kind, entitlement.NativeID, account, uncommitted(err))
	}
	roles, err := pgx.CollectRows(rows, pgx.RowToStructByPos[reachedRole])
	if err != nil {
		return connector.Reading{}, fmt.Errorf("read %s %q of %q: %w", entitlement.Kind, entitlement.NativeID, account, uncommitted(err))
	}
	reached := make(map[string]reachedRole, len(roles))
	for _, r := range roles {
		reached[r.Name] = r
	}
	return reading(reached, account, entitlement), nil
}

// reading finds the shortest path from the account to a role that holds the
// entitlement directly; among equally short ones the first by name.
func reading(reached map[string]reachedRole, account string, entitlement connector.Entitlement) connector.Reading {
	if _, exists := reached[account]; !exists {
		return connector.Reading{}
	}
	via := map[string][]connector.Entitlement{account: nil}
	for queue := []string{account}; len(queue) > 0; queue = queue[1:] {
		current := reached[queue[0]]
		if current.holds(entitlement) {
			path := via[current.Name]
			return connector.Reading{Direct: len(path) == 0, Effective: true, Via: path}
		}
		for _, next := range current.MemberOf {
			if _, seen := via[next]; seen {
				continue
			}
			via[next] = append(slices.Clone(via[current.Name]), connector.Entitlement{Kind: kindRole, NativeID: next})
			queue = append(queue, next)
		}
	}
	return connector.Reading{}
}

func (r reachedRole) holds(entitlement connector.Entitlement) bool {
	switch entitlement.Kind {
	case kindAttribute:
		return slices.Contains(r.Attributes, entitlement.NativeID)
	case kindRole:
		return slices.Contains(r.MemberOf, entitlement.NativeID)
	case kindRoleAdmin:
		return slices.Contains(r.AdminOf, entitlement.NativeID)
	}
	return false
}
