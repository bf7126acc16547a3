#!/usr/bin/env bash
# Fuzzes every target for a while, then repeats the tests of the engine, the
# connectors and the server in random order: what happens rarely has its chance.
# In between, the server is killed at every cut that it passes.
#
#   tools/soak.sh TIME ROUNDS
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/parts.sh"
cd "$repository"

while read -r package target; do
    echo "soak: $target in $package for $1"
    # Minimising takes a minute by default, in which nothing new is tried.
    go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 10x </dev/null
done < <(go test -list '^Fuzz' -json ./internal/... |
    sed -n 's/.*"Package":"\([^"]*\)".*"Output":"\(Fuzz[A-Za-z0-9_]*\)\\n".*/\1 \2/p')

echo "soak: the server, killed at every cut"
STINT_SOAK=1 go test -count 1 -timeout 60m -v -run TestServerKilledAtAnyCut ./internal/acctest/crash

echo "soak: the engine's tests $2 times"
go test -race -count "$2" -shuffle on -timeout 60m ./internal/engine/... ./internal/store/... ./internal/connector/... ./internal/server/...
