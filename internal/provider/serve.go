package provider

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
)

// Address is the provider's address in the registry.
const Address = "registry.terraform.io/stint-dev/stint"

// lastWords is how long the process may still speak to the server once Terraform
// has hung up; Terraform kills it after two seconds.
const lastWords = 1500 * time.Millisecond

// Serve speaks the plugin protocol (version 6) until Terraform hangs up, and then
// gives back what the run held and did not close, as one that failed does. With
// debug it waits for a debugger's Terraform instead of the one that started it.
func Serve(ctx context.Context, version string, debug bool) error {
	p := newStint(version)
	err := providerserver.Serve(ctx, func() provider.Provider { return p }, providerserver.ServeOpts{
		Address:         Address,
		Debug:           debug,
		ProtocolVersion: 6,
	})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	return errors.Join(err, p.open.Return(ctx))
}
