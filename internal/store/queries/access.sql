-- name: InsertRequest :exec
INSERT INTO requests (id, identity_id, template_id, event_id, state, deadline, extends_id, body)
VALUES (sqlc.arg(id), sqlc.arg(identity_id), sqlc.arg(template_id), sqlc.arg(event_id), sqlc.arg(state), sqlc.narg(deadline), sqlc.arg(extends_id), sqlc.arg(body));

-- UpdateRequest writes only when the request still stands as it was read.
-- name: UpdateRequest :execrows
UPDATE requests SET state = sqlc.arg(state), deadline = sqlc.narg(deadline), body = sqlc.arg(body)
WHERE id = sqlc.arg(id) AND body = sqlc.arg(was);

-- name: GetRequest :one
SELECT body FROM requests WHERE id = sqlc.arg(id);

-- name: ListRequests :many
SELECT body FROM requests;

-- name: ListRequestsByState :many
SELECT body FROM requests WHERE state = sqlc.arg(state);

-- name: ListRequestsOf :many
SELECT body FROM requests WHERE identity_id = sqlc.arg(identity_id);

-- Relies on requests_deadline.
-- name: RequestsDue :many
SELECT id FROM requests WHERE deadline IS NOT NULL AND deadline <= sqlc.arg(now) ORDER BY deadline;

-- ExtensionsDue are the pending extensions of grants that are active no more.
-- Relies on requests_extending.
-- name: ExtensionsDue :many
SELECT r.id FROM requests r JOIN grants g ON g.id = r.extends_id
WHERE r.extends_id <> '' AND r.state = 'pending' AND g.state <> 'active';

-- name: InsertGrant :exec
INSERT INTO grants (id, request_id, identity_id, template_id, application_id, account_id, entitlement_id, event_id, state, live, due_at, ended_at, lingering, body)
VALUES (sqlc.arg(id), sqlc.arg(request_id), sqlc.arg(identity_id), sqlc.arg(template_id), sqlc.arg(application_id), sqlc.arg(account_id), sqlc.arg(entitlement_id), sqlc.arg(event_id), sqlc.arg(state), sqlc.arg(live), sqlc.narg(due_at), sqlc.narg(ended_at), FALSE, sqlc.arg(body));

-- UpdateGrant writes only when the grant still stands as it was read.
-- name: UpdateGrant :execrows
UPDATE grants SET state = sqlc.arg(state), live = sqlc.arg(live), due_at = sqlc.narg(due_at), ended_at = sqlc.narg(ended_at), body = sqlc.arg(body)
WHERE id = sqlc.arg(id) AND body = sqlc.arg(was);

-- name: SetLingering :exec
UPDATE grants SET lingering = sqlc.arg(lingering) WHERE id = sqlc.arg(id);

-- name: GetGrant :one
SELECT body FROM grants WHERE id = sqlc.arg(id);

-- name: ListGrants :many
SELECT body FROM grants;

-- name: ListLiveGrants :many
SELECT body FROM grants WHERE live;

-- name: ListGrantsOf :many
SELECT body FROM grants WHERE identity_id = sqlc.arg(identity_id);

-- name: ListGrantsOfRequest :many
SELECT body FROM grants WHERE request_id = sqlc.arg(request_id);

-- Relies on grants_account.
-- name: ListLiveGrantsOfAccount :many
SELECT body FROM grants WHERE account_id = sqlc.arg(account_id) AND live;

-- name: ListLiveGrantsOfTemplate :many
SELECT body FROM grants WHERE template_id = sqlc.arg(template_id) AND live;

-- name: ListLiveGrantsOfApplication :many
SELECT body FROM grants WHERE application_id = sqlc.arg(application_id) AND live;

-- name: ListLiveGrantsOfIdentity :many
SELECT body FROM grants WHERE identity_id = sqlc.arg(identity_id) AND live;

-- name: ListLiveGrantsOfEvent :many
SELECT body FROM grants WHERE event_id = sqlc.arg(event_id) AND live;

-- Relies on grants_ended.
-- name: ListGrantsEndedSince :many
SELECT body FROM grants WHERE application_id = sqlc.arg(application_id) AND ended_at >= sqlc.arg(since);

-- name: ListLingeringGrants :many
SELECT body FROM grants WHERE application_id = sqlc.arg(application_id) AND lingering;

-- Relies on grants_due.
-- name: GrantsDue :many
SELECT id FROM grants WHERE due_at IS NOT NULL AND due_at <= sqlc.arg(now) ORDER BY due_at;
