-- name: InsertMadeAccount :exec
INSERT INTO made_accounts (id, account_id, application_id, state, standing, current, removed_at, uses, body)
VALUES (sqlc.arg(id), sqlc.arg(account_id), sqlc.arg(application_id), sqlc.arg(state), sqlc.arg(standing), sqlc.arg(current), NULL, 0, sqlc.arg(body));

-- UpdateMadeAccount changes one that is held.
-- name: UpdateMadeAccount :execrows
UPDATE made_accounts
SET account_id = sqlc.arg(account_id), state = sqlc.arg(state), standing = sqlc.arg(standing), current = sqlc.arg(current),
    removed_at = sqlc.narg(removed_at), body = sqlc.arg(body)
WHERE id = sqlc.arg(id);

-- HoldMadeAccount keeps it until the transaction ends: whoever begins or ends a
-- grant that rests on it does, so that of two that end at once the second knows
-- that it is the last.
-- name: HoldMadeAccount :exec
UPDATE made_accounts SET uses = uses + 1 WHERE id = sqlc.arg(id);

-- name: GetMadeAccount :one
SELECT body FROM made_accounts WHERE id = sqlc.arg(id);

-- ListMadeAccountsOfMark is the one that bears a mark, or none.
-- name: ListMadeAccountsOfMark :many
SELECT body FROM made_accounts WHERE id = sqlc.arg(id);

-- HoldCurrentMadeAccount is HoldMadeAccount for the one under an account's name.
-- Relies on made_accounts_current.
-- name: HoldCurrentMadeAccount :exec
UPDATE made_accounts SET uses = uses + 1 WHERE account_id = sqlc.arg(account_id) AND current;

-- CurrentMadeAccount is what bears, or is to bear, the name of an account. Relies
-- on made_accounts_current.
-- name: CurrentMadeAccount :one
SELECT body FROM made_accounts WHERE account_id = sqlc.arg(account_id) AND current;

-- ListStandingMadeAccounts are those of an application that its target may have.
-- Relies on made_accounts_standing.
-- name: ListStandingMadeAccounts :many
SELECT body FROM made_accounts WHERE application_id = sqlc.arg(application_id) AND standing;

-- ListMadeAccountsRemovedSince are those that were seen gone or locked since a time.
-- Relies on made_accounts_removed.
-- name: ListMadeAccountsRemovedSince :many
SELECT body FROM made_accounts WHERE application_id = sqlc.arg(application_id) AND removed_at >= sqlc.arg(since);

-- name: DeleteMadeAccountsOf :exec
DELETE FROM made_accounts WHERE application_id = sqlc.arg(application_id);

-- CountOperations are those of a kind on an account that are not finished. Relies
-- on operations_account.
-- name: CountOperations :one
SELECT COUNT(*) FROM operations WHERE account_id = sqlc.arg(account_id) AND kind = sqlc.arg(kind) AND done_at IS NULL;

