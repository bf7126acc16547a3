-- name: GetState :one
SELECT id, revision, clock_mark, evidence_size, log_origin FROM state WHERE id = 1;

-- name: RaiseRevision :one
UPDATE state SET revision = revision + 1 WHERE id = 1 RETURNING revision;

-- name: RaiseClockMark :exec
UPDATE state SET clock_mark = sqlc.arg(now) WHERE id = 1 AND clock_mark < sqlc.arg(now);

-- name: SetLogOrigin :execrows
UPDATE state SET log_origin = sqlc.arg(log_origin) WHERE id = 1 AND log_origin = '';

-- name: AdvanceEvidence :execrows
UPDATE state SET evidence_size = sqlc.arg(new_size) WHERE id = 1 AND evidence_size = sqlc.arg(old_size);

-- RaiseChanges holds its row until the end of the transaction, so it comes
-- last in every one that changes state.
-- name: RaiseChanges :execrows
UPDATE changes SET n = n + 1 WHERE shard = sqlc.arg(shard);

-- name: CountChanges :one
SELECT CAST(SUM(n) AS BIGINT) FROM changes;
