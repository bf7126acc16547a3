-- name: GetDiscovery :one
SELECT application_id, observed_at, next_at, error, held, erosion, retired_at, nesting FROM discoveries WHERE application_id = sqlc.arg(application_id);

-- name: ListDiscoveries :many
SELECT application_id, observed_at, next_at, error, held, erosion, retired_at, nesting FROM discoveries;

-- Relies on discoveries_next.
-- name: DiscoveriesDue :many
SELECT application_id FROM discoveries WHERE next_at <= sqlc.arg(now) AND retired_at IS NULL LIMIT 100;

-- NotableApplications are those that are retired or have inclusions. Relies on
-- discoveries_notable.
-- name: NotableApplications :many
SELECT application_id, retired_at, nesting FROM discoveries WHERE retired_at IS NOT NULL OR nesting <> '';

-- name: GetNesting :one
SELECT nesting FROM discoveries WHERE application_id = sqlc.arg(application_id);

-- PutDiscovery leaves the nesting as it is where that is given as empty.
-- name: PutDiscovery :exec
INSERT INTO discoveries (application_id, observed_at, next_at, error, held, erosion, nesting)
VALUES (sqlc.arg(application_id), sqlc.narg(observed_at), sqlc.arg(next_at), sqlc.arg(error), '', sqlc.arg(erosion), sqlc.arg(nesting))
ON CONFLICT (application_id) DO UPDATE
SET observed_at = excluded.observed_at, next_at = excluded.next_at, error = excluded.error, held = '', erosion = excluded.erosion,
    nesting = COALESCE(NULLIF(excluded.nesting, ''), discoveries.nesting);

-- name: HoldDiscovery :exec
UPDATE discoveries SET held = sqlc.arg(held), next_at = sqlc.arg(next_at), error = '' WHERE application_id = sqlc.arg(application_id);

-- name: SetRetired :execrows
UPDATE discoveries SET retired_at = sqlc.narg(retired_at) WHERE application_id = sqlc.arg(application_id);

-- name: FailDiscovery :exec
UPDATE discoveries SET next_at = sqlc.arg(next_at), error = sqlc.arg(error) WHERE application_id = sqlc.arg(application_id);

-- name: ScheduleDiscovery :exec
UPDATE discoveries SET next_at = sqlc.arg(next_at) WHERE application_id = sqlc.arg(application_id);

-- LockDiscovery holds the row until the end of the transaction.
-- name: LockDiscovery :exec
UPDATE discoveries SET next_at = next_at WHERE application_id = sqlc.arg(application_id);

-- name: InsertFindingsDue :exec
INSERT INTO findings_due (application_id, id) VALUES (sqlc.arg(application_id), sqlc.arg(id));

-- ApplicationsWithFindingsDue leaves out what was never discovered.
-- name: ApplicationsWithFindingsDue :many
SELECT d.application_id FROM discoveries d
WHERE EXISTS (SELECT 1 FROM findings_due f WHERE f.application_id = d.application_id);

-- name: ListFindingsDue :many
SELECT id FROM findings_due WHERE application_id = sqlc.arg(application_id) ORDER BY id;

-- DeleteFindingsDueUpTo answers how many there were.
-- name: DeleteFindingsDueUpTo :execrows
DELETE FROM findings_due WHERE application_id = sqlc.arg(application_id) AND id <= sqlc.arg(id);

-- name: DeleteFindingsDue :exec
DELETE FROM findings_due WHERE application_id = sqlc.arg(application_id);

-- name: DeleteDiscovery :exec
DELETE FROM discoveries WHERE application_id = sqlc.arg(application_id);

-- name: ListAccounts :many
SELECT id, application_id, name, uid, disabled, attributes, identity_id, matches, first_seen FROM accounts
WHERE application_id = sqlc.arg(application_id);

-- name: ListAccountsOf :many
SELECT id, application_id, name, uid, disabled, attributes, identity_id, matches, first_seen FROM accounts
WHERE identity_id = sqlc.arg(identity_id);

-- name: PutAccount :exec
INSERT INTO accounts (id, application_id, name, uid, disabled, attributes, identity_id, matches, first_seen)
VALUES (sqlc.arg(id), sqlc.arg(application_id), sqlc.arg(name), sqlc.arg(uid), sqlc.arg(disabled), sqlc.arg(attributes), sqlc.arg(identity_id), sqlc.arg(matches), sqlc.arg(first_seen))
ON CONFLICT (id) DO UPDATE
SET uid = excluded.uid, disabled = excluded.disabled, attributes = excluded.attributes, identity_id = excluded.identity_id, matches = excluded.matches;

-- name: GetAccountUID :one
SELECT uid FROM accounts WHERE id = sqlc.arg(id);

-- name: GetAccountOwner :one
SELECT identity_id FROM accounts WHERE id = sqlc.arg(id);

-- name: DeleteAssignmentsOfAccount :exec
DELETE FROM assignments WHERE account_id = sqlc.arg(account_id);

-- name: GetEntitlementUID :one
SELECT uid FROM discovered_entitlements WHERE id = sqlc.arg(id);

-- name: CorrelateAccount :exec
UPDATE accounts SET identity_id = sqlc.arg(identity_id), matches = sqlc.arg(matches) WHERE id = sqlc.arg(id);

-- name: DeleteAccount :exec
DELETE FROM accounts WHERE id = sqlc.arg(id);

-- name: ListDiscoveredEntitlements :many
SELECT id, application_id, kind, native_id, uid, attributes, first_seen FROM discovered_entitlements
WHERE application_id = sqlc.arg(application_id);

-- name: DiscoveredEntitlementExists :one
SELECT COUNT(*) FROM discovered_entitlements WHERE id = sqlc.arg(id);

-- name: ListDiscoveredEntitlementIDs :many
SELECT id FROM discovered_entitlements;

-- name: PutDiscoveredEntitlement :exec
INSERT INTO discovered_entitlements (id, application_id, kind, native_id, uid, attributes, first_seen)
VALUES (sqlc.arg(id), sqlc.arg(application_id), sqlc.arg(kind), sqlc.arg(native_id), sqlc.arg(uid), sqlc.arg(attributes), sqlc.arg(first_seen))
ON CONFLICT (id) DO UPDATE SET uid = excluded.uid, attributes = excluded.attributes;

-- name: DeleteDiscoveredEntitlement :exec
DELETE FROM discovered_entitlements WHERE id = sqlc.arg(id);

-- name: ListInclusions :many
SELECT application_id, from_id, to_id, implied FROM inclusions WHERE application_id = sqlc.arg(application_id);

-- name: ListAllInclusions :many
SELECT application_id, from_id, to_id, implied FROM inclusions;

-- name: PutInclusion :exec
INSERT INTO inclusions (application_id, from_id, to_id, implied)
VALUES (sqlc.arg(application_id), sqlc.arg(from_id), sqlc.arg(to_id), sqlc.arg(implied))
ON CONFLICT (from_id, to_id) DO UPDATE SET implied = excluded.implied;

-- name: DeleteInclusion :exec
DELETE FROM inclusions WHERE from_id = sqlc.arg(from_id) AND to_id = sqlc.arg(to_id);

-- name: ListAssignments :many
SELECT application_id, account_id, entitlement_id, attributes, first_seen FROM assignments
WHERE application_id = sqlc.arg(application_id);

-- name: ListAssignmentsOf :many
SELECT s.application_id, s.account_id, s.entitlement_id, s.attributes, s.first_seen
FROM assignments s JOIN accounts a ON a.id = s.account_id
WHERE a.identity_id = sqlc.arg(identity_id);

-- ListHolders are the identities that were observed to hold an entitlement,
-- directly or through others. Relies on inclusions_to and
-- assignments_entitlement.
-- name: ListHolders :many
WITH RECURSIVE within (id) AS (
    SELECT CAST(sqlc.arg(entitlement_id) AS TEXT)
    UNION
    SELECT i.from_id FROM inclusions i JOIN within w ON i.to_id = w.id
)
SELECT DISTINCT a.identity_id FROM assignments s
JOIN within w ON s.entitlement_id = w.id
JOIN accounts a ON a.id = s.account_id
WHERE a.identity_id <> '';

-- name: PutAssignment :exec
INSERT INTO assignments (application_id, account_id, entitlement_id, attributes, first_seen)
VALUES (sqlc.arg(application_id), sqlc.arg(account_id), sqlc.arg(entitlement_id), sqlc.arg(attributes), sqlc.arg(first_seen))
ON CONFLICT (account_id, entitlement_id) DO UPDATE SET attributes = excluded.attributes;

-- name: NoteAssignment :exec
INSERT INTO assignments (application_id, account_id, entitlement_id, attributes, first_seen)
VALUES (sqlc.arg(application_id), sqlc.arg(account_id), sqlc.arg(entitlement_id), '{}', sqlc.arg(first_seen))
ON CONFLICT (account_id, entitlement_id) DO NOTHING;

-- name: DeleteAssignment :exec
DELETE FROM assignments WHERE account_id = sqlc.arg(account_id) AND entitlement_id = sqlc.arg(entitlement_id);

-- name: DeleteAccountsOf :exec
DELETE FROM accounts WHERE application_id = sqlc.arg(application_id);

-- name: DeleteDiscoveredEntitlementsOf :exec
DELETE FROM discovered_entitlements WHERE application_id = sqlc.arg(application_id);

-- name: DeleteInclusionsOf :exec
DELETE FROM inclusions WHERE application_id = sqlc.arg(application_id);

-- name: DeleteAssignmentsOf :exec
DELETE FROM assignments WHERE application_id = sqlc.arg(application_id);

-- name: ListFindings :many
SELECT key, application_id, body FROM findings;

-- name: GetFinding :one
SELECT key, application_id, body FROM findings WHERE key = sqlc.arg(key);

-- name: ListFindingsOf :many
SELECT key, application_id, body FROM findings WHERE application_id = sqlc.arg(application_id);

-- name: PutFinding :exec
INSERT INTO findings (key, application_id, body) VALUES (sqlc.arg(key), sqlc.arg(application_id), sqlc.arg(body))
ON CONFLICT (key) DO UPDATE SET body = excluded.body;

-- name: DeleteFinding :exec
DELETE FROM findings WHERE key = sqlc.arg(key);


-- name: AssignmentExists :one
SELECT COUNT(*) FROM assignments WHERE account_id = sqlc.arg(account_id) AND entitlement_id = sqlc.arg(entitlement_id);
