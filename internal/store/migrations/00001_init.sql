-- +goose Up

-- Times are microseconds since 1970 in UTC. Identifiers compare by bytes and
-- are ordered by the reader, never by the database. A column `body` is the
-- JSON document of package governance; the columns beside it are the members
-- that a query needs, written together with it.

-- One row, id 1: what the whole database agrees on.
CREATE TABLE state (
    id BIGINT PRIMARY KEY,
    revision BIGINT NOT NULL,
    clock_mark BIGINT NOT NULL,
    evidence_size BIGINT NOT NULL,
    log_origin TEXT NOT NULL
);

INSERT INTO state (id, revision, clock_mark, evidence_size, log_origin) VALUES (1, 0, 0, 0, '');

-- How many transactions have changed the state, spread over a few rows so that
-- writers do not queue: their sum tells whether anything has happened.
CREATE TABLE changes (
    shard BIGINT PRIMARY KEY,
    n BIGINT NOT NULL
);

INSERT INTO changes (shard, n) VALUES (0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0);

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

-- `uses` serialises the decisions about one actor.
CREATE TABLE identities (
    id TEXT PRIMARY KEY,
    owner_id TEXT NOT NULL,
    status TEXT NOT NULL,
    bootstrap BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX identities_owner ON identities (owner_id);

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

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    identity_id TEXT NOT NULL,
    roles TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

-- What discovery knows of an application. `observed_at` is when the last
-- complete read began; every row below it was seen then. `findings_due` is
-- set by whatever may change the application's findings.
CREATE TABLE discoveries (
    application_id TEXT PRIMARY KEY,
    observed_at BIGINT,
    next_at BIGINT NOT NULL,
    error TEXT NOT NULL,
    findings_due BOOLEAN NOT NULL
);

CREATE INDEX discoveries_next ON discoveries (next_at);

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

CREATE TABLE findings (
    key TEXT PRIMARY KEY,
    application_id TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX findings_application ON findings (application_id);

CREATE TABLE requests (
    id TEXT PRIMARY KEY,
    identity_id TEXT NOT NULL,
    template_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    state TEXT NOT NULL,
    deadline BIGINT,
    extends_id TEXT NOT NULL,
    body TEXT NOT NULL
);

-- Few requests extend a grant, and fewer wait.
CREATE INDEX requests_extending ON requests (extends_id) WHERE extends_id <> '' AND state = 'pending';
CREATE INDEX requests_deadline ON requests (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX requests_identity ON requests (identity_id);
CREATE INDEX requests_state ON requests (state);

-- `due_at` is the next moment at which the grant changes by time alone; null
-- when there is none. `live` is set until the grant is over. `redecide_at` is set
-- by every write that may make the grant ineligible, in the write's own
-- transaction, until the grant was decided again.
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
    body TEXT NOT NULL
);

CREATE INDEX grants_redecide ON grants (redecide_at) WHERE redecide_at IS NOT NULL AND state IN ('scheduled', 'provisioning', 'active');
CREATE INDEX grants_due ON grants (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX grants_request ON grants (request_id);
CREATE INDEX grants_identity ON grants (identity_id);
CREATE INDEX grants_account ON grants (account_id, entitlement_id);
CREATE INDEX grants_live_template ON grants (template_id) WHERE live;
CREATE INDEX grants_live_entitlement ON grants (entitlement_id) WHERE live;
CREATE INDEX grants_live_application ON grants (application_id) WHERE live;
CREATE INDEX grants_live_event ON grants (event_id) WHERE live;
CREATE INDEX grants_ended ON grants (application_id, ended_at);

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

CREATE INDEX operations_due ON operations (next_at) WHERE done_at IS NULL;
CREATE INDEX operations_application ON operations (application_id, next_at) WHERE done_at IS NULL;
CREATE INDEX operations_grant ON operations (grant_id);

-- A lease is held by whoever last raised its fence, until it runs out.
CREATE TABLE leases (
    key TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    fence BIGINT NOT NULL,
    until_at BIGINT NOT NULL
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

-- +goose Down
-- A governance log is never migrated away.
