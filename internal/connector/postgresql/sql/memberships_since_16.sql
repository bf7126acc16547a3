-- All direct memberships, PostgreSQL 16 and newer: one row for each grantor,
-- of which the account has the sum.
SELECT
    member.rolname::text,
    granted.rolname::text,
    bool_or(m.admin_option) AS admin_option,
    bool_or(m.inherit_option) AS inherit_option,
    bool_or(m.set_option) AS set_option,
    string_agg(
        quote_ident(pg_get_userbyid(m.grantor)), ', '
        ORDER BY pg_get_userbyid(m.grantor) COLLATE "C"
    ) AS grantors
FROM pg_catalog.pg_auth_members AS m
JOIN pg_catalog.pg_roles AS member ON member.oid = m.member
JOIN pg_catalog.pg_roles AS granted ON granted.oid = m.roleid
GROUP BY member.rolname, granted.rolname
