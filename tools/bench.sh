#!/usr/bin/env bash
# Measures Stint: first the contests of tools/bench against others, then the
# benchmarks beside the code. All contests of one run are written to
# docs/benchmarks.md; a part of them is only printed.
#
#   tools/bench.sh REGEXP    . for all; matches contests and benchmarks by name
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/parts.sh"

chosen=${1:-.}
cd "$repository"
echo 'bench: building the contests, and OPA (some minutes the first time)'
go -C tools/bench build -o "$repository/bin/opa" github.com/open-policy-agent/opa
go -C tools/bench build -o "$repository/bin/bench" .
echo 'bench: do all contestants give the same answers?'
go -C tools/bench test ./...

write=()
[ "$chosen" != . ] || write=(-write docs/benchmarks.md)
bin/bench -run "$chosen" -stint bin/stint -opa bin/opa "${write[@]}"

go test -run '^$' -bench "$chosen" -benchmem ./...
