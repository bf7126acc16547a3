-- Every role that account $1 is or reaches through memberships, with what each
-- holds directly. Uses pg_auth_members_member_role_index.
WITH RECURSIVE reached (oid) AS (
    SELECT r.oid
    FROM pg_catalog.pg_roles AS r
    WHERE r.rolname = $1::text
    UNION
    SELECT m.roleid
    FROM reached
    JOIN pg_catalog.pg_auth_members AS m ON m.member = reached.oid
)
SELECT
    r.rolname::text,
    array_remove(ARRAY[
        CASE WHEN r.rolbypassrls THEN 'bypassrls' END,
        CASE WHEN r.rolcreatedb THEN 'createdb' END,
        CASE WHEN r.rolcreaterole THEN 'createrole' END,
        CASE WHEN r.rolreplication THEN 'replication' END,
        CASE WHEN r.rolsuper THEN 'superuser' END
    ], NULL) AS attributes,
    ARRAY(
        SELECT DISTINCT granted.rolname::text COLLATE "C"
        FROM pg_catalog.pg_auth_members AS m
        JOIN pg_catalog.pg_roles AS granted ON granted.oid = m.roleid
        WHERE m.member = r.oid
        ORDER BY 1
    ) AS member_of,
    ARRAY(
        SELECT DISTINCT granted.rolname::text COLLATE "C"
        FROM pg_catalog.pg_auth_members AS m
        JOIN pg_catalog.pg_roles AS granted ON granted.oid = m.roleid
        WHERE m.member = r.oid AND m.admin_option
        ORDER BY 1
    ) AS admin_of
FROM reached
JOIN pg_catalog.pg_roles AS r ON r.oid = reached.oid
