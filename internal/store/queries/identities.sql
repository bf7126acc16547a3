-- name: GetIdentity :one
SELECT id, owner_id, status, bootstrap, version, uses, body FROM identities WHERE id = sqlc.arg(id);

-- name: ListIdentities :many
SELECT id, owner_id, status, bootstrap, version, uses, body FROM identities WHERE NOT bootstrap;

-- name: ListOwned :many
SELECT id, owner_id, status, bootstrap, version, uses, body FROM identities WHERE owner_id = sqlc.arg(owner_id);

-- name: InsertIdentity :execrows
INSERT INTO identities (id, owner_id, status, bootstrap, version, uses, body)
VALUES (sqlc.arg(id), sqlc.arg(owner_id), sqlc.arg(status), sqlc.arg(bootstrap), 1, 0, sqlc.arg(body))
ON CONFLICT (id) DO NOTHING;

-- name: UpdateIdentity :execrows
UPDATE identities SET version = version + 1, owner_id = sqlc.arg(owner_id), body = sqlc.arg(body)
WHERE id = sqlc.arg(id) AND version = sqlc.arg(version) AND NOT bootstrap;

-- name: DeleteIdentity :execrows
DELETE FROM identities WHERE id = sqlc.arg(id) AND version = sqlc.arg(version) AND NOT bootstrap;

-- UseIdentity holds the actor until the end of the transaction.
-- name: UseIdentity :execrows
UPDATE identities SET uses = uses + 1 WHERE id = sqlc.arg(id);

-- name: SetIdentityStatus :execrows
UPDATE identities SET version = version + 1, status = sqlc.arg(status) WHERE id = sqlc.arg(id) AND NOT bootstrap;
