-- name: InsertRequest :exec
INSERT INTO requests (id, identity_id, template_id, event_id, state, deadline, extends_id, review, body)
VALUES (sqlc.arg(id), sqlc.arg(identity_id), sqlc.arg(template_id), sqlc.arg(event_id), sqlc.arg(state), sqlc.narg(deadline), sqlc.arg(extends_id), sqlc.arg(review), sqlc.arg(body));

-- UpdateRequest writes only when the request still stands as it was read.
-- name: UpdateRequest :execrows
UPDATE requests SET state = sqlc.arg(state), deadline = sqlc.narg(deadline), review = sqlc.arg(review), body = sqlc.arg(body)
WHERE id = sqlc.arg(id) AND body = sqlc.arg(was);

-- HoldRequest holds a request until the end of the transaction.
-- name: HoldRequest :execrows
UPDATE requests SET state = state WHERE id = sqlc.arg(id);

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
INSERT INTO grants (id, request_id, identity_id, template_id, application_id, account_id, entitlement_id, event_id, state, live, due_at, ended_at, lingering, overdue_noticed, body)
VALUES (sqlc.arg(id), sqlc.arg(request_id), sqlc.arg(identity_id), sqlc.arg(template_id), sqlc.arg(application_id), sqlc.arg(account_id), sqlc.arg(entitlement_id), sqlc.arg(event_id), sqlc.arg(state), sqlc.arg(live), sqlc.narg(due_at), sqlc.narg(ended_at), FALSE, FALSE, sqlc.arg(body));

-- UpdateGrant writes only when the grant still stands as it was read.
-- name: UpdateGrant :execrows
UPDATE grants SET state = sqlc.arg(state), live = sqlc.arg(live), due_at = sqlc.narg(due_at), ended_at = sqlc.narg(ended_at), overdue_at = sqlc.narg(overdue_at), body = sqlc.arg(body)
WHERE id = sqlc.arg(id) AND body = sqlc.arg(was);

-- Relies on grants_overdue.
-- name: OverdueGrants :many
SELECT body FROM grants WHERE overdue_at IS NOT NULL AND NOT overdue_noticed AND overdue_at <= sqlc.arg(now) ORDER BY overdue_at LIMIT 1000;

-- name: NoticeOverdue :execrows
UPDATE grants SET overdue_noticed = TRUE WHERE id = sqlc.arg(id) AND overdue_at IS NOT NULL AND NOT overdue_noticed;

-- name: SetLingering :exec
UPDATE grants SET lingering = sqlc.arg(lingering) WHERE id = sqlc.arg(id);

-- HoldGrant holds a grant until the end of the transaction.
-- name: HoldGrant :execrows
UPDATE grants SET state = state WHERE id = sqlc.arg(id);

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

-- Relies on grants_live_account.
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

-- ListUseOfTemplate are an identity's grants through a template that are live or
-- ended lately. Relies on grants_identity.
-- name: ListUseOfTemplate :many
SELECT l.body FROM grants l
WHERE l.identity_id = sqlc.arg(identity_id) AND l.template_id = sqlc.arg(template_id) AND l.ended_at IS NULL AND l.live
UNION ALL
SELECT e.body FROM grants e
WHERE e.identity_id = sqlc.arg(identity_id) AND e.template_id = sqlc.arg(template_id) AND e.ended_at > sqlc.arg(since) AND e.state = 'ended';

-- Relies on grants_live_template.
-- name: CountLiveGrantsOfTemplate :one
SELECT COUNT(*) FROM grants WHERE template_id = sqlc.arg(template_id) AND live;

-- Relies on grants_ended.
-- name: ListGrantsEndedSince :many
SELECT body FROM grants WHERE application_id = sqlc.arg(application_id) AND ended_at >= sqlc.arg(since);

-- name: ListLingeringGrants :many
SELECT body FROM grants WHERE application_id = sqlc.arg(application_id) AND lingering;

-- ListEveryLingeringGrant leaves out those of applications that are declared no
-- more. Relies on grants_lingering.
-- name: ListEveryLingeringGrant :many
SELECT g.body FROM grants g JOIN discoveries d ON d.application_id = g.application_id WHERE g.lingering;

-- Relies on grants_lingering.
-- name: ListLingeringGrantsOfAccount :many
SELECT body FROM grants WHERE account_id = sqlc.arg(account_id) AND lingering;

-- GrantsDue are the due grants after one of them, those due the longest first.
-- Relies on grants_due.
-- name: GrantsDue :many
SELECT id, due_at, body FROM grants
WHERE due_at IS NOT NULL AND due_at <= sqlc.arg(now) AND due_at >= sqlc.arg(after_due) AND (due_at > sqlc.arg(after_due) OR id > sqlc.arg(after_id))
ORDER BY due_at, id LIMIT sqlc.arg(limit_to);
