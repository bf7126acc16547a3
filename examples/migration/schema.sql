-- The table belongs to the role, not to whoever happens to migrate.
SET ROLE ledger_migrate;

CREATE TABLE ledger.entries (
    id bigint PRIMARY KEY,
    amount numeric NOT NULL
);
