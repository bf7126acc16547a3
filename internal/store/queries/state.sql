-- name: GetState :one
SELECT id, revision, clock_mark, set_backs, evidence_size, log_origin, restored_at FROM state WHERE id = 1;

-- name: RaiseRevision :one
UPDATE state SET revision = revision + 1 WHERE id = 1 RETURNING revision;

-- name: RaiseClockMark :exec
UPDATE state SET clock_mark = sqlc.arg(now) WHERE id = 1 AND clock_mark < sqlc.arg(now);

-- name: SetClockBack :exec
UPDATE state SET clock_mark = sqlc.arg(now), set_backs = set_backs + 1 WHERE id = 1;

-- name: SetChangesBack :exec
UPDATE changes SET set_backs = set_backs + 1;

-- What is to come moves along when time is set back.

-- name: SetBackLeases :exec
UPDATE leases SET until_at = until_at - sqlc.arg(span) WHERE until_at > sqlc.arg(now);

-- name: SetBackOperations :exec
UPDATE operations SET next_at = next_at - sqlc.arg(span) WHERE done_at IS NULL AND next_at > sqlc.arg(now);

-- name: SetBackDiscoveries :exec
UPDATE discoveries SET next_at = next_at - sqlc.arg(span) WHERE next_at > sqlc.arg(now);

-- name: SetBackRedecisions :exec
UPDATE grants SET redecide_at = redecide_at - sqlc.arg(span) WHERE redecide_at > sqlc.arg(now);

-- name: SetBackObservations :exec
UPDATE discoveries SET observed_at = observed_at - sqlc.arg(span) WHERE observed_at > sqlc.arg(now);

-- SetBackEventKeys lets what comes from now on count as later.
-- name: SetBackEventKeys :exec
UPDATE event_keys SET occurred_at = sqlc.arg(now) WHERE occurred_at > sqlc.arg(now);

-- name: SetBackDeliveries :exec
UPDATE event_deliveries SET received_at = received_at - sqlc.arg(span) WHERE received_at > sqlc.arg(now);

-- SetBackCalls moves those that would be known for longer than any call is.
-- name: SetBackCalls :exec
UPDATE calls SET lapses_at = lapses_at - sqlc.arg(span) WHERE lapses_at > sqlc.arg(beyond);

-- name: ListAllMadeAccountIDs :many
SELECT id FROM made_accounts;

-- name: SetBackMadeAccount :exec
UPDATE made_accounts SET removed_at = sqlc.narg(removed_at), body = sqlc.arg(body) WHERE id = sqlc.arg(id);

-- name: SetBackPaces :exec
UPDATE paces SET taken_until = taken_until - sqlc.arg(span) WHERE taken_until > sqlc.arg(now);

-- name: SetBackOpenOperations :exec
UPDATE operations SET created_at = created_at - sqlc.arg(span) WHERE done_at IS NULL AND created_at > sqlc.arg(now);

-- name: SetBackUse :exec
UPDATE identities SET used_at = used_at - sqlc.arg(span) WHERE used_at > sqlc.arg(now);

-- name: ListGrantsEndedAfter :many
SELECT body FROM grants WHERE ended_at > sqlc.arg(now);

-- name: ListRequestsWithTime :many
SELECT body FROM requests WHERE state = 'pending' OR review <> '';

-- name: ListAllProposals :many
SELECT body FROM proposals;

-- name: SetBackProposal :exec
UPDATE proposals SET lapses_at = sqlc.arg(lapses_at), body = sqlc.arg(body) WHERE kind = sqlc.arg(kind) AND subject = sqlc.arg(subject);

-- name: ListEventsOpenedAfter :many
SELECT id, name, declared, opened_at, ends_at, closed_at, version, uses, body FROM business_events
WHERE opened_at > sqlc.arg(now) AND closed_at IS NULL;

-- name: SetBackEvent :exec
UPDATE business_events SET version = version + 1, opened_at = sqlc.arg(opened_at), ends_at = sqlc.arg(ends_at), body = sqlc.arg(body) WHERE id = sqlc.arg(id);

-- name: SetLogOrigin :execrows
UPDATE state SET log_origin = sqlc.arg(log_origin) WHERE id = 1 AND log_origin = '';

-- AdvanceEvidence changes no row when another process has advanced it.
-- name: AdvanceEvidence :execrows
UPDATE state SET evidence_size = sqlc.arg(new_size) WHERE id = 1 AND evidence_size = sqlc.arg(old_size);

-- TakeTurn waits until no other transaction has the turn, and keeps it until the end
-- of this one. What is done in turn is right without it: who waits here does not do in
-- vain what another one is about to have done. SQLite writes one at a time anyway.
-- name: TakeTurn :exec
SELECT pg_advisory_xact_lock(CAST(sqlc.arg(turn) AS BIGINT));

-- AwaitTurn waits until no other transaction has the turn, and keeps all from taking
-- it, but not from waiting for it, until the end of this one.
-- name: AwaitTurn :exec
SELECT pg_advisory_xact_lock_shared(CAST(sqlc.arg(turn) AS BIGINT));

-- RaiseChanges holds its row until the end of the transaction, so it comes last in
-- every one that changes state. It changes no row when time was set back since the
-- transaction began, or is just being: whoever sets time back has the turn, and sees
-- what others have done until then. The second holds because the row is looked at
-- again as it is now, not as it was when the statement began.
-- name: RaiseChanges :execrows
UPDATE changes SET n = n + 1
WHERE shard = sqlc.arg(shard) AND set_backs = sqlc.arg(set_backs) AND pg_try_advisory_xact_lock_shared(CAST(sqlc.arg(turn) AS BIGINT));

-- HoldTime is RaiseChanges for what others need not notice.
-- name: HoldTime :execrows
UPDATE changes SET n = n
WHERE shard = sqlc.arg(shard) AND set_backs = sqlc.arg(set_backs) AND pg_try_advisory_xact_lock_shared(CAST(sqlc.arg(turn) AS BIGINT));

-- name: CountChanges :one
SELECT CAST(SUM(n) AS BIGINT) FROM changes;
