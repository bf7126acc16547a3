-- Which of the accounts $1 have sessions, or members that may have some through
-- them. Uses pg_auth_members_role_member_index.
SELECT account.oid
FROM unnest($1::oid[]) AS account (oid)
-- Before PostgreSQL 16 memberships have no options, and these stand for them.
CROSS JOIN (SELECT true AS inherit_option, true AS set_option) AS earlier
WHERE
    account.oid IN (
        SELECT s.usesysid
        FROM pg_catalog.pg_stat_activity AS s
        WHERE
            s.usesysid IS NOT NULL
            AND s.pid <> pg_backend_pid()
            AND (s.backend_type IS NULL OR s.backend_type IN ('client backend', 'walsender'))
    )
    OR EXISTS (
        SELECT FROM pg_catalog.pg_auth_members AS m
        WHERE m.roleid = account.oid AND (inherit_option OR set_option)
    )
