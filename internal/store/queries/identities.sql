-- name: GetIdentity :one
SELECT id, owner_id, status, bootstrap, version, uses, life, used_at, due_at, body FROM identities WHERE id = sqlc.arg(id);

-- name: ListIdentities :many
SELECT id, owner_id, status, bootstrap, version, uses, life, used_at, due_at, body FROM identities WHERE NOT bootstrap;

-- name: ListOwned :many
SELECT id, owner_id, status, bootstrap, version, uses, life, used_at, due_at, body FROM identities WHERE owner_id = sqlc.arg(owner_id);

-- name: InsertIdentity :execrows
INSERT INTO identities (id, owner_id, status, bootstrap, version, uses, life, body)
VALUES (sqlc.arg(id), sqlc.arg(owner_id), sqlc.arg(status), sqlc.arg(bootstrap), 1, 0, sqlc.arg(life), sqlc.arg(body))
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

-- name: SetIdentityLife :execrows
UPDATE identities SET life = sqlc.arg(life), due_at = sqlc.narg(due_at) WHERE id = sqlc.arg(id) AND NOT bootstrap;

-- Relies on identities_due.
-- name: IdentitiesDue :many
SELECT id FROM identities WHERE due_at IS NOT NULL AND due_at <= sqlc.arg(now) ORDER BY due_at;

-- NoteUse notes that an identity that somebody owns is at work. One that is not
-- active is not brought back by that. Where its being unused was spoken of, it
-- becomes due, so that it is no longer.
-- name: NoteUse :execrows
UPDATE identities SET used_at = sqlc.arg(used_at),
    due_at = CASE WHEN EXISTS (SELECT 1 FROM findings f WHERE f.key = sqlc.arg(finding)) THEN sqlc.arg(used_at) ELSE due_at END
WHERE id = sqlc.arg(id) AND owner_id <> '' AND status = 'active' AND (used_at IS NULL OR used_at < sqlc.arg(used_at));
