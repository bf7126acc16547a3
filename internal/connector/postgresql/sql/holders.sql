-- Every role that is role $1 or carries attribute $2, or reaches one of those
-- through memberships that let it in. Uses pg_auth_members_role_member_index.
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
    -- Before PostgreSQL 16 memberships have no options, and these stand for them.
    CROSS JOIN (SELECT true AS inherit_option, true AS set_option) AS earlier
    CROSS JOIN LATERAL (
        SELECT mm.member FROM pg_catalog.pg_auth_members AS mm
        WHERE mm.roleid = holder.oid AND (inherit_option OR set_option)
    ) AS m
)
SELECT holder.oid
FROM holder
