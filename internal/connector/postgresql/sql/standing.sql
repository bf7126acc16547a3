-- What stands directly between accounts $1 and roles $2, one row for each pair in
-- their order. A role is empty where an attribute is asked for. An oid in $3 or $4
-- stands for the account or the role, whatever it is called; 0 goes by the name.
-- Uses pg_authid_rolname_index and pg_authid_oid_index.
SELECT
    current_setting('server_version_num')::int AS version,
    coalesce(account.oid, 0) AS account,
    coalesce(account.rolcanlogin, false) AS login,
    array_remove(ARRAY[
        CASE WHEN account.rolbypassrls THEN 'bypassrls' END,
        CASE WHEN account.rolcreatedb THEN 'createdb' END,
        CASE WHEN account.rolcreaterole THEN 'createrole' END,
        CASE WHEN account.rolreplication THEN 'replication' END,
        CASE WHEN account.rolsuper THEN 'superuser' END
    ], NULL) AS attributes,
    coalesce(account.rolinherit, false) AS inherits,
    current_setting('is_superuser')::bool AS superuser,
    coalesce(granted.oid, 0) AS role,
    -- One membership may stand several times, once for each grantor.
    array_remove(array_agg(pg_get_userbyid(m.grantor)::text ORDER BY m.grantor), NULL) AS grantors,
    array_remove(array_agg(m.admin_option ORDER BY m.grantor), NULL) AS admin,
    array_remove(array_agg(m.usable ORDER BY m.grantor), NULL) AS usable,
    array_remove(array_agg(pg_has_role(m.grantor, 'USAGE') ORDER BY m.grantor), NULL) AS ours,
    coalesce(account.rolname::text, '') AS account_name,
    coalesce(granted.rolname::text, '') AS role_name,
    EXISTS (
        SELECT FROM pg_catalog.pg_auth_members AS x
        WHERE x.roleid = account.oid AND (inherit_option OR set_option)
    ) AS has_members
FROM unnest($1::text[], $2::text[], $3::oid[], $4::oid[])
    WITH ORDINALITY AS asked (account, role, account_oid, role_oid, place)
-- Before PostgreSQL 16 memberships have no options, and these stand for them.
CROSS JOIN (SELECT true AS inherit_option, true AS set_option) AS earlier
LEFT JOIN LATERAL (
    SELECT * FROM pg_catalog.pg_roles AS r WHERE asked.account_oid <> 0 AND r.oid = asked.account_oid
    UNION ALL
    SELECT * FROM pg_catalog.pg_roles AS r WHERE asked.account_oid = 0 AND r.rolname = asked.account
) AS account ON true
LEFT JOIN LATERAL (
    SELECT r.oid, r.rolname FROM pg_catalog.pg_roles AS r WHERE asked.role_oid <> 0 AND r.oid = asked.role_oid
    UNION ALL
    SELECT r.oid, r.rolname FROM pg_catalog.pg_roles AS r WHERE asked.role_oid = 0 AND r.rolname = asked.role
) AS granted ON granted.rolname <> 'pg_database_owner'
LEFT JOIN LATERAL (
    SELECT mm.grantor, mm.admin_option, inherit_option OR set_option AS usable
    FROM pg_catalog.pg_auth_members AS mm
    WHERE mm.member = account.oid AND mm.roleid = granted.oid
) AS m ON true
GROUP BY
    asked.place, earlier.inherit_option, earlier.set_option,
    account.oid, account.rolname, account.rolcanlogin, account.rolinherit, account.rolbypassrls, account.rolcreatedb,
    account.rolcreaterole, account.rolreplication, account.rolsuper, granted.oid, granted.rolname
ORDER BY asked.place
