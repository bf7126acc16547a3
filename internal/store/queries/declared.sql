-- name: GetDeclared :one
SELECT kind, id, version, uses, body FROM declared WHERE kind = sqlc.arg(kind) AND id = sqlc.arg(id);

-- name: ListDeclared :many
SELECT kind, id, version, uses, body FROM declared;

-- name: InsertDeclared :execrows
INSERT INTO declared (kind, id, version, uses, body)
VALUES (sqlc.arg(kind), sqlc.arg(id), 1, 0, sqlc.arg(body))
ON CONFLICT (kind, id) DO NOTHING;

-- name: UpdateDeclared :execrows
UPDATE declared SET version = version + 1, body = sqlc.arg(body)
WHERE kind = sqlc.arg(kind) AND id = sqlc.arg(id) AND version = sqlc.arg(version);

-- name: DeleteDeclared :execrows
DELETE FROM declared
WHERE kind = sqlc.arg(kind) AND id = sqlc.arg(id) AND version = sqlc.arg(version);

-- UseDeclared holds the row until the end of the transaction.
-- name: UseDeclared :execrows
UPDATE declared SET uses = uses + 1 WHERE kind = sqlc.arg(kind) AND id = sqlc.arg(id);

-- HoldTemplatePlace holds the row until the end of the transaction.
-- name: HoldTemplatePlace :exec
UPDATE template_holds SET n = n + 1 WHERE place = sqlc.arg(place);
