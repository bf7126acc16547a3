#!/usr/bin/env bash
# Writes docs/, or checks that it is up to date, without a network: the schema
# comes from the provider itself.
#
#   tools/docs.sh write|check
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/parts.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TF_CLI_CONFIG_FILE=/dev/null

"$repository/bin/stint" provider-schema >"$work/schema.json"

# tfplugindocs renders inside of the provider's folder, and empties the folder of
# rendered pages first: it works on a copy.
mkdir "$work/provider"
cp "$repository/go.mod" "$work/provider/"
for folder in examples templates docs; do
    [ ! -d "$repository/$folder" ] || cp -r "$repository/$folder" "$work/provider/$folder"
done

generate() {
    tfplugindocs generate --provider-dir "$work/provider" --provider-name stint \
        --rendered-provider-name Stint --providers-schema "$work/schema.json" >"$work/log" 2>&1 ||
        { cat "$work/log" >&2 && return 1; }
}

validate() {
    tfplugindocs validate --provider-dir "$work/provider" --provider-name stint \
        --providers-schema "$work/schema.json" >"$work/log" 2>&1 || { cat "$work/log" >&2 && return 1; }
}

case ${1:-} in
write)
    generate
    validate
    rm -rf "$repository/docs"
    cp -r "$work/provider/docs" "$repository/docs"
    echo "docs: wrote docs/"
    ;;
check)
    cp -r "$repository/docs" "$work/committed" 2>/dev/null || mkdir "$work/committed"
    generate
    validate
    if ! diff -ru "$work/committed" "$work/provider/docs"; then
        echo "docs: docs/ is not what the schema, templates/ and examples/ say (see above): run make docs and commit docs/" >&2
        exit 1
    fi
    echo "docs: docs/ is up to date"
    ;;
*)
    echo "docs: say write or check" >&2
    exit 1
    ;;
esac
