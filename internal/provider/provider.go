// Package provider is Stint's Terraform provider: registration, configuration
// and serving. Each object has a package of its own below; they share the
// skeletons declared (resources) and listing (data sources).
//
// It translates HCL to the API and back. No decision is made here, no secret is
// kept, and grants are never managed resources: a run may hold one as long as it
// runs, as an ephemeral resource.
package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/stint-dev/terraform-provider-stint/internal/provider/allows"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/application"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/attribute"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/businessevent"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/delegation"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/discoveredassignments"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/discoveredentitlements"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/drift"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/duration"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/eligibilitypolicy"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/entitlement"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/eventsource"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/grant"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/granttemplate"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/identity"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/sodrule"
)

// New makes providers of a version.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return newStint(version) }
}

type stint struct {
	version string
	// open are the grants that this provider holds for its run.
	open *grant.Open
}

func newStint(version string) *stint { return &stint{version: version, open: &grant.Open{}} }

func (p *stint) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "stint"
	resp.Version = p.version
}

func (p *stint) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Least privilege as code: who may hold which rights, for how long and because of what, declared in Terraform and enforced by a Stint server.",
		Attributes: map[string]schema.Attribute{
			"endpoint": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Base URL of the Stint server, for instance `https://stint.example.com:8420`. May be given in the environment variable `STINT_ADDR` instead.",
			},
			"token": schema.StringAttribute{
				Optional:            true,
				Sensitive:           true,
				MarkdownDescription: "API token with the role `author`. Better given in the environment variable `STINT_TOKEN`.",
			},
			"ca_cert_file": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Path of a PEM file with certificates to trust besides the system's. May be given in the environment variable `STINT_CACERT` instead.",
			},
		},
	}
}

func (p *stint) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		application.NewResource,
		attribute.NewResource,
		businessevent.NewResource,
		delegation.NewResource,
		eligibilitypolicy.NewResource,
		entitlement.NewResource,
		eventsource.NewResource,
		granttemplate.NewResource,
		identity.NewResource,
		sodrule.NewResource,
	}
}

func (p *stint) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		discoveredassignments.NewDataSource,
		discoveredentitlements.NewDataSource,
		drift.NewDataSource,
	}
}

// EphemeralResources makes the provider a
// provider.ProviderWithEphemeralResources.
func (p *stint) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{grant.NewEphemeralResource(p.open)}
}

// Functions makes the provider a provider.ProviderWithFunctions.
func (p *stint) Functions(context.Context) []func() function.Function {
	return []func() function.Function{
		allows.NewFunction,
		duration.NewFunction,
	}
}
