-- name: GetDelivery :one
SELECT answer FROM event_deliveries WHERE source_id = sqlc.arg(source_id) AND digest = sqlc.arg(digest);

-- name: InsertDelivery :exec
INSERT INTO event_deliveries (source_id, digest, received_at, answer)
VALUES (sqlc.arg(source_id), sqlc.arg(digest), sqlc.arg(received_at), sqlc.arg(answer));

-- Relies on event_deliveries_age.
-- name: PruneDeliveries :execrows
DELETE FROM event_deliveries WHERE source_id = sqlc.arg(source_id) AND received_at < sqlc.arg(before);

-- name: GetEventKey :one
SELECT source_id, external_key, event_id, occurred_at FROM event_keys
WHERE source_id = sqlc.arg(source_id) AND external_key = sqlc.arg(external_key);

-- name: PutEventKey :exec
INSERT INTO event_keys (source_id, external_key, event_id, occurred_at)
VALUES (sqlc.arg(source_id), sqlc.arg(external_key), sqlc.arg(event_id), sqlc.arg(occurred_at))
ON CONFLICT (source_id, external_key) DO UPDATE SET event_id = excluded.event_id, occurred_at = excluded.occurred_at;
