# shellcheck shell=bash
# Where the parts are that Stint's tests and its demo run on. To be sourced; each
# function prints an absolute path, or nothing (and fails) when the part is absent.
# Whatever `ensure.sh` fetched lies in bin/ and is found like the rest.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PATH="$repository/bin:$PATH"

# What Terraform and OpenTofu are asked to leave alone: the user's configuration,
# which may name mirrors, credentials or a file that is not there.
export CHECKPOINT_DISABLE=1
oldest_terraform=1.11.0

# at_least VERSION OLDEST succeeds when VERSION is not older.
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# core_version PROGRAM prints the version of a terraform or tofu.
core_version() {
    TF_CLI_CONFIG_FILE=/dev/null "$1" version 2>/dev/null | sed -n '1s/^[A-Za-z]* v\([0-9.]*\).*/\1/p'
}

# terraform_core prints the path of a Terraform, else of an OpenTofu, that is new
# enough. TF_ACC_TERRAFORM_PATH chooses one.
terraform_core() {
    local candidate path
    for candidate in ${TF_ACC_TERRAFORM_PATH:+"$TF_ACC_TERRAFORM_PATH"} terraform tofu; do
        path=$(command -v "$candidate") || continue
        if at_least "$(core_version "$path")" "$oldest_terraform"; then
            printf '%s\n' "$path"
            return 0
        fi
    done
    return 1
}

# postgresql_binaries prints the folder that holds the server's programs: the
# newest of Debian's versions, else the first in PATH. STINT_TEST_POSTGRES_BIN
# chooses one.
postgresql_binaries() {
    local folder server
    if [ -n "${STINT_TEST_POSTGRES_BIN:-}" ]; then
        holds_postgresql "$STINT_TEST_POSTGRES_BIN" && printf '%s\n' "$STINT_TEST_POSTGRES_BIN"
        return
    fi
    while read -r folder; do
        if holds_postgresql "$folder"; then
            printf '%s\n' "$folder"
            return 0
        fi
    done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV)
    server=$(command -v postgres) || return 1
    folder=$(dirname "$(readlink -f "$server")")
    holds_postgresql "$folder" && printf '%s\n' "$folder"
}

holds_postgresql() {
    [ -x "$1/initdb" ] && [ -x "$1/postgres" ]
}

# psql_program prints the path of psql.
psql_program() {
    local folder
    if folder=$(postgresql_binaries) && [ -x "$folder/psql" ]; then
        printf '%s\n' "$folder/psql"
        return 0
    fi
    command -v psql
}
