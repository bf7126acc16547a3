package postgresql

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// reached is one row of reach.sql: the account itself, or a membership on the way
// from it.
type reached struct {
	// Place is that of the account among those that were asked about.
	Place int32
	// Member is 0 where the role is the account itself.
	Member, Role uint32
	// Admin and Usable: the membership has the admin option, and lets its member in.
	Admin, Usable bool
	// Name and Attributes are the role's.
	Name       string
	Attributes []string
}

// Read follows memberships that have INHERIT, SET or both: a member without INHERIT
// reaches the role by SET ROLE, and one with neither does not reach it.
func (c *postgres) Read(ctx context.Context, account string, entitlement connector.Entitlement) (connector.Reading, error) {
	return c.ReadChange(ctx, connector.Change{Account: account, Entitlement: entitlement})
}

// ReadChange is Read by object identifiers, where the change has them.
func (c *postgres) ReadChange(ctx context.Context, change connector.Change) (connector.Reading, error) {
	if !readable(change) {
		return connector.Reading{}, nil
	}
	fail := func(err error) (connector.Reading, error) {
		return connector.Reading{}, fmt.Errorf("read %s %q of %q: %w", change.Entitlement.Kind, change.Entitlement.NativeID, change.Account, err)
	}
	arguments, err := reachArguments([]connector.Change{change})
	if err != nil {
		return fail(err)
	}
	ctx, cancel := c.limited(ctx)
	defer cancel()
	var rows []reached
	conn, err := c.acquire(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		answer, err := conn.Query(ctx, reachSQL, arguments...)
		if err == nil {
			rows, err = pgx.CollectRows(answer, pgx.RowToStructByPos[reached])
		}
		if err != nil {
			return uncommitted(err)
		}
		return nil
	})
	if err != nil {
		return fail(err)
	}
	conn.Release()
	return reading(rows, change), nil
}

// readable is false where nobody can hold what a change is about.
func readable(change connector.Change) bool {
	return wellFormed(change.Account) && wellFormed(change.Entitlement.NativeID) && change.Entitlement.NativeID != databaseOwner
}

// reachArguments are those of reach.sql for the accounts of changes.
func reachArguments(changes []connector.Change) ([]any, error) {
	names, accounts := make([]string, len(changes)), make([]uint32, len(changes))
	for i, change := range changes {
		names[i] = change.Account
		var err error
		if accounts[i], _, err = oids(change); err != nil {
			return nil, err
		}
	}
	return []any{names, accounts}, nil
}

// reading finds the shortest path from the account to a role that holds the
// entitlement directly; among equally short ones the first by name. rows are those
// of one account.
func reading(rows []reached, change connector.Change) connector.Reading {
	byName := slices.SortedFunc(slices.Values(rows), func(a, b reached) int { return cmp.Compare(a.Name, b.Name) })
	memberships := map[uint32][]reached{}
	var queue []reached
	for _, row := range byName {
		if row.Member == 0 {
			queue = append(queue, row)
			continue
		}
		memberships[row.Member] = append(memberships[row.Member], row)
	}
	via := map[uint32][]connector.Entitlement{}
	for _, account := range queue {
		via[account.Role] = nil
	}
	for ; len(queue) > 0; queue = queue[1:] {
		current := queue[0]
		if current.holds(memberships[current.Role], change) {
			path := via[current.Role]
			return connector.Reading{Direct: len(path) == 0, Effective: true, Via: path}
		}
		for _, next := range memberships[current.Role] {
			if _, seen := via[next.Role]; seen || !next.Usable {
				continue
			}
			via[next.Role] = append(slices.Clone(via[current.Role]), connector.Entitlement{Kind: kindRole, NativeID: next.Name})
			queue = append(queue, next)
		}
	}
	return connector.Reading{}
}

// holds tells whether the role, which has memberships, holds directly what a change
// is about.
func (r reached) holds(memberships []reached, change connector.Change) bool {
	if change.Entitlement.Kind == kindAttribute {
		return slices.Contains(r.Attributes, change.Entitlement.NativeID)
	}
	_, wanted, _ := oids(change) // they were read to ask
	return slices.ContainsFunc(memberships, func(m reached) bool {
		is := m.Name == change.Entitlement.NativeID
		if wanted != 0 {
			is = m.Role == wanted
		}
		return is && (change.Entitlement.Kind == kindRole && m.Usable || change.Entitlement.Kind == kindRoleAdmin && m.Admin)
	})
}
