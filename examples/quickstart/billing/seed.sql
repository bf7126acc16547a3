-- A billing database as one finds them: some 40 logins, roles within roles, and
-- what the years have left behind. Run by psql as the first superuser, with the
-- variables stint_password and people_password set.

\set ON_ERROR_STOP on
SET client_min_messages = warning;
SELECT current_setting('server_version_num')::int >= 160000 AS since_16 \gset

-- Roles: billing_admin includes billing_write, which includes billing_read.
CREATE ROLE billing_read;
CREATE ROLE billing_write IN ROLE billing_read;
CREATE ROLE billing_admin IN ROLE billing_write;
CREATE ROLE report_read;
CREATE ROLE support_desk IN ROLE billing_read;
CREATE ROLE payment_create IN ROLE billing_read;
CREATE ROLE payment_approve IN ROLE billing_read;

-- Data.
CREATE SCHEMA billing;
GRANT USAGE ON SCHEMA billing TO billing_read, report_read;

CREATE TABLE billing.invoices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer text NOT NULL,
    amount numeric(12, 2) NOT NULL,
    due date NOT NULL
);
CREATE TABLE billing.payments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    invoice bigint NOT NULL REFERENCES billing.invoices,
    amount numeric(12, 2) NOT NULL,
    approved_by text
);
CREATE TABLE billing.runs (
    id bigint PRIMARY KEY,
    month text NOT NULL,
    state text NOT NULL
);
CREATE VIEW billing.revenue AS
    SELECT date_trunc('month', due) AS month, sum(amount) AS amount
    FROM billing.invoices
    GROUP BY 1;

INSERT INTO billing.invoices (customer, amount, due)
SELECT 'customer ' || n % 37, 100 + n, date '2026-01-01' + n
FROM generate_series(1, 300) AS n;
INSERT INTO billing.payments (invoice, amount)
SELECT id, amount FROM billing.invoices WHERE id % 3 = 0;
INSERT INTO billing.runs VALUES
    (41, '2026-08', 'done'),
    (42, '2026-09', 'done'),
    (43, '2026-10', 'stuck');

GRANT SELECT ON billing.invoices, billing.payments TO billing_read;
GRANT INSERT, UPDATE ON billing.invoices TO billing_write;
GRANT SELECT, UPDATE ON billing.runs TO billing_admin;
GRANT INSERT ON billing.payments TO payment_create;
GRANT UPDATE (approved_by) ON billing.payments TO payment_approve;
GRANT SELECT ON billing.revenue TO report_read;

-- People. Those on call hold nothing: they ask for what an incident needs.
CREATE ROLE alice LOGIN PASSWORD :'people_password';
CREATE ROLE bob LOGIN PASSWORD :'people_password';
CREATE ROLE heidi LOGIN;
CREATE ROLE carol LOGIN;

CREATE ROLE dave LOGIN IN ROLE report_read;
CREATE ROLE erin LOGIN IN ROLE report_read, payment_create;
CREATE ROLE judy LOGIN IN ROLE report_read, payment_create;
CREATE ROLE mallory LOGIN IN ROLE report_read, payment_create;
CREATE ROLE niaj LOGIN IN ROLE report_read;
CREATE ROLE olivia LOGIN IN ROLE report_read;
CREATE ROLE peggy LOGIN IN ROLE report_read;

CREATE ROLE grace LOGIN IN ROLE support_desk;
CREATE ROLE quentin LOGIN IN ROLE support_desk;
CREATE ROLE rupert LOGIN IN ROLE support_desk;
CREATE ROLE sybil LOGIN IN ROLE support_desk;
CREATE ROLE trent LOGIN IN ROLE support_desk;
CREATE ROLE uma LOGIN IN ROLE support_desk;
CREATE ROLE victor LOGIN IN ROLE support_desk;
CREATE ROLE wendy LOGIN IN ROLE support_desk;
CREATE ROLE xavier LOGIN IN ROLE support_desk;

CREATE ROLE ivan LOGIN IN ROLE billing_read;
CREATE ROLE amara LOGIN IN ROLE billing_read;
CREATE ROLE bjorn LOGIN IN ROLE billing_read;
CREATE ROLE chloe LOGIN IN ROLE billing_read;
CREATE ROLE dmitri LOGIN IN ROLE billing_read;
CREATE ROLE elif LOGIN IN ROLE billing_read;
CREATE ROLE farid LOGIN IN ROLE billing_read;
CREATE ROLE gwen LOGIN IN ROLE billing_read;
CREATE ROLE hugo LOGIN IN ROLE billing_read;
CREATE ROLE ines LOGIN IN ROLE billing_read;
CREATE ROLE yara LOGIN IN ROLE billing_read;
CREATE ROLE zane LOGIN IN ROLE billing_read;

-- Frank moved to marketing two years ago.
CREATE ROLE frank LOGIN IN ROLE billing_admin;

-- Software.
CREATE ROLE svc_billing_api LOGIN IN ROLE billing_write;
CREATE ROLE svc_reporting LOGIN IN ROLE report_read;
CREATE ROLE svc_backup LOGIN IN ROLE pg_read_all_data;
CREATE ROLE "deploy-bot" LOGIN;

-- An export that was switched off, and somebody's emergency login.
CREATE ROLE svc_legacy_export LOGIN IN ROLE billing_write;
CREATE ROLE old_dba LOGIN SUPERUSER;

-- Stint: it grants roles and ends sessions, and reads no table. Since version 16
-- CREATEROLE alone grants nothing that it did not create: the right to grant
-- comes through a role of its own, which neither inherits nor becomes the others.
CREATE ROLE access_granting;
CREATE ROLE stint LOGIN CREATEROLE PASSWORD :'stint_password' IN ROLE access_granting, pg_signal_backend;
\if :since_16
GRANT billing_read, billing_write, billing_admin, report_read, support_desk, payment_create, payment_approve
TO access_granting WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
\endif

-- The first superuser is for the host's administrators, who need no login.
ALTER ROLE postgres NOLOGIN;
