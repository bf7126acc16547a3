#!/usr/bin/env bash
# Runs the long forms of the tests in parts, and keeps what each part saw in
# docs/soak.md. See tools/soak for the parts.
#
#   tools/soak.sh REGEXP TIME ROUNDS WORLDS    REGEXP chooses parts by name, . is all
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/parts.sh"

cd "$repository"
go -C tools build -o "$repository/bin/soak" ./soak
bin/soak -run "$1" -time "$2" -rounds "$3" -worlds "$4" -postgres "$(postgresql_binaries)" -write docs/soak.md
