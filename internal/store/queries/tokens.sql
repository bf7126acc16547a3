-- name: InsertToken :exec
INSERT INTO tokens (id, name, hash, identity_id, roles, makers, created_at, expires_at)
VALUES (sqlc.arg(id), sqlc.arg(name), sqlc.arg(hash), sqlc.arg(identity_id), sqlc.arg(roles), sqlc.arg(makers), sqlc.arg(created_at), sqlc.narg(expires_at));

-- FindToken comes with the high-water mark of time.
-- name: FindToken :one
SELECT sqlc.embed(t), sqlc.embed(i), CAST((SELECT s.clock_mark FROM state s WHERE s.id = 1) AS BIGINT) AS clock_mark
FROM tokens t JOIN identities i ON i.id = t.identity_id
WHERE t.hash = sqlc.arg(hash);

-- name: GetToken :one
SELECT id, name, hash, identity_id, roles, makers, created_at, expires_at, revoked_at FROM tokens WHERE id = sqlc.arg(id);

-- name: ListTokens :many
SELECT id, name, hash, identity_id, roles, makers, created_at, expires_at, revoked_at FROM tokens;

-- name: RevokeToken :execrows
UPDATE tokens SET revoked_at = sqlc.arg(revoked_at) WHERE id = sqlc.arg(id) AND revoked_at IS NULL;

-- name: RevokeTokensOf :execrows
UPDATE tokens SET revoked_at = sqlc.arg(revoked_at) WHERE identity_id = sqlc.arg(identity_id) AND revoked_at IS NULL;
