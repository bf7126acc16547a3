-- AddCall notes a call; no row when it is known. It waits for whoever is adding the
-- same one.
-- name: AddCall :execrows
INSERT INTO calls (identity_id, key, digest, made, lapses_at)
VALUES (sqlc.arg(identity_id), sqlc.arg(key), sqlc.arg(digest), sqlc.arg(made), sqlc.arg(lapses_at))
ON CONFLICT (identity_id, key) DO UPDATE SET digest = excluded.digest, made = excluded.made, lapses_at = excluded.lapses_at
WHERE calls.lapses_at <= sqlc.arg(now);

-- name: GetCall :one
SELECT digest, made FROM calls WHERE identity_id = sqlc.arg(identity_id) AND key = sqlc.arg(key);

-- Relies on calls_lapse.
-- name: PruneCalls :execrows
DELETE FROM calls WHERE lapses_at <= sqlc.arg(now);
