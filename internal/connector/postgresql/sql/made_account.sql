-- The role with the comment $1, or else the one with oid $2; no row when there is
-- none. Of two the one with the oid: a comment can be copied.
SELECT r.oid, r.rolname::text, r.rolcanlogin
FROM pg_catalog.pg_roles AS r
WHERE coalesce(shobj_description(r.oid, 'pg_authid'), '') = $1::text OR r.oid = $2::oid
ORDER BY r.oid = $2::oid DESC, r.oid
LIMIT 1
