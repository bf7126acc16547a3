-- RestartLog gives a database that is older than what was signed a log of its own.
-- name: RestartLog :exec
UPDATE state SET log_origin = sqlc.arg(log_origin), evidence_size = sqlc.arg(evidence_size), restored_at = sqlc.arg(restored_at) WHERE id = 1;

-- name: AcceptRestored :execrows
UPDATE state SET restored_at = 0 WHERE id = 1 AND restored_at > 0;

-- MarkOlder notes that the database is older than what was done on it.
-- name: MarkOlder :execrows
UPDATE state SET restored_at = sqlc.arg(as_of) WHERE id = 1 AND restored_at = 0;
