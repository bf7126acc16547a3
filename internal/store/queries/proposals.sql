-- name: GetProposal :one
SELECT body FROM proposals WHERE kind = sqlc.arg(kind) AND subject = sqlc.arg(subject) AND lapses_at > sqlc.arg(now);

-- name: ListProposals :many
SELECT body FROM proposals WHERE kind = sqlc.arg(kind) AND lapses_at > sqlc.arg(now);

-- PutProposal answers no row when another proposal still waits.
-- name: PutProposal :execrows
INSERT INTO proposals (kind, subject, lapses_at, body)
VALUES (sqlc.arg(kind), sqlc.arg(subject), sqlc.arg(lapses_at), sqlc.arg(body))
ON CONFLICT (kind, subject) DO UPDATE SET lapses_at = excluded.lapses_at, body = excluded.body
WHERE proposals.lapses_at <= sqlc.arg(now);

-- name: DeleteProposal :execrows
DELETE FROM proposals WHERE kind = sqlc.arg(kind) AND subject = sqlc.arg(subject);
