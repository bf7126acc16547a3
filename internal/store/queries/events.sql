-- name: GetEvent :one
SELECT id, name, declared, opened_at, ends_at, closed_at, version, uses, body FROM business_events WHERE id = sqlc.arg(id);

-- Relies on business_events_name.
-- name: FindOpenEvents :many
SELECT id, name, declared, opened_at, ends_at, closed_at, version, uses, body FROM business_events
WHERE name = sqlc.arg(name) AND closed_at IS NULL;

-- name: ListEvents :many
SELECT id, name, declared, opened_at, ends_at, closed_at, version, uses, body FROM business_events;

-- name: InsertEvent :execrows
INSERT INTO business_events (id, name, declared, opened_at, ends_at, version, uses, body)
VALUES (sqlc.arg(id), sqlc.arg(name), sqlc.arg(declared), sqlc.arg(opened_at), sqlc.arg(ends_at), 1, 0, sqlc.arg(body))
ON CONFLICT (id) DO NOTHING;

-- name: UpdateEvent :execrows
UPDATE business_events SET version = version + 1, ends_at = sqlc.arg(ends_at), body = sqlc.arg(body)
WHERE id = sqlc.arg(id) AND version = sqlc.arg(version) AND closed_at IS NULL;

-- name: CloseEvent :execrows
UPDATE business_events SET version = version + 1, closed_at = sqlc.arg(closed_at)
WHERE id = sqlc.arg(id) AND closed_at IS NULL;

-- name: UndeclareEvent :execrows
UPDATE business_events SET declared = FALSE WHERE id = sqlc.arg(id) AND version = sqlc.arg(version) AND declared;

-- name: ReopenEvent :execrows
UPDATE business_events SET version = version + 1, declared = TRUE, opened_at = sqlc.arg(opened_at), ends_at = sqlc.arg(ends_at), closed_at = NULL, body = sqlc.arg(body)
WHERE id = sqlc.arg(id) AND closed_at IS NOT NULL AND NOT declared;

-- UseEvent holds the event until the end of the transaction.
-- name: UseEvent :execrows
UPDATE business_events SET uses = uses + 1 WHERE id = sqlc.arg(id) AND closed_at IS NULL;

-- Relies on business_events_end.
-- name: EventsDue :many
SELECT id FROM business_events WHERE closed_at IS NULL AND ends_at <= sqlc.arg(now) ORDER BY ends_at;
