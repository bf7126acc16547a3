-- name: InsertOperation :exec
INSERT INTO operations (id, kind, grant_id, application_id, account_id, next_at, attempts, called, last_error, created_at, result)
VALUES (sqlc.arg(id), sqlc.arg(kind), sqlc.arg(grant_id), sqlc.arg(application_id), sqlc.arg(account_id), sqlc.arg(next_at), 0, FALSE, '', sqlc.arg(created_at), '');

-- name: GetOperation :one
SELECT id, kind, grant_id, application_id, account_id, next_at, attempts, called, last_error, created_at, done_at, result
FROM operations WHERE id = sqlc.arg(id);

-- Relies on operations_due.
-- name: ApplicationsDue :many
SELECT DISTINCT application_id FROM operations WHERE done_at IS NULL AND next_at <= sqlc.arg(now);

-- Relies on operations_application.
-- name: OperationsDue :many
SELECT id, application_id, account_id, next_at FROM operations
WHERE application_id = sqlc.arg(application_id) AND done_at IS NULL AND next_at <= sqlc.arg(now)
ORDER BY next_at LIMIT 100;

-- name: ListOpenOperations :many
SELECT id, kind, grant_id, application_id, account_id, next_at, attempts, called, last_error, created_at, done_at, result
FROM operations WHERE done_at IS NULL;

-- name: ListOpenOperationsOfGrant :many
SELECT id, kind, grant_id, application_id, account_id, next_at, attempts, called, last_error, created_at, done_at, result
FROM operations WHERE grant_id = sqlc.arg(grant_id) AND done_at IS NULL;

-- name: MarkCalled :execrows
UPDATE operations SET called = TRUE WHERE id = sqlc.arg(id) AND done_at IS NULL;

-- name: RetryOperation :execrows
UPDATE operations SET next_at = sqlc.arg(next_at), last_error = sqlc.arg(last_error), attempts = attempts + 1 WHERE id = sqlc.arg(id) AND done_at IS NULL;

-- name: FinishOperation :execrows
UPDATE operations SET done_at = sqlc.arg(done_at), last_error = '', result = sqlc.arg(result) WHERE id = sqlc.arg(id) AND done_at IS NULL;

-- name: FinishOperationsOfGrant :execrows
UPDATE operations SET done_at = sqlc.arg(done_at), result = sqlc.arg(result)
WHERE grant_id = sqlc.arg(grant_id) AND kind = sqlc.arg(kind) AND done_at IS NULL;

-- TakeLease answers the new fence; no row when somebody else holds the lease.
-- name: TakeLease :one
INSERT INTO leases (key, holder, fence, until_at) VALUES (sqlc.arg(key), sqlc.arg(holder), 1, sqlc.arg(until_at))
ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, fence = leases.fence + 1, until_at = excluded.until_at
WHERE leases.until_at <= sqlc.arg(now)
RETURNING fence;

-- HoldLease keeps the lease's row until the end of the transaction; no row when
-- the fence is stale.
-- name: HoldLease :execrows
UPDATE leases SET until_at = until_at WHERE key = sqlc.arg(key) AND fence = sqlc.arg(fence);

-- name: RenewLease :execrows
UPDATE leases SET until_at = sqlc.arg(until_at) WHERE key = sqlc.arg(key) AND fence = sqlc.arg(fence);

-- name: DropLease :exec
UPDATE leases SET until_at = 0 WHERE key = sqlc.arg(key) AND fence = sqlc.arg(fence);
