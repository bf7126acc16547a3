package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
)

// Address is the provider's address in the registry.
const Address = "registry.terraform.io/stint-dev/stint"

// Serve speaks the plugin protocol (version 6) until Terraform hangs up. With
// debug it waits for a debugger's Terraform instead of the one that started it.
func Serve(ctx context.Context, version string, debug bool) error {
	return providerserver.Serve(ctx, New(version), providerserver.ServeOpts{
		Address:         Address,
		Debug:           debug,
		ProtocolVersion: 6,
	})
}
