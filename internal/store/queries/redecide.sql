-- Marking a grant also holds it until the end of the transaction, and waits for
-- whoever is writing it. A mark that is set already stays.

-- Relies on grants_identity.
-- name: MarkGrantsOfIdentity :execrows
UPDATE grants SET redecide_at = sqlc.arg(now) WHERE identity_id = sqlc.arg(identity_id) AND live;

-- Relies on grants_live_account.
-- name: MarkGrantsOfAccount :execrows
UPDATE grants SET redecide_at = sqlc.arg(now) WHERE account_id = sqlc.arg(account_id) AND live;

-- Relies on grants_live_entitlement.
-- name: MarkGrantsOfEntitlement :execrows
UPDATE grants SET redecide_at = sqlc.arg(now) WHERE entitlement_id = sqlc.arg(entitlement_id) AND live;

-- Relies on grants_live_template.
-- name: MarkGrantsOfTemplate :execrows
UPDATE grants SET redecide_at = sqlc.arg(now) WHERE template_id = sqlc.arg(template_id) AND live;

-- Relies on grants_live_entitlement.
-- name: MarkGrantsOfTemplateAndEntitlement :execrows
UPDATE grants SET redecide_at = sqlc.arg(now)
WHERE entitlement_id = sqlc.arg(entitlement_id) AND template_id = sqlc.arg(template_id) AND live;

-- Relies on grants_live_event.
-- name: MarkGrantsOfEvent :execrows
UPDATE grants SET redecide_at = sqlc.arg(now) WHERE event_id = sqlc.arg(event_id) AND live;

-- name: MarkGrantsOfApplication :execrows
UPDATE grants SET redecide_at = sqlc.arg(now) WHERE application_id = sqlc.arg(application_id) AND live;

-- UnmarkGrant holds the grant until the end of the transaction; no row when
-- another process has decided it.
-- name: UnmarkGrant :execrows
UPDATE grants SET redecide_at = NULL WHERE id = sqlc.arg(id) AND redecide_at IS NOT NULL;

-- Relies on grants_redecide. The oldest first: of two that are in conflict the
-- newer one goes.
-- name: GrantsToRedecide :many
SELECT id FROM grants
WHERE redecide_at IS NOT NULL AND state IN ('scheduled', 'provisioning', 'active') AND redecide_at <= sqlc.arg(now)
ORDER BY redecide_at, id;

-- CountMarkedGrants is how many wait to be decided again.
-- name: CountMarkedGrants :one
SELECT COUNT(*) FROM grants WHERE redecide_at IS NOT NULL AND state IN ('scheduled', 'provisioning', 'active');

-- ListIncluding are the entitlements that include one, directly or through
-- others, and itself. Relies on inclusions_to.
-- name: ListIncluding :many
WITH RECURSIVE within (id) AS (
    SELECT CAST(sqlc.arg(entitlement_id) AS TEXT)
    UNION
    SELECT i.from_id FROM inclusions i JOIN within w ON i.to_id = w.id
)
SELECT id FROM within;

-- HoldPendingRequestsOf holds an identity's pending requests until the end of the
-- transaction.
-- name: HoldPendingRequestsOf :execrows
UPDATE requests SET state = state WHERE identity_id = sqlc.arg(identity_id) AND state = 'pending';

-- Relies on requests_identity.
-- name: ListPendingRequestsOf :many
SELECT body FROM requests WHERE identity_id = sqlc.arg(identity_id) AND state = 'pending';

-- name: RenameGrant :execrows
UPDATE grants SET account_id = sqlc.arg(account_id), entitlement_id = sqlc.arg(entitlement_id), body = sqlc.arg(body)
WHERE id = sqlc.arg(id) AND body = sqlc.arg(was);

-- name: RenameAccountOfOperations :exec
UPDATE operations SET account_id = sqlc.arg(account_id) WHERE grant_id = sqlc.arg(grant_id) AND done_at IS NULL;
