package postgresql

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// role is one row of roles.sql.
type role struct {
	Name            string
	OID             uint32
	Login           bool
	Predefined      bool
	Disabled        bool
	ConnectionLimit int32
	ValidUntil      string
	Comment         string
	Attributes      []string
	InUse           bool
}

// membership is one row of memberships_*.sql.
type membership struct {
	Member   string
	Role     string
	Admin    bool
	Inherit  bool
	Set      bool
	Grantors string
}

// Discover reads all roles and memberships in one snapshot.
func (c *postgres) Discover(ctx context.Context) (*connector.Inventory, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	conn, err := c.acquire(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		if err := conn.Ping(ctx); err != nil {
			return uncommitted(err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("discover: %w", err)
	}
	defer conn.Release()
	var roles []role
	var memberships []membership
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = inTransaction(ctx, conn, snapshot, func(tx pgx.Tx) error {
		var version int
		if err := tx.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
			return uncommitted(err)
		}
		membershipsSQL := membershipsBefore16SQL
		if version >= grantorsMatter {
			membershipsSQL = membershipsSince16SQL
		}
		if roles, err = collect[role](ctx, tx, rolesSQL); err != nil {
			return uncommitted(err)
		}
		if memberships, err = collect[membership](ctx, tx, membershipsSQL); err != nil {
			return uncommitted(err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("discover: %w", err)
	}
	return inventory(roles, withoutHandles(c.config.Username, roles, memberships)), nil
}

// withoutHandles leaves out the admin options that PostgreSQL 16 gives the
// connector's own role on what it has made: they are how it takes that away again,
// and no right to anything else.
func withoutHandles(own string, roles []role, memberships []membership) []membership {
	made := map[string]bool{}
	for _, r := range roles {
		made[r.Name] = markOf(r.Comment) != ""
	}
	return slices.DeleteFunc(memberships, func(m membership) bool {
		return m.Member == own && made[m.Role] && !m.Inherit && !m.Set
	})
}

func collect[T any](ctx context.Context, tx pgx.Tx, query string) ([]T, error) {
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[T])
}

// inventory puts the target's rows into the contract's terms.
func inventory(roles []role, memberships []membership) *connector.Inventory {
	found := &connector.Inventory{}
	logins := make(map[string]bool, len(roles))
	for _, attribute := range attributes {
		found.Entitlements = append(found.Entitlements, connector.DiscoveredEntitlement{
			Entitlement: connector.Entitlement{Kind: kindAttribute, NativeID: attribute.name},
			UID:         attribute.name,
		})
	}
	for _, r := range roles {
		logins[r.Name] = r.Login
		if r.Login {
			found.Accounts = append(found.Accounts, r.account())
		}
		member, admin := connector.Entitlement{Kind: kindRole, NativeID: r.Name}, connector.Entitlement{Kind: kindRoleAdmin, NativeID: r.Name}
		found.Entitlements = append(found.Entitlements,
			connector.DiscoveredEntitlement{Entitlement: member, UID: formatOID(r.OID), Attributes: r.describe()},
			connector.DiscoveredEntitlement{Entitlement: admin, UID: formatOID(r.OID), Attributes: r.describe()})
		found.Inclusions = append(found.Inclusions, connector.Inclusion{From: admin, To: member, Implied: true})
		for _, attribute := range r.Attributes {
			hold(found, r.Name, r.Login, connector.Entitlement{Kind: kindAttribute, NativeID: attribute}, nil)
		}
	}
	for _, m := range memberships {
		options := map[string]string{
			"grantor": m.Grantors,
			"inherit": strconv.FormatBool(m.Inherit),
			"set":     strconv.FormatBool(m.Set),
		}
		// Since PostgreSQL 16 one may administer a role without being let in.
		if m.Inherit || m.Set {
			hold(found, m.Member, logins[m.Member], connector.Entitlement{Kind: kindRole, NativeID: m.Role}, options)
		}
		if m.Admin {
			hold(found, m.Member, logins[m.Member], connector.Entitlement{Kind: kindRoleAdmin, NativeID: m.Role}, options)
		}
	}
	sortInventory(found)
	return found
}

// hold records that the role name has the entitlement: whoever is a member of
// it has it too, and a role that may log in is an account that holds it.
func hold(found *connector.Inventory, name string, login bool, entitlement connector.Entitlement, options map[string]string) {
	found.Inclusions = append(found.Inclusions, connector.Inclusion{
		From: connector.Entitlement{Kind: kindRole, NativeID: name}, To: entitlement, Attributes: options,
	})
	if login {
		found.Assignments = append(found.Assignments, connector.Assignment{Account: name, Entitlement: entitlement, Attributes: options})
	}
}

// account describes a role that may log in. It is disabled when it may open no
// connection. VALID UNTIL is no such thing: it ends a password and leaves every
// other way in; and a role without LOGIN is no account.
func (r role) account() connector.Account {
	about := map[string]string{}
	if r.ConnectionLimit >= 0 {
		about["connection_limit"] = strconv.Itoa(int(r.ConnectionLimit))
	}
	if r.ValidUntil != "" {
		about["password_valid_until"] = r.ValidUntil
	}
	switch mark := markOf(r.Comment); {
	case mark != "":
		about[connector.MarkAttribute] = mark
	case r.Comment != "":
		about["comment"] = r.Comment
	}
	return connector.Account{Name: r.Name, UID: formatOID(r.OID), Disabled: r.Disabled, InUse: r.InUse, Attributes: about}
}

// describe tells group roles, logins and predefined roles apart.
func (r role) describe() map[string]string {
	about := map[string]string{"login": strconv.FormatBool(r.Login), "predefined": strconv.FormatBool(r.Predefined)}
	if r.Comment != "" {
		about["comment"] = r.Comment
	}
	return about
}

func formatOID(oid uint32) string { return strconv.FormatUint(uint64(oid), 10) }

func sortInventory(found *connector.Inventory) {
	slices.SortFunc(found.Accounts, func(a, b connector.Account) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(found.Entitlements, func(a, b connector.DiscoveredEntitlement) int {
		return compare(a.Entitlement, b.Entitlement)
	})
	slices.SortFunc(found.Assignments, func(a, b connector.Assignment) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), compare(a.Entitlement, b.Entitlement))
	})
	slices.SortFunc(found.Inclusions, func(a, b connector.Inclusion) int {
		return cmp.Or(compare(a.From, b.From), compare(a.To, b.To))
	})
}

func compare(a, b connector.Entitlement) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.NativeID, b.NativeID))
}
