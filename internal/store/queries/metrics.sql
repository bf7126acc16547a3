-- What is counted for metrics.

-- Relies on operations_application.
-- name: CountOpenOperations :many
SELECT application_id, kind, COUNT(*) AS open, CAST(SUM(CASE WHEN attempts > 0 THEN 1 ELSE 0 END) AS BIGINT) AS failing,
    CAST(COALESCE(MIN(CASE WHEN attempts > 0 OR next_at <= sqlc.arg(now) THEN created_at END), 0) AS BIGINT) AS oldest
FROM operations WHERE done_at IS NULL GROUP BY application_id, kind;

-- Relies on grants_live_application.
-- name: CountLiveGrants :many
SELECT application_id, state, COUNT(*) AS n, CAST(SUM(CASE WHEN overdue_at <= sqlc.arg(now) THEN 1 ELSE 0 END) AS BIGINT) AS overdue
FROM grants WHERE live GROUP BY application_id, state;

-- name: ListFindingKeys :many
SELECT application_id, key FROM findings;

-- Relies on evidence_records_waiting.
-- name: CountWaitingEvidence :one
SELECT COUNT(*) AS waiting, CAST(COALESCE(MIN(id), '') AS TEXT) AS oldest FROM evidence_records WHERE position IS NULL;
