-- name: InsertEvidence :exec
INSERT INTO evidence_records (id, leaf, disclosures) VALUES (sqlc.arg(id), sqlc.arg(leaf), sqlc.arg(disclosures));

-- Relies on evidence_records_waiting.
-- name: WaitingEvidence :many
SELECT id, leaf FROM evidence_records WHERE position IS NULL ORDER BY id LIMIT 2000;

-- name: PlaceEvidence :execrows
UPDATE evidence_records SET position = sqlc.arg(position) WHERE id = sqlc.arg(id) AND position IS NULL;

-- name: ListEvidence :many
SELECT id, position, leaf, disclosures FROM evidence_records
WHERE position >= sqlc.arg(from_position) AND position < sqlc.arg(to_position)
ORDER BY position;

-- The records of a former log leave for a bundle; those that it does not hold wait
-- for the next log.

-- name: DropEvidenceBefore :exec
DELETE FROM evidence_records WHERE position < sqlc.arg(position);

-- name: UnplaceEvidence :exec
UPDATE evidence_records SET position = NULL WHERE position IS NOT NULL;

-- name: DropHashes :exec
DELETE FROM evidence_hashes;

-- name: InsertHash :exec
INSERT INTO evidence_hashes (position, hash) VALUES (sqlc.arg(position), sqlc.arg(hash));

-- GetHashes reads those at some positions, each given by 19 digits; null where there is
-- none.
-- name: GetHashes :many
WITH RECURSIVE wanted (position, rest) AS (
    SELECT CAST(-1 AS BIGINT), CAST(sqlc.arg(positions) AS TEXT)
    UNION ALL
    SELECT CAST(SUBSTR(rest, 1, 19) AS BIGINT), SUBSTR(rest, 20) FROM wanted WHERE rest <> ''
)
SELECT CAST(w.position AS BIGINT) AS position, (SELECT h.hash FROM evidence_hashes h WHERE h.position = w.position) AS hash
FROM wanted w WHERE w.position >= 0;

-- name: InsertCheckpoint :exec
INSERT INTO evidence_checkpoints (size, signed) VALUES (sqlc.arg(size), sqlc.arg(signed)) ON CONFLICT (size) DO NOTHING;

-- name: ListCheckpoints :many
SELECT size, signed FROM evidence_checkpoints ORDER BY size DESC;

-- name: DropCheckpoints :exec
DELETE FROM evidence_checkpoints;

-- name: PruneCheckpoints :exec
DELETE FROM evidence_checkpoints WHERE evidence_checkpoints.size <= sqlc.arg(size);
