// Package postgresql is the connector for PostgreSQL 14 and newer.
//
// Accounts are roles that may log in. Entitlements are membership in a role
// (kind role), the admin option on one (role_admin) and the attributes that are
// rights in themselves (attribute: superuser, createrole, createdb,
// replication, bypassrls). A revoke also ends the sessions that still run on
// what was revoked, because PostgreSQL lets a session keep a role that it took
// by SET ROLE.
//
// It governs one server ("cluster"): privileges on tables and schemas, and the
// implicit role pg_database_owner, are outside of it. It cannot work through a
// pooler that hands one session to several clients.
package postgresql
