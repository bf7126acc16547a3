-- name: InsertToken :exec
INSERT INTO tokens (id, name, hash, identity_id, roles, created_at, expires_at)
VALUES (sqlc.arg(id), sqlc.arg(name), sqlc.arg(hash), sqlc.arg(identity_id), sqlc.arg(roles), sqlc.arg(created_at), sqlc.narg(expires_at));

-- name: FindToken :one
SELECT t.id, t.name, t.hash, t.identity_id, t.roles, t.created_at, t.expires_at, t.revoked_at, i.status, i.bootstrap
FROM tokens t JOIN identities i ON i.id = t.identity_id
WHERE t.hash = sqlc.arg(hash);

-- name: GetToken :one
SELECT id, name, hash, identity_id, roles, created_at, expires_at, revoked_at FROM tokens WHERE id = sqlc.arg(id);

-- name: ListTokens :many
SELECT id, name, hash, identity_id, roles, created_at, expires_at, revoked_at FROM tokens;

-- name: RevokeToken :execrows
UPDATE tokens SET revoked_at = sqlc.arg(revoked_at) WHERE id = sqlc.arg(id) AND revoked_at IS NULL;

-- name: RevokeTokensOf :execrows
UPDATE tokens SET revoked_at = sqlc.arg(revoked_at) WHERE identity_id = sqlc.arg(identity_id) AND revoked_at IS NULL;
