#!/usr/bin/env bash
# Installs what `make build` built: stint into Go's bin folder, and the provider
# into the folder where Terraform and OpenTofu look for local providers by
# themselves, so that `terraform init` finds stint-dev/stint without a registry.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/parts.sh"

built="$repository/bin/terraform-provider-stint"
version=${STINT_INSTALL_VERSION:-0.0.1}
programs=$(go env GOBIN)
[ -n "$programs" ] || programs=$(go env GOPATH)/bin
platform=$(go env GOOS)_$(go env GOARCH)

mkdir -p "$programs"
install -m 0755 "$built" "$programs/stint"
echo "installed $programs/stint"
for host in registry.terraform.io registry.opentofu.org; do
    folder="$HOME/.terraform.d/plugins/$host/stint-dev/stint/$version/$platform"
    mkdir -p "$folder"
    install -m 0755 "$built" "$folder/terraform-provider-stint_v$version"
    echo "installed $folder/terraform-provider-stint_v$version"
done
