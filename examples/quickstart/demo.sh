#!/usr/bin/env bash
# The main job of Stint on real parts: policy declared in Terraform, access
# discovered in a live PostgreSQL, a grant for an incident that ends by itself, and
# evidence that verifies. `make demo` brings what it needs and runs it.
#
# It ends with 0 only when every step held.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
outer_tmp=${TMPDIR:-/tmp}
source "$here/narrate.sh"
source "$here/stage.sh"

# state_of GRANT prints where a grant stands.
state_of() {
    stint grants "$1" --output json | sed -n 's/^  "state": "\([a-z_]*\)".*/\1/p'
}

is_in_state() {
    [ "$(state_of "$1")" = "$2" ]
}

# grant_of REQUEST prints the id of the request's first grant.
grant_of() {
    stint requests "$1" --output json | sed -n '/"grants": \[/{n;s/^ *"\([0-9a-f-]*\)".*/\1/p}'
}

has_looked_twice() {
    [ "$(grep -c billing_admin session.log)" -ge 2 ]
}

gone() {
    ! kill -0 "$1" 2>/dev/null
}

open_stage
echo "demo: building stint from this checkout (some minutes the first time)"
build_stint
began=$SECONDS

chapter "A database as one finds it" \
    "PostgreSQL starts on a port of its own, with a billing database that has grown" \
    "for years. Everything here is private to this demo and gone at its end."
start_billing
run alice "psql -c \"SELECT count(*) FILTER (WHERE rolcanlogin) AS logins, count(*) FILTER (WHERE NOT rolcanlogin AND oid >= 16384) AS roles FROM pg_roles\""
exits 0
run alice "psql -c 'TABLE billing.runs'"
exits 1
says "permission denied"
holds "alice, an engineer, cannot look at the billing runs"

chapter "Declare who may get what, and why" \
    "A throw-away Stint server starts. Terraform tells it about the application, the" \
    "people, the rights and the rules; see examples/quickstart."
set_up_terraform
cd "$work/quickstart"
start_stint
run platform "$terraform init -input=false | grep -E '^- |successfully'"
exits 0
run platform "$terraform plan -input=false -out=first.tfplan | grep -E '^(Plan|Error)|stint_(application|sod_rule|grant_template|eligibility_policy)\.'"
exits 0
says "0 to change, 0 to destroy"
run platform "$terraform apply -input=false first.tfplan | grep -E 'stint_application|^Apply|^Error'"
exits 0
says "Apply complete!"

chapter "See what is really there" \
    "Stint read the database before it accepted a single rule about it."
run platform "stint sync billing"
exits 0
run platform "stint drift"
exits 2
says "old_dba"
says "svc_legacy_export"
says '"billing/frank" holds "billing/role/billing_admin" without an end'
holds "a forgotten superuser, an orphan and a right that was kept: nobody had declared them"

chapter "Ask for admin because of an incident" \
    "The nightly billing run is stuck. Nobody on call holds admin: they ask for it."
mkdir "$work/tokens"
for who in alice bob carol erin; do
    run platform "stint token create --name demo --identity $who --quiet > ../tokens/$who"
    exits 0
done
run alice "stint decide incident-admin --for 20s --reason 'restart the stuck billing run'"
exits 3
says "denied"
holds "without an incident the answer is no, and it says why"

run platform "stint event open INC-4711 --kind incident --severity 1 --ends-in 4h"
exits 0
run platform "stint decide incident-admin --identity deploy-bot --event INC-4711 --for 20s --reason 'let me help'"
exits 3
says "people-only"
holds "the guardrail keeps software out, although the bot is on call too"
run platform "stint decide incident-admin --identity heidi --event INC-4711 --for 20s --reason 'let me help'"
exits 3
says "employees-only"
says '"contractor"'
holds "another keeps contractors out: it reads what was declared about people"

run alice "stint request incident-admin --event INC-4711 --for 20s --reason 'restart the stuck billing run'"
exits 0
request=$(become alice && stint requests --state pending --output json | sed -n 's/^      "id": "\([0-9a-f-]*\)".*/\1/p' | head -n 1)
[ -n "$request" ] || fail "alice has no pending request"
run alice "stint approve $request"
exits 1
holds "nobody approves their own request"
run carol "stint requests --awaiting-me"
exits 0
says "alice"
run carol "stint approve $request --comment 'go ahead'"
exits 0
grant=$(grant_of "$request")
[ -n "$grant" ] || fail "the approved request has no grant"
eventually 10 "the grant" is_in_state "$grant" active

chapter "Use it, while it lasts"
run alice "stint grants --live"
exits 0
says "active"
run alice "psql -c 'SET ROLE billing_admin' -c \"UPDATE billing.runs SET state = 'queued' WHERE state = 'stuck' RETURNING *\""
exits 0
says "queued"
holds "alice fixed what she came for"

tell "She also leaves a session open, which took the role and looks every second:"
cat >session.sql <<'EOF'
SET ROLE billing_admin;
SELECT to_char(clock_timestamp(), 'HH24:MI:SS'), current_user, count(*) || ' runs' FROM billing.runs \watch 1
EOF
run alice "cat session.sql"
show alice 'psql -qAt -f session.sql > session.log 2>&1 &'
(become alice && with_parent psql -X -v ON_ERROR_STOP=1 -qAt -f session.sql) </dev/null >session.log 2>&1 &
session=$!
started+=("$session")
eventually 10 "the session's second look" has_looked_twice
run alice "grep billing_admin session.log"
exits 0
holds "it reads, again and again"

run platform "stint sync billing"
exits 0
run platform "stint drift --kind standing_privilege"
exits 2
says_not "alice"
holds "what Stint granted is not mistaken for standing privilege"

chapter "Two duties, two people" \
    "Meanwhile erin, who creates payments, asks to approve them as well."
run erin "stint request payment-run --for 1h --reason 'month end, nobody else is here'"
exits 3
says "payments"
says "payment_create"
holds "the separation of duties refuses her and names both duties"

chapter "It ends by itself" \
    "Nobody does anything. Alice's 20 seconds run out."
eventually 30 "the end of the grant" is_in_state "$grant" ended
eventually 5 "the end of the open session" gone "$session"
run alice "stint grants $grant"
exits 0
says "expired"
says "removed"
run alice "psql -c 'SET ROLE billing_admin' -c 'TABLE billing.runs'"
exits 1
says "permission denied"
run alice "tail -n 6 session.log"
says "connection to server was lost"
holds "the role is gone, and so is the session that had taken it, which REVOKE alone leaves running"

chapter "It ends with its reason" \
    "Bob reads invoices for another incident, with an hour to go. The incident is over."
run platform "stint event open INC-4712 --kind incident --severity 3 --ends-in 4h"
exits 0
run bob "stint request incident-read --event INC-4712 --for 1h --reason 'customer sees a wrong total' --wait"
exits 0
run bob "psql -c 'SELECT count(*) FROM billing.invoices'"
exits 0
says "300"
run platform "stint event close INC-4712"
exits 0
bobs=$(become bob && stint grants --output json | sed -n 's/^      "id": "\([0-9a-f-]*\)".*/\1/p' | head -n 1)
eventually 3 "the end of bob's grant" is_in_state "$bobs" ended
run bob "stint grants"
exits 0
says "event_closed"
run bob "psql -c 'SELECT count(*) FROM billing.invoices'"
exits 1
says "permission denied"
holds "the incident took the access with it"

chapter "What is declared still stands" \
    "Grants came and went; they are no part of what is declared."
run platform "$terraform plan -input=false -detailed-exitcode | grep -v Refreshing"
exits 0
says "No changes."

chapter "Prove it" \
    "Each step left a record in an append-only log, under a key that was noted at the start."
run platform "stint evidence show --kind grant --subject $grant"
exits 0
says "grant."
run platform "stint evidence verify"
exits 0
says "The evidence verifies."

chapter "That was Stint" \
    "Least privilege as code: declared, weighed, granted for a while, taken back, proved." \
    "Every step held, in $((SECONDS - began)) seconds. Next: README.md and examples/quickstart/README.md."
