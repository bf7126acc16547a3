#!/usr/bin/env bash
# Runs all tests of the repository on real parts: private PostgreSQL servers and the
# real Terraform. The race detector watches where there is a C compiler, but not
# what drives Terraform, scripts, processes or virtual days: there it would find the
# same code that it watches in the tests of its own, several times slower. Run
# tools/ensure.sh before it; `make test` does both.
#
#   tools/test.sh [-run REGEXP] [PACKAGE ...]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/parts.sh"

run=()
if [ "${1:-}" = -run ]; then
    run=(-run "$2")
    shift 2
fi
whole=$#
driving='/internal/(provider|cli|daemon|acctest/.*)$|/examples/'

export TF_ACC=1
TF_ACC_TERRAFORM_PATH=$(terraform_core) || {
    echo "test: neither Terraform nor OpenTofu $oldest_terraform or newer; tools/ensure.sh terraform brings one" >&2
    exit 1
}
export TF_ACC_TERRAFORM_PATH
if [ "$(basename "$TF_ACC_TERRAFORM_PATH")" = tofu ]; then
    export TF_ACC_PROVIDER_HOST=registry.opentofu.org TF_ACC_PROVIDER_NAMESPACE=hashicorp
fi

# The user's Terraform configuration has no say in tests.
TF_CLI_CONFIG_FILE=$(mktemp)
export TF_CLI_CONFIG_FILE
memory=
trap 'rm -rf "$TF_CLI_CONFIG_FILE" ${memory:+"$memory"}' EXIT

# Tests make hundreds of database clusters that nobody reads again: in memory, where
# there is enough of it, that costs a fifth less processor time than on a disk.
# Programs have to run from there as well, and the user of PostgreSQL to get there.
if [ "${TMPDIR:-/tmp}" = /tmp ] && [ "$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt $((4 << 20)) ] 2>/dev/null; then
    memory=$(mktemp -d /dev/shm/stint-test-XXXXXXXX)
    chmod 0711 "$memory"
    if cp "$(type -P true)" "$memory" && "$memory/true" 2>/dev/null; then
        export GOTMPDIR=/tmp TMPDIR=$memory
    fi
fi

race=()
detector="WITHOUT the race detector, for want of a C compiler"
compiler=$(go env CC)
if command -v "${compiler%% *}" >/dev/null && [ "$(go env CGO_ENABLED)" = 1 ]; then
    # Not in SQLite itself, which is C translated to Go behind locks of its own: the
    # detector makes it several times slower and could tell nothing of Stint.
    race=(-race -gcflags=modernc.org/sqlite/lib=-race=false)
    detector="with the race detector, but in SQLite's own code"
fi

began=$SECONDS
cd "$repository"
go -C tools build -o "$repository/bin/testreport" ./testreport
printf 'test: %s, PostgreSQL in %s, %s, %s, files in %s\n' "$(go env GOVERSION)" "$(postgresql_binaries)" "$TF_ACC_TERRAFORM_PATH" "$detector" "${TMPDIR:-/tmp}"

status=0
if [ "$whole" = 0 ]; then
    echo "test: the tools"
    go -C tools test -json ./... | bin/testreport || status=1
    # What holds no opponents; building those takes minutes, see tools/bench.sh.
    go -C tools/bench test -json ./authzen ./contest ./decision ./load ./report ./separation | bin/testreport || status=1
    echo "test: Stint; building it takes a few minutes the first time"
fi
[ "$#" -gt 0 ] || set -- ./...

# packages lists those of the given ones that drive, or do not, the one that takes
# longest first: left for the end, it would run alone.
packages() {
    go list "${@:3}" | grep -E "$1" -e "$driving" | awk -v longest="/internal/$2\$" '$0 ~ longest {print; next} {rest = rest $0 "\n"} END {printf "%s", rest}'
}
mapfile -t watched < <(packages -v engine "$@")
mapfile -t driven < <(packages -h provider "$@")
# vet is the linter's: see make lint.
if [ "${#driven[@]}" -gt 0 ]; then
    go test -json -vet=off -timeout 20m "${run[@]}" "${driven[@]}" | bin/testreport || status=1
fi
if [ "${#watched[@]}" -gt 0 ]; then
    # Three at a time, though there may be two processors: a test waits as well, for
    # its database and its target.
    go test -json -vet=off "${race[@]}" -parallel 3 -timeout 20m "${run[@]}" "${watched[@]}" | bin/testreport || status=1
fi

printf 'test: %s after %dm%02ds\n' "$([ "$status" = 0 ] && echo passed || echo FAILED)" $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60))
exit "$status"
