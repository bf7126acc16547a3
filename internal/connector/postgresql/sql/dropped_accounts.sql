-- Roles that still have sessions and no longer exist.
SELECT DISTINCT s.usesysid
FROM pg_catalog.pg_stat_activity AS s
WHERE
    s.usesysid IS NOT NULL
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = s.usesysid)
