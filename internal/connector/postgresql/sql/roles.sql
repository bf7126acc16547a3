-- All roles: accounts, entitlements and the attributes they carry.
SELECT
    r.rolname::text,
    r.oid,
    r.rolcanlogin,
    -- Initial objects have object identifiers below this.
    r.oid < 16384 AS predefined,
    r.rolcanlogin AND r.rolconnlimit = 0 AND NOT r.rolsuper AS disabled,
    r.rolconnlimit,
    CASE
        WHEN r.rolvaliduntil IS NULL THEN ''
        WHEN isfinite(r.rolvaliduntil) THEN to_char(r.rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        ELSE r.rolvaliduntil::text
    END AS valid_until,
    coalesce(shobj_description(r.oid, 'pg_authid'), '') AS comment,
    array_remove(ARRAY[
        CASE WHEN r.rolbypassrls THEN 'bypassrls' END,
        CASE WHEN r.rolcreatedb THEN 'createdb' END,
        CASE WHEN r.rolcreaterole THEN 'createrole' END,
        CASE WHEN r.rolreplication THEN 'replication' END,
        CASE WHEN r.rolsuper THEN 'superuser' END
    ], NULL) AS attributes,
    r.oid IN (SELECT a.usesysid FROM pg_catalog.pg_stat_activity AS a WHERE a.usesysid IS NOT NULL) AS in_use
FROM pg_catalog.pg_roles AS r
WHERE r.rolname <> 'pg_database_owner'
