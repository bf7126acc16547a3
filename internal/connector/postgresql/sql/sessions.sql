-- The sessions of roles $1 that began at or before $2, save this one. A
-- connector without pg_read_all_stats does not see when they began: then all.
SELECT
    s.pid,
    coalesce(host(s.client_addr), '') AS client,
    coalesce(s.application_name, '') AS program,
    s.backend_start
FROM pg_catalog.pg_stat_activity AS s
WHERE
    s.usesysid = ANY ($1::oid[])
    AND s.pid <> pg_backend_pid()
    AND (s.backend_start IS NULL OR s.backend_start <= $2)
    AND (s.backend_type IS NULL OR s.backend_type IN ('client backend', 'walsender'))
ORDER BY s.pid
