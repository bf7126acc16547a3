package postgresql

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/stint-dev/terraform-provider-stint/internal/connector"
)

// standing is a row of standing.sql: what one account and one entitlement are
// to each other at the start of a change. An oid of 0 is a role that does not
// exist.
type standing struct {
	Version    int
	Account    uint32
	Login      bool
	Attributes []string
	// Inherits: the account uses what it is a member of without SET ROLE, where
	// nothing else is said.
	Inherits bool
	// Superuser: the connector's own role is one.
	Superuser bool
	Role      uint32
	// Grantors gave the membership. Of each, by its place: whether it gave the admin
	// option, whether the membership lets the account in, and whether the connector's
	// own role has the grantor's privileges.
	Grantors            []string
	Admin, Usable, Ours []bool
	// AccountName and RoleName are what they are called; empty for one that does
	// not exist.
	AccountName, RoleName string
	// HasMembers: the account lets other roles in.
	HasMembers bool
}

func (s standing) member() bool { return slices.Contains(s.Usable, true) }
func (s standing) admin() bool  { return slices.Contains(s.Admin, true) }

// letInWithoutAdmin tells whether a membership without the admin option lets the
// account in.
func (s standing) letInWithoutAdmin() bool {
	for i, usable := range s.Usable {
		if usable && !s.Admin[i] {
			return true
		}
	}
	return false
}

// letInAsAdmin tells whether a membership with the admin option lets the account in.
func (s standing) letInAsAdmin() bool {
	for i, usable := range s.Usable {
		if usable && s.Admin[i] {
			return true
		}
	}
	return false
}

// open begins a transaction and reads what stands between the accounts and the
// entitlements of the changes, all in one round trip. A lock is waited for as long
// as patience is, where that is not empty.
func open(ctx context.Context, conn *pgx.Conn, changes []connector.Change, patience string) ([]standing, error) {
	n := len(changes)
	accounts, roles, accountOIDs, roleOIDs := make([]string, n), make([]string, n), make([]uint32, n), make([]uint32, n)
	for i, change := range changes {
		accounts[i] = change.Account
		if change.Entitlement.Kind != kindAttribute {
			roles[i] = change.Entitlement.NativeID
		}
		var err error
		if accountOIDs[i], roleOIDs[i], err = oids(change); err != nil {
			return nil, err
		}
	}
	batch := &pgx.Batch{}
	batch.Queue("BEGIN READ WRITE")
	if patience != "" {
		batch.Queue("SELECT set_config('lock_timeout', $1::text, true)", patience)
	}
	batch.Queue(standingSQL, accounts, roles, accountOIDs, roleOIDs)
	answers := conn.SendBatch(ctx, batch)
	defer func() { _ = answers.Close() }() // after an error it would only say the same
	for range batch.Len() - 1 {
		if _, err := answers.Exec(); err != nil {
			return nil, uncommitted(err)
		}
	}
	rows, err := answers.Query()
	if err != nil {
		return nil, uncommitted(err)
	}
	stood, err := pgx.CollectRows(rows, pgx.RowToStructByPos[standing])
	if err == nil {
		err = answers.Close()
	}
	if err == nil && len(stood) != n {
		err = fmt.Errorf("%d rows for %d changes", len(stood), n)
	}
	if err != nil {
		return nil, uncommitted(err)
	}
	return stood, nil
}

// oids are the object identifiers that a change goes by; 0 goes by the name.
func oids(change connector.Change) (account, role uint32, err error) {
	if account, err = parseOID(change.AccountUID); err != nil || change.Entitlement.Kind == kindAttribute {
		return account, 0, err
	}
	role, err = parseOID(change.EntitlementUID)
	return account, role, err
}

// parseOID reads what [formatOID] wrote.
func parseOID(uid string) (uint32, error) {
	if uid == "" {
		return 0, nil
	}
	oid, err := strconv.ParseUint(uid, 10, 32)
	if err != nil || oid == 0 {
		return 0, fmt.Errorf("%w: UID %q is no object identifier of PostgreSQL", connector.ErrUnsupported, uid)
	}
	return uint32(oid), nil
}

// named is the change with what the account and the role are called now.
func (s standing) named(change connector.Change) connector.Change {
	was := change.Entitlement.NativeID
	if s.AccountName != "" {
		change.Account = s.AccountName
	}
	if s.RoleName == "" || s.RoleName == was || change.Entitlement.Kind == kindAttribute {
		return change
	}
	change.Entitlement.NativeID, change.Keep = s.RoleName, slices.Clone(change.Keep)
	for i, kept := range change.Keep {
		if kept.Kind != kindAttribute && kept.NativeID == was {
			change.Keep[i].NativeID = s.RoleName
		}
	}
	return change
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
		return s.member()
	case kindRoleAdmin:
		return s.admin()
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
