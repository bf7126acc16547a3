-- All direct memberships, PostgreSQL 14 and 15: one row each; whether rights
-- are inherited is up to the member, and SET ROLE is always allowed.
SELECT
    member.rolname::text,
    granted.rolname::text,
    m.admin_option,
    member.rolinherit AS inherit_option,
    true AS set_option,
    quote_ident(pg_get_userbyid(m.grantor)) AS grantors
FROM pg_catalog.pg_auth_members AS m
JOIN pg_catalog.pg_roles AS member ON member.oid = m.member
JOIN pg_catalog.pg_roles AS granted ON granted.oid = m.roleid
