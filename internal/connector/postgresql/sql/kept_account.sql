-- What role $1 has that would be lost with it, or would hold its removal back, with
-- what is still at work. The connector's own admin option, which PostgreSQL 16 gives
-- to whoever creates a role, does not count.
SELECT kept.why
FROM (
    SELECT
        1 AS place,
        format(
            '%s %s object(s) in %s',
            CASE WHEN d.owns THEN 'it owns' ELSE 'it is named in the privileges or policies of' END,
            d.objects,
            CASE WHEN d.dbid = 0 THEN 'the server itself' ELSE format('database %I', db.datname) END
        ) AS why
    FROM (
        SELECT s.dbid, s.deptype = 'o' AS owns, count(*) AS objects
        FROM pg_catalog.pg_shdepend AS s
        WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass AND s.refobjid = $1::oid AND s.classid <> 'pg_catalog.pg_auth_members'::regclass
        GROUP BY s.dbid, s.deptype = 'o'
    ) AS d
    LEFT JOIN pg_catalog.pg_database AS db ON db.oid = d.dbid
    UNION ALL
    SELECT 2, format('it is a member of role %I', pg_get_userbyid(m.roleid))
    FROM pg_catalog.pg_auth_members AS m
    WHERE m.member = $1::oid
    UNION ALL
    SELECT 3, format('role %I is a member of it', pg_get_userbyid(m.member))
    FROM pg_catalog.pg_auth_members AS m
    WHERE m.roleid = $1::oid AND pg_get_userbyid(m.member) <> current_user
    UNION ALL
    SELECT 4, format('it has the attribute %s', a.name)
    FROM pg_catalog.pg_roles AS r
    CROSS JOIN LATERAL (VALUES
        ('bypassrls', r.rolbypassrls), ('createdb', r.rolcreatedb), ('createrole', r.rolcreaterole),
        ('replication', r.rolreplication), ('superuser', r.rolsuper)
    ) AS a (name, held)
    WHERE r.oid = $1::oid AND a.held
    UNION ALL
    SELECT 5, format('%s session(s) of it still run', count(*))
    FROM pg_catalog.pg_stat_activity AS s
    WHERE s.usesysid = $1::oid
    HAVING count(*) > 0
) AS kept
GROUP BY kept.place, kept.why
ORDER BY kept.place, kept.why
