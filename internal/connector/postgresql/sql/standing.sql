-- What stands directly between account $1 and role $2, which is empty where an
-- attribute is asked for. Always one row.
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
    coalesce(granted.oid, 0) AS role,
    EXISTS (
        SELECT FROM pg_catalog.pg_auth_members AS m
        WHERE m.member = account.oid AND m.roleid = granted.oid
    ) AS member,
    EXISTS (
        SELECT FROM pg_catalog.pg_auth_members AS m
        WHERE m.member = account.oid AND m.roleid = granted.oid AND m.admin_option
    ) AS admin,
    ARRAY(
        SELECT pg_get_userbyid(m.grantor)::text
        FROM pg_catalog.pg_auth_members AS m
        WHERE m.member = account.oid AND m.roleid = granted.oid
        ORDER BY m.grantor
    ) AS grantors,
    ARRAY(
        SELECT pg_get_userbyid(m.grantor)::text
        FROM pg_catalog.pg_auth_members AS m
        WHERE m.member = account.oid AND m.roleid = granted.oid AND m.admin_option
        ORDER BY m.grantor
    ) AS admin_grantors
FROM (VALUES (true)) AS one
LEFT JOIN pg_catalog.pg_roles AS account ON account.rolname = $1::text
LEFT JOIN pg_catalog.pg_roles AS granted ON granted.rolname = $2::text AND granted.rolname <> 'pg_database_owner'
