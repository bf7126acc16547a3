-- +goose Up

-- One statement to goose, so that it is neither searched for the end of each nor
-- sent in pieces.
-- +goose StatementBegin

-- Times are microseconds since 1970 in UTC. Identifiers compare by bytes and
-- are ordered by the reader, never by the database. A column `body` is the
-- JSON document of package governance; the columns beside it are the members
-- that a query needs, written together with it.

-- One row, id 1: what the whole database agrees on.
CREATE TABLE state (
    id BIGINT PRIMARY KEY,
    revision BIGINT NOT NULL,
    clock_mark BIGINT NOT NULL,
    -- How often time was set back.
    set_backs BIGINT NOT NULL,
    evidence_size BIGINT NOT NULL,
    log_origin TEXT NOT NULL,
    -- Of what time a state is, or of an earlier one, that is older than what was
    -- done on it: it comes from a backup, or from a standby that was behind. Until
    -- an administrator has accepted it; 0 else.
    restored_at BIGINT NOT NULL
);

INSERT INTO state (id, revision, clock_mark, set_backs, evidence_size, log_origin, restored_at) VALUES (1, 0, 0, 0, 0, '', 0);

-- How many transactions have changed the state, spread over a few rows so that
-- writers do not queue: their sum tells whether anything has happened. How often
-- time was set back is in each, as in the state: see RaiseChanges.
CREATE TABLE changes (
    shard BIGINT PRIMARY KEY,
    n BIGINT NOT NULL,
    set_backs BIGINT NOT NULL
);

INSERT INTO changes (shard, n, set_backs)
WITH RECURSIVE shards (shard) AS (SELECT 0 UNION ALL SELECT shard + 1 FROM shards WHERE shard < 63)
SELECT shard, 0, 0 FROM shards;

-- Applications, entitlements, eligibility policies, SoD rules and grant
-- templates. `uses` is raised by every transaction that relies on the row
-- still being there when it commits.
CREATE TABLE declared (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);

-- What holds the grant templates: a few rows for each, which templates may share.
-- Whoever decides on a template holds one of its rows, so that many may at once, and
-- whoever changes it holds all of them.
CREATE TABLE template_holds (
    place BIGINT PRIMARY KEY,
    n BIGINT NOT NULL
);

INSERT INTO template_holds (place, n)
WITH RECURSIVE places (place) AS (SELECT 0 UNION ALL SELECT place + 1 FROM places WHERE place < 1023)
SELECT place, 0 FROM places;

-- `uses` serialises the decisions about one actor. `life` is what the engine
-- knows beside what is declared, without `used_at`, when the identity was last
-- seen at work. `due_at` is the next moment at which time alone changes what there
-- is to say of it; null when there is none.
CREATE TABLE identities (
    id TEXT PRIMARY KEY,
    owner_id TEXT NOT NULL,
    status TEXT NOT NULL,
    bootstrap BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    life TEXT NOT NULL,
    used_at BIGINT,
    due_at BIGINT,
    body TEXT NOT NULL
);

CREATE INDEX identities_owner ON identities (owner_id);
CREATE INDEX identities_due ON identities (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE business_events (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    declared BOOLEAN NOT NULL,
    opened_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    closed_at BIGINT,
    version BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX business_events_name ON business_events (name);
CREATE INDEX business_events_end ON business_events (ends_at) WHERE closed_at IS NULL;

-- Deliveries of event sources that were carried out, for as long as one that
-- comes again is known.
CREATE TABLE event_deliveries (
    source_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (source_id, digest)
);

CREATE INDEX event_deliveries_age ON event_deliveries (received_at);

-- Which event a source means by a key, and when the latest that was applied to
-- it occurred.
CREATE TABLE event_keys (
    source_id TEXT NOT NULL,
    external_key TEXT NOT NULL,
    event_id TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    PRIMARY KEY (source_id, external_key)
);

-- `makers` are, as JSON, those who made it and could speak with it; empty for the
-- one that the engine made.
CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    identity_id TEXT NOT NULL,
    roles TEXT NOT NULL,
    makers TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

-- What discovery knows of an application. `observed_at` is when the last
-- complete read began; every row below it was seen then. `held` is what a read
-- did not show any more that was too much to be taken for gone, as JSON; empty
-- when nothing is held. `erosion` is, as JSON, by how much it has become less by
-- reads that nobody was asked about. A retired application is read no more.
-- `nesting` is another one whenever its inclusions are; empty when it has none.
CREATE TABLE discoveries (
    application_id TEXT PRIMARY KEY,
    observed_at BIGINT,
    next_at BIGINT NOT NULL,
    error TEXT NOT NULL,
    held TEXT NOT NULL,
    erosion TEXT NOT NULL,
    retired_at BIGINT,
    nesting TEXT NOT NULL
);

CREATE INDEX discoveries_next ON discoveries (next_at);
CREATE INDEX discoveries_notable ON discoveries (application_id) WHERE retired_at IS NOT NULL OR nesting <> '';

CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    application_id TEXT NOT NULL,
    name TEXT NOT NULL,
    uid TEXT NOT NULL,
    disabled BOOLEAN NOT NULL,
    attributes TEXT NOT NULL,
    identity_id TEXT NOT NULL,
    matches BIGINT NOT NULL,
    first_seen BIGINT NOT NULL
);

CREATE INDEX accounts_application ON accounts (application_id);
CREATE INDEX accounts_identity ON accounts (identity_id);

-- Accounts that Stint makes for grants, each under the mark that it bears in its
-- target. `standing` is set while the target may have it, `current` until it is seen
-- gone or was never made. `removed_at` is when it was seen gone or locked. `uses`
-- serialises who begins and who ends a grant on it.
CREATE TABLE made_accounts (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    application_id TEXT NOT NULL,
    state TEXT NOT NULL,
    standing BOOLEAN NOT NULL,
    current BOOLEAN NOT NULL,
    removed_at BIGINT,
    uses BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE UNIQUE INDEX made_accounts_current ON made_accounts (account_id) WHERE current;
CREATE INDEX made_accounts_standing ON made_accounts (application_id) WHERE standing;
CREATE INDEX made_accounts_removed ON made_accounts (application_id, removed_at) WHERE removed_at IS NOT NULL;

CREATE TABLE discovered_entitlements (
    id TEXT PRIMARY KEY,
    application_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    native_id TEXT NOT NULL,
    uid TEXT NOT NULL,
    attributes TEXT NOT NULL,
    first_seen BIGINT NOT NULL
);

CREATE INDEX discovered_entitlements_application ON discovered_entitlements (application_id);

CREATE TABLE inclusions (
    application_id TEXT NOT NULL,
    from_id TEXT NOT NULL,
    to_id TEXT NOT NULL,
    implied BOOLEAN NOT NULL,
    PRIMARY KEY (from_id, to_id)
);

CREATE INDEX inclusions_application ON inclusions (application_id);
CREATE INDEX inclusions_to ON inclusions (to_id);

CREATE TABLE assignments (
    application_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    entitlement_id TEXT NOT NULL,
    attributes TEXT NOT NULL,
    first_seen BIGINT NOT NULL,
    PRIMARY KEY (account_id, entitlement_id)
);

CREATE INDEX assignments_application ON assignments (application_id);
CREATE INDEX assignments_entitlement ON assignments (entitlement_id);

-- `application_id` is empty for what is about an identity alone.
CREATE TABLE findings (
    key TEXT PRIMARY KEY,
    application_id TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX findings_application ON findings (application_id);

-- What may have changed an application's findings since they were last looked
-- at: a row for each transaction, so that none of them waits for another or for
-- whoever looks.
CREATE TABLE findings_due (
    application_id TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (application_id, id)
);

-- `deadline` is the next moment at which the request changes by time alone; null
-- when there is none. `review` is where the review stands of one that was granted
-- by break-glass; empty for every other.
CREATE TABLE requests (
    id TEXT PRIMARY KEY,
    identity_id TEXT NOT NULL,
    template_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    state TEXT NOT NULL,
    deadline BIGINT,
    extends_id TEXT NOT NULL,
    review TEXT NOT NULL,
    body TEXT NOT NULL
);

-- Few requests extend a grant, and fewer wait.
CREATE INDEX requests_extending ON requests (extends_id) WHERE extends_id <> '' AND state = 'pending';
CREATE INDEX requests_deadline ON requests (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX requests_identity ON requests (identity_id);
CREATE INDEX requests_state ON requests (state);
CREATE INDEX requests_broken ON requests (identity_id) WHERE review <> '';
CREATE INDEX requests_review ON requests (review) WHERE review <> '';

-- `due_at` is the next moment at which the grant changes by time alone; null
-- when there is none. `live` is set until the grant is over. `redecide_at` is set
-- by every write that may make the grant ineligible, in the write's own
-- transaction, until the grant was decided again. `overdue_at` is when the
-- revocation of a grant that is ending counts as overdue. `lingering` is set
-- while an ended grant's account may still have the right.
CREATE TABLE grants (
    id TEXT PRIMARY KEY,
    request_id TEXT NOT NULL,
    identity_id TEXT NOT NULL,
    template_id TEXT NOT NULL,
    application_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    entitlement_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    state TEXT NOT NULL,
    live BOOLEAN NOT NULL,
    due_at BIGINT,
    ended_at BIGINT,
    lingering BOOLEAN NOT NULL,
    redecide_at BIGINT,
    overdue_at BIGINT,
    overdue_noticed BOOLEAN NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX grants_redecide ON grants (redecide_at) WHERE redecide_at IS NOT NULL AND state IN ('scheduled', 'provisioning', 'active');
CREATE INDEX grants_overdue ON grants (overdue_at) WHERE overdue_at IS NOT NULL AND NOT overdue_noticed;
CREATE INDEX grants_lingering ON grants (account_id) WHERE lingering;
CREATE INDEX grants_due ON grants (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX grants_request ON grants (request_id);
CREATE INDEX grants_identity ON grants (identity_id, template_id, ended_at);
CREATE INDEX grants_live_account ON grants (account_id) WHERE live;
CREATE INDEX grants_live_template ON grants (template_id) WHERE live;
CREATE INDEX grants_live_entitlement ON grants (entitlement_id) WHERE live;
CREATE INDEX grants_live_application ON grants (application_id) WHERE live;
CREATE INDEX grants_live_event ON grants (event_id) WHERE live;
CREATE INDEX grants_ended ON grants (application_id, ended_at) WHERE ended_at IS NOT NULL;

-- One intended change, or one read, in a target. Unfinished while `done_at` is
-- null. `called` is set, and committed, before the target is called.
CREATE TABLE operations (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    application_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    next_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    called BOOLEAN NOT NULL,
    last_error TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    done_at BIGINT,
    result TEXT NOT NULL
);

CREATE INDEX operations_application ON operations (application_id, kind, next_at) WHERE done_at IS NULL;
CREATE INDEX operations_account ON operations (account_id, kind, next_at) WHERE done_at IS NULL;
CREATE INDEX operations_grant ON operations (grant_id);

-- Calls that their callers have given a key, with what each of them has made, for
-- as long as one that comes again is known.
CREATE TABLE calls (
    identity_id TEXT NOT NULL,
    key TEXT NOT NULL,
    digest TEXT NOT NULL,
    made TEXT NOT NULL,
    lapses_at BIGINT NOT NULL,
    PRIMARY KEY (identity_id, key)
);

CREATE INDEX calls_lapse ON calls (lapses_at);

-- What one person wants done that takes two, until it is confirmed or lapses.
CREATE TABLE proposals (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    lapses_at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, subject)
);

-- A lease is held by whoever last raised its fence, until it runs out; it is
-- given back by the time 0.
CREATE TABLE leases (
    key TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    fence BIGINT NOT NULL,
    until_at BIGINT NOT NULL
);

-- How far the declared limits of an application are taken up: until when the
-- operations that have begun take up its rate, and, as JSON, how many of its calls
-- each process may make; empty when there is none.
CREATE TABLE paces (
    application_id TEXT PRIMARY KEY,
    taken_until BIGINT NOT NULL,
    shares TEXT NOT NULL
);

-- `position` is null until the sequencer has put the record into the log.
CREATE TABLE evidence_records (
    id TEXT PRIMARY KEY,
    position BIGINT UNIQUE,
    leaf TEXT NOT NULL,
    disclosures TEXT NOT NULL
);

CREATE INDEX evidence_records_waiting ON evidence_records (id) WHERE position IS NULL;

-- Hashes of the Merkle tree, numbered as golang.org/x/mod/sumdb/tlog does.
CREATE TABLE evidence_hashes (
    position BIGINT PRIMARY KEY,
    hash BYTEA NOT NULL
);

-- The last signed checkpoints, so that a database that comes from a backup or a
-- standby knows up to where its log was signed.
CREATE TABLE evidence_checkpoints (
    size BIGINT PRIMARY KEY,
    signed TEXT NOT NULL
);

-- +goose StatementEnd

-- +goose Down
-- A governance log is never migrated away.
