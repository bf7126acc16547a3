-- ListBrokenOf are an identity's requests that were granted by break-glass.
-- Relies on requests_broken.
-- name: ListBrokenOf :many
SELECT body FROM requests WHERE identity_id = sqlc.arg(identity_id) AND review <> '';

-- Relies on requests_review.
-- name: ListRequestsByReview :many
SELECT body FROM requests WHERE review <> '' AND review = sqlc.arg(review);

-- Relies on requests_review.
-- name: ListAwaitingReview :many
SELECT body FROM requests WHERE review <> '' AND review IN ('open', 'overdue');

-- ListUnreviewedGrants are an application's grants, live or not, whose request's
-- review is overdue, with the request.
-- Relies on requests_review and grants_request.
-- name: ListUnreviewedGrants :many
SELECT g.body, r.body AS request_body FROM requests r JOIN grants g ON g.request_id = r.id
WHERE r.review <> '' AND r.review = 'overdue' AND g.application_id = sqlc.arg(application_id);

-- HoldGrantsOfRequest keeps the live grants of a request from everybody else until
-- the transaction ends.
-- Relies on grants_request.
-- name: HoldGrantsOfRequest :execrows
UPDATE grants SET redecide_at = redecide_at WHERE request_id = sqlc.arg(request_id) AND live;
