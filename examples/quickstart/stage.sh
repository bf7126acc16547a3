# shellcheck shell=bash
# The stage of the demo, to be sourced by demo.sh: a private folder, a private
# PostgreSQL with the billing database, a throw-away Stint server, and Terraform
# with the provider that was just built. All of it is gone when the demo ends,
# however it ends.

source "$(dirname "${BASH_SOURCE[0]}")/../../tools/parts.sh"

started=() # pids, in the order of their start
work=

open_stage() {
    umask 077
    forget_surroundings
    trap close_stage EXIT
    trap 'exit 130' INT TERM HUP
    find_database_owner
    local parent
    for parent in "${TMPDIR:-/tmp}" /tmp /var/tmp; do
        if as_database_owner test -x "$parent"; then
            work=$(mktemp -d "$parent/stint-demo-XXXXXX")
            break
        fi
    done
    [ -n "$work" ] || fail "the user that PostgreSQL runs as can enter neither ${TMPDIR:-/tmp} nor /var/tmp: set TMPDIR to a folder whose parents everybody may enter"
    chmod 711 "$work"
    export TMPDIR="$work"
}

# forget_surroundings drops what the user's own Stint, PostgreSQL and Terraform are
# configured by, save what chooses the programs.
forget_surroundings() {
    local name
    for name in "${!STINT_@}" "${!PG@}" "${!TF_@}"; do
        case $name in
        STINT_TEST_POSTGRES_BIN | TF_ACC_TERRAFORM_PATH) ;;
        *) unset "$name" ;;
        esac
    done
}

close_stage() {
    local status=$? pid
    trap - EXIT
    trap '' INT TERM HUP
    set +e
    if [ "$status" != 0 ] && [ -s "$work/server.log" ]; then
        echo "demo: the server's log ends with:" >&2
        tail -n 15 "$work/server.log" >&2
    fi
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do
        pid=${started[i]}
        # SIGINT is PostgreSQL's fast shutdown and Stint's orderly one.
        kill -INT "$pid" 2>/dev/null
        wait_for_exit "$pid" || kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    [ -z "$work" ] || rm -rf "$work"
    exit "$status"
}

wait_for_exit() {
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.1
    done
    return 1
}

# with_parent runs a program that gets SIGINT when the demo is killed outright.
with_parent() {
    exec setpriv --pdeathsig INT "$@"
}

# PostgreSQL refuses to run as root; it then runs as postgres or nobody.
find_database_owner() {
    local name
    database_owner=()
    [ "$(id -u)" = 0 ] || return 0
    for name in postgres nobody; do
        if id "$name" >/dev/null 2>&1; then
            database_owner=(--reuid "$(id -u "$name")" --regid "$(id -g "$name")" --clear-groups)
            return 0
        fi
    done
    fail "PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody to run it as"
}

as_database_owner() {
    if [ "${#database_owner[@]}" -gt 0 ]; then
        setpriv "${database_owner[@]}" "$@"
    else
        "$@"
    fi
}

new_secret() {
    od -An -N 16 -tx1 /dev/urandom | tr -d ' \n'
}

# start_billing starts PostgreSQL on a free loopback port and fills it. People log
# in by PGUSER; psql finds the passwords in PGPASSFILE.
start_billing() {
    local binaries root_password people_password stint_password tries
    binaries=$(postgresql_binaries) || fail "no PostgreSQL server; tools/ensure.sh postgresql brings one"
    psql=$(psql_program) || fail "no psql; tools/ensure.sh postgresql brings one"
    ln -s "$psql" "$work/bin/psql"
    root_password=$(new_secret) people_password=$(new_secret) stint_password=$(new_secret)

    mkdir "$work/postgresql"
    printf '%s\n' "$root_password" >"$work/postgresql/password"
    [ "${#database_owner[@]}" = 0 ] || chown -R "${database_owner[1]}:${database_owner[3]}" "$work/postgresql"
    (cd / && as_database_owner "$binaries/initdb" --pgdata "$work/postgresql/data" --username postgres \
        --pwfile "$work/postgresql/password" --auth scram-sha-256 --encoding UTF8 --no-locale --no-sync) >"$work/initdb.log" 2>&1 ||
        fail "initdb: $(tail -n 3 "$work/initdb.log")"

    export PGHOST=127.0.0.1 PGDATABASE=billing PGPASSFILE="$work/pgpass" PGSSLMODE=disable PGCONNECT_TIMEOUT=10
    for ((tries = 0; tries < 20; tries++)); do
        # Below the ports that systems hand out by themselves.
        export PGPORT=$((20000 + RANDOM % 12000))
        (cd / && with_parent "${database_owner[@]}" "$binaries/postgres" -D "$work/postgresql/data" -p "$PGPORT" \
            -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_buffers=16MB) </dev/null >"$work/postgresql.log" 2>&1 &
        started+=($!)
        if billing_answers "$!"; then
            break
        fi
        unset 'started[-1]'
    done
    [ "${#started[@]}" -gt 0 ] || fail "PostgreSQL did not start: $(tail -n 3 "$work/postgresql.log")"

    for who in alice bob; do
        echo "$PGHOST:$PGPORT:billing:$who:$people_password"
    done >"$PGPASSFILE"
    PGPASSWORD=$root_password PGDATABASE=postgres "$psql" -qX -U postgres -c 'CREATE DATABASE billing' || fail "the database billing cannot be created"
    {
        printf '\\set stint_password %s\n\\set people_password %s\n' "$stint_password" "$people_password"
        cat "$here/billing/seed.sql"
    } | PGPASSWORD=$root_password "$psql" -qX -v ON_ERROR_STOP=1 -U postgres || fail "the database billing cannot be filled"

    export STINT_SECRET_BILLING_PASSWORD="$stint_password"
    export TF_VAR_billing="{host=\"$PGHOST\",port=$PGPORT,sslmode=\"disable\"}"
}

# billing_answers waits until PostgreSQL answers; it fails when the process ends
# first, as it does when another took the port.
billing_answers() {
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        if grep -q 'database system is ready to accept connections' "$work/postgresql.log"; then
            return 0
        fi
        kill -0 "$1" 2>/dev/null || return 1
        sleep 0.1
    done
    fail "PostgreSQL did not answer within 30 seconds: $(tail -n 3 "$work/postgresql.log")"
}

# start_stint starts a throw-away server and takes over what it prints to paste.
start_stint() {
    local tries
    show platform 'stint server --dev > exports &'
    (with_parent stint server --dev --log-level warn) </dev/null >exports 2>"$work/server.log" &
    started+=($!)
    for ((tries = 0; tries < 300; tries++)); do
        if grep -q '^export STINT_EVIDENCE_KEY=' exports; then
            run platform 'grep -v STINT_TOKEN exports'
            show platform 'source exports'
            source exports
            return 0
        fi
        kill -0 "${started[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    fail "the server did not start"
}

# set_up_terraform builds the provider into a local mirror, which `terraform init`
# asks instead of a registry, and takes a copy of the configuration.
set_up_terraform() {
    local version=0.0.1 platform host folder core
    core=$(terraform_core) || fail "neither Terraform nor OpenTofu $oldest_terraform or newer; tools/ensure.sh terraform brings one"
    platform=$(go env GOOS)_$(go env GOARCH)
    for host in registry.terraform.io registry.opentofu.org; do
        folder="$work/mirror/$host/stint-dev/stint/$version/$platform"
        mkdir -p "$folder"
        cp "$work/bin/stint" "$folder/terraform-provider-stint_v$version"
    done
    ln -s "$core" "$work/bin/$(basename "$core")"
    # shellcheck disable=SC2034 # demo.sh uses it
    terraform=$(basename "$core")
    cat >"$work/terraform.rc" <<-EOF
		disable_checkpoint = true
		provider_installation {
		  filesystem_mirror {
		    path = "$work/mirror"
		  }
		}
	EOF
    export TF_CLI_CONFIG_FILE="$work/terraform.rc" TF_CLI_ARGS=-no-color TF_IN_AUTOMATION=1
    mkdir "$work/quickstart"
    cp "$here"/*.tf "$work/quickstart/"
}

# build_stint builds the program from this checkout.
build_stint() {
    mkdir "$work/bin"
    (cd "$repository" && TMPDIR=$outer_tmp go build -o "$work/bin/stint" .) || fail "stint does not build"
    PATH="$work/bin:$PATH"
}
