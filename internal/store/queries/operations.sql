-- name: InsertOperation :exec
INSERT INTO operations (id, kind, grant_id, application_id, account_id, next_at, attempts, called, last_error, created_at, result)
VALUES (sqlc.arg(id), sqlc.arg(kind), sqlc.arg(grant_id), sqlc.arg(application_id), sqlc.arg(account_id), sqlc.arg(next_at), 0, FALSE, '', sqlc.arg(created_at), '');

-- name: GetOperation :one
SELECT id, kind, grant_id, application_id, account_id, next_at, attempts, called, last_error, created_at, done_at, result
FROM operations WHERE id = sqlc.arg(id);

-- The queries of what is due look at one row after the other, by index, in
-- sub-selects that no planner turns into a join: how many wait does not matter.

-- ApplicationsDue are those with an operation that is due and that nobody works
-- at. It skips from one application to the next. Relies on
-- operations_application.
-- name: ApplicationsDue :many
WITH RECURSIVE applications (id) AS (
    SELECT MIN(o.application_id) FROM operations o WHERE o.done_at IS NULL
    UNION ALL
    SELECT (SELECT MIN(o.application_id) FROM operations o WHERE o.done_at IS NULL AND o.application_id > a.id)
    FROM applications a WHERE a.id IS NOT NULL
)
SELECT CAST(a.id AS TEXT) FROM applications a
WHERE a.id IS NOT NULL AND (
    SELECT o.id FROM operations o
    WHERE o.application_id = a.id AND o.kind IN ('revoke', 'make_account', 'grant', 'verify', 'remove_account') AND o.done_at IS NULL AND o.next_at <= sqlc.arg(now)
    AND COALESCE((SELECT l.until_at FROM leases l WHERE l.key = 'account/' || o.account_id), 0) <= sqlc.arg(now)
    LIMIT 1
) IS NOT NULL;

-- DueKinds are the kinds of an application's operations of which one is due and that
-- nobody works at. Relies on operations_application.
-- name: DueKinds :many
SELECT CAST(k.kind AS TEXT) FROM (
    SELECT 'revoke' AS kind UNION ALL SELECT 'make_account' UNION ALL SELECT 'grant' UNION ALL SELECT 'verify' UNION ALL SELECT 'remove_account'
) k
WHERE (
    SELECT o.id FROM operations o
    WHERE o.application_id = sqlc.arg(application_id) AND o.kind = k.kind AND o.done_at IS NULL AND o.next_at <= sqlc.arg(now)
    AND COALESCE((SELECT l.until_at FROM leases l WHERE l.key = 'account/' || o.account_id), 0) <= sqlc.arg(now)
    LIMIT 1
) IS NOT NULL;

-- DueOperations are operations of one kind that are due, those first that are
-- due the longest, each with its grant, one of the other live grants of its
-- account (empty: it has none), and the fence of the account's lease (0: there
-- never was one). An account whose lease somebody holds is passed over, and counts
-- once however many of its operations are due. What another transaction is about to
-- have taken is passed over as well: see skipLocked in the store. Relies on
-- operations_application, operations_account and grants_live_account; the kind is no
-- plain column in the inner query, so that a PostgreSQL which has not counted the
-- rows yet looks for them by account and not by kind.
-- name: DueOperations :many
SELECT o.id, o.kind, o.grant_id, o.application_id, o.account_id, o.next_at, o.attempts, o.called, o.last_error, o.created_at,
    CAST(COALESCE((SELECT l.fence FROM leases l WHERE l.key = 'account/' || o.account_id), 0) AS BIGINT) AS fence,
    CAST(COALESCE((SELECT g.body FROM grants g WHERE g.id = o.grant_id), '') AS TEXT) AS body,
    CAST(COALESCE((SELECT x.id FROM grants x WHERE x.account_id = o.account_id AND x.live AND x.id <> o.grant_id LIMIT 1), '') AS TEXT) AS other_grant
FROM operations o
WHERE o.application_id = sqlc.arg(application_id) AND o.kind = sqlc.arg(kind) AND o.done_at IS NULL AND o.next_at <= sqlc.arg(now)
AND COALESCE((SELECT l.until_at FROM leases l WHERE l.key = 'account/' || o.account_id), 0) <= sqlc.arg(now)
AND o.id = (
    SELECT e.id FROM operations e
    WHERE e.account_id = o.account_id AND e.kind || '' = o.kind AND e.done_at IS NULL
    ORDER BY e.next_at, e.id LIMIT 1
)
ORDER BY o.next_at LIMIT sqlc.arg(limit_to)
FOR UPDATE OF o SKIP LOCKED;

-- HurryOperation makes an operation due, but for a read that waits until no call
-- that was sent can be carried out any more.
-- name: HurryOperation :execrows
UPDATE operations SET next_at = sqlc.arg(now) WHERE id = sqlc.arg(id) AND done_at IS NULL
AND NOT (kind = 'verify' AND attempts = 0 AND next_at > sqlc.arg(now));

-- HurryOperationsOf is HurryOperation for all of an application. Relies on
-- operations_application.
-- name: HurryOperationsOf :execrows
UPDATE operations SET next_at = sqlc.arg(now) WHERE application_id = sqlc.arg(application_id) AND done_at IS NULL AND next_at > sqlc.arg(now)
AND NOT (kind = 'verify' AND attempts = 0);

-- Relies on operations_application.
-- name: ListOpenOperationsOf :many
SELECT id, kind, grant_id, application_id, account_id, next_at, attempts, called, last_error, created_at, done_at, result
FROM operations WHERE application_id = sqlc.arg(application_id) AND done_at IS NULL;

-- ListResurfacedGrants are grants that are over while something is to be taken once
-- more. Relies on operations_application.
-- name: ListResurfacedGrants :many
SELECT g.body FROM operations o JOIN grants g ON g.id = o.grant_id
WHERE o.application_id = sqlc.arg(application_id) AND o.kind = 'revoke' AND o.done_at IS NULL AND NOT g.live;

-- name: ListOpenOperations :many
SELECT id, kind, grant_id, application_id, account_id, next_at, attempts, called, last_error, created_at, done_at, result
FROM operations WHERE done_at IS NULL;

-- name: ListOpenOperationsOfGrant :many
SELECT id, kind, grant_id, application_id, account_id, next_at, attempts, called, last_error, created_at, done_at, result
FROM operations WHERE grant_id = sqlc.arg(grant_id) AND done_at IS NULL;

-- GetGrantWithOperation is a grant with how its unfinished operation fares, if it has
-- one. It does not say IS NULL, so that no planner goes through all that is unfinished
-- instead of what is the grant's. Relies on operations_grant.
-- name: GetGrantWithOperation :one
SELECT g.body,
    CAST(COALESCE((SELECT o.last_error FROM operations o WHERE o.grant_id = g.id AND COALESCE(o.done_at, 0) = 0 AND o.kind <> 'verify' ORDER BY o.created_at DESC LIMIT 1), '') AS TEXT) AS last_error,
    CAST(COALESCE((SELECT o.attempts FROM operations o WHERE o.grant_id = g.id AND COALESCE(o.done_at, 0) = 0 AND o.kind <> 'verify' ORDER BY o.created_at DESC LIMIT 1), 0) AS BIGINT) AS attempts
FROM grants g WHERE g.id = sqlc.arg(id);

-- name: MarkCalled :exec
UPDATE operations SET called = TRUE WHERE id = sqlc.arg(id);

-- UnmarkCalled takes the mark from an operation that was not called after all.
-- name: UnmarkCalled :exec
UPDATE operations SET called = FALSE WHERE id = sqlc.arg(id);

-- name: RetryOperation :execrows
UPDATE operations SET next_at = sqlc.arg(next_at), last_error = sqlc.arg(last_error), attempts = attempts + 1 WHERE id = sqlc.arg(id) AND done_at IS NULL;

-- DeferOperation has an operation wait without counting an attempt.
-- name: DeferOperation :execrows
UPDATE operations SET next_at = sqlc.arg(next_at) WHERE id = sqlc.arg(id) AND done_at IS NULL;

-- name: FinishOperation :execrows
UPDATE operations SET done_at = sqlc.arg(done_at), last_error = '', result = sqlc.arg(result) WHERE id = sqlc.arg(id) AND done_at IS NULL;

-- name: FinishOperationsOfGrant :exec
UPDATE operations SET done_at = sqlc.arg(done_at), result = sqlc.arg(result)
WHERE grant_id = sqlc.arg(grant_id) AND kind = sqlc.arg(kind) AND done_at IS NULL;

-- name: FinishAllOperationsOfGrant :execrows
UPDATE operations SET done_at = sqlc.arg(done_at), result = sqlc.arg(result)
WHERE grant_id = sqlc.arg(grant_id) AND done_at IS NULL;

-- ListUnsettledGrantsOfAccount are grants that are over while an operation has
-- still to read or to take what they gave. Relies on operations_account.
-- name: ListUnsettledGrantsOfAccount :many
SELECT g.body FROM grants g
WHERE g.id IN (SELECT o.grant_id FROM operations o WHERE o.account_id = sqlc.arg(account_id) AND o.done_at IS NULL) AND NOT g.live;

-- TakeLease answers the new fence; no row when somebody else holds the lease.
-- name: TakeLease :one
INSERT INTO leases (key, holder, fence, until_at) VALUES (sqlc.arg(key), sqlc.arg(holder), 1, sqlc.arg(until_at))
ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, fence = leases.fence + 1, until_at = excluded.until_at
WHERE leases.until_at <= sqlc.arg(now)
RETURNING fence;

-- AddLease makes a lease that there never was; no row when somebody was faster.
-- name: AddLease :execrows
INSERT INTO leases (key, holder, fence, until_at) VALUES (sqlc.arg(key), sqlc.arg(holder), 1, sqlc.arg(until_at))
ON CONFLICT (key) DO NOTHING;

-- TakeLeaseAfter raises the fence of a lease that nobody has held since the fence
-- was read; no row when somebody has.
-- name: TakeLeaseAfter :execrows
UPDATE leases SET holder = sqlc.arg(holder), fence = sqlc.arg(fence) + 1, until_at = sqlc.arg(until_at)
WHERE key = sqlc.arg(key) AND fence = sqlc.arg(fence) AND until_at <= sqlc.arg(now);

-- HoldLease keeps the lease's row until the end of the transaction; no row when
-- the fence is stale or the lease was given back.
-- name: HoldLease :execrows
UPDATE leases SET until_at = until_at WHERE key = sqlc.arg(key) AND fence = sqlc.arg(fence) AND until_at > 0;

-- RenewLease renews a lease that is still held; no row when it was taken over or
-- given back.
-- name: RenewLease :execrows
UPDATE leases SET until_at = sqlc.arg(until_at) WHERE key = sqlc.arg(key) AND fence = sqlc.arg(fence) AND until_at > 0;

-- name: DropLease :exec
UPDATE leases SET until_at = 0 WHERE key = sqlc.arg(key) AND fence = sqlc.arg(fence);

-- GiveLease is DropLease that tells whether the lease was still held.
-- name: GiveLease :execrows
UPDATE leases SET until_at = 0 WHERE key = sqlc.arg(key) AND fence = sqlc.arg(fence) AND until_at > 0;

-- HurryOperations makes the operations due that failed before; those that only
-- wait for their time still do.
-- name: HurryOperations :execrows
UPDATE operations SET next_at = sqlc.arg(now)
WHERE application_id = sqlc.arg(application_id) AND kind IN ('revoke', 'make_account', 'grant', 'verify', 'remove_account') AND done_at IS NULL AND next_at > sqlc.arg(now) AND attempts > 0;

-- ListOpenOperationsWithGrants comes with the grants that they are for.
-- name: ListOpenOperationsWithGrants :many
SELECT o.id, o.kind, o.application_id, o.next_at, o.attempts, o.called, o.last_error, o.created_at, g.body
FROM operations o JOIN grants g ON g.id = o.grant_id WHERE o.done_at IS NULL;

-- name: GetPace :one
SELECT taken_until, shares FROM paces WHERE application_id = sqlc.arg(application_id);

-- PutPace notes how far the limits of an application are taken up; no row when
-- another process has written that since it was read.
-- name: PutPace :execrows
INSERT INTO paces (application_id, taken_until, shares) VALUES (sqlc.arg(application_id), sqlc.arg(taken_until), sqlc.arg(shares))
ON CONFLICT (application_id) DO UPDATE SET taken_until = excluded.taken_until, shares = excluded.shares
WHERE paces.taken_until = sqlc.arg(taken_before) AND paces.shares = sqlc.arg(shares_before);

-- name: DeletePace :exec
DELETE FROM paces WHERE application_id = sqlc.arg(application_id);
