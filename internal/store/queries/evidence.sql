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

-- name: InsertHash :exec
INSERT INTO evidence_hashes (position, hash) VALUES (sqlc.arg(position), sqlc.arg(hash));

-- name: GetHash :one
SELECT hash FROM evidence_hashes WHERE position = sqlc.arg(position);
