-- Every membership by which the accounts $1 reach a role, by the place of the
-- account. The account itself comes as a row without a member. A membership that
-- lets nobody in (PostgreSQL 16: without INHERIT and SET) comes too, for its admin
-- option, and nothing beyond it. An oid in $2 stands for the account, whatever it is
-- called; 0 goes by the name. Uses pg_authid_rolname_index and pg_authid_oid_index.
WITH RECURSIVE reached (place, member, role, admin, usable) AS (
    SELECT a.place, 0::oid, account.oid, false, true
    FROM unnest($1::text[], $2::oid[]) WITH ORDINALITY AS a (name, oid, place)
    CROSS JOIN LATERAL (
        SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE a.oid <> 0 AND r.oid = a.oid
        UNION ALL
        SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE a.oid = 0 AND r.rolname = a.name
    ) AS account
    UNION
    SELECT reached.place, m.member, m.roleid, m.admin_option, m.usable
    FROM reached
    -- Before PostgreSQL 16 memberships have no options, and these stand for them.
    CROSS JOIN (SELECT true AS inherit_option, true AS set_option) AS earlier
    CROSS JOIN LATERAL (
        SELECT mm.member, mm.roleid, mm.admin_option, inherit_option OR set_option AS usable
        FROM pg_catalog.pg_auth_members AS mm
        WHERE mm.member = reached.role AND reached.usable
    ) AS m
)
SELECT
    (reached.place - 1)::int AS place,
    reached.member,
    reached.role,
    reached.admin,
    reached.usable,
    r.rolname::text,
    array_remove(ARRAY[
        CASE WHEN r.rolbypassrls THEN 'bypassrls' END,
        CASE WHEN r.rolcreatedb THEN 'createdb' END,
        CASE WHEN r.rolcreaterole THEN 'createrole' END,
        CASE WHEN r.rolreplication THEN 'replication' END,
        CASE WHEN r.rolsuper THEN 'superuser' END
    ], NULL) AS attributes
FROM reached
JOIN pg_catalog.pg_roles AS r ON r.oid = reached.role
