-- Every role that is role $1 or carries attribute $2, or reaches one of those
-- through memberships. Uses pg_auth_members_role_member_index.
WITH RECURSIVE holder (oid) AS (
    SELECT r.oid
    FROM pg_catalog.pg_roles AS r
    WHERE
        r.oid = $1::oid
        OR CASE $2::text
            WHEN 'bypassrls' THEN r.rolbypassrls
            WHEN 'createdb' THEN r.rolcreatedb
            WHEN 'createrole' THEN r.rolcreaterole
            WHEN 'replication' THEN r.rolreplication
            WHEN 'superuser' THEN r.rolsuper
            ELSE false
        END
    UNION
    SELECT m.member
    FROM holder
    JOIN pg_catalog.pg_auth_members AS m ON m.roleid = holder.oid
)
SELECT holder.oid
FROM holder
