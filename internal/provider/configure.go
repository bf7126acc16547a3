package provider

import (
	"context"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/session"
)

type configuration struct {
	Endpoint   types.String `tfsdk:"endpoint"`
	Token      types.String `tfsdk:"token"`
	CACertFile types.String `tfsdk:"ca_cert_file"`
}

// Configure asks the server once who the token is, so that a wrong endpoint or
// token is one error instead of one for each resource.
func (p *stint) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var given configuration
	resp.Diagnostics.Append(req.Config.Get(ctx, &given)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if argument := given.unknown(); argument != "" {
		share(resp, session.Pending(argument))
		return
	}
	c, err := client.New(client.Config{
		Endpoint:   or(given.Endpoint, client.EnvEndpoint),
		Token:      or(given.Token, client.EnvToken),
		CACertFile: or(given.CACertFile, client.EnvCACertFile),
		UserAgent:  "terraform-provider-stint/" + p.version,
	})
	if err != nil {
		resp.Diagnostics.AddError("The provider is not configured", fwconv.Sentence(err.Error()))
		return
	}
	if _, err := c.WhoAmI(ctx); err != nil {
		at := path.Root("endpoint")
		if client.HasCode(err, api.CodeUnauthenticated) {
			at = path.Root("token")
		}
		resp.Diagnostics.AddAttributeError(at, "Stint cannot be asked", fwconv.Sentence(err.Error()))
		return
	}
	share(resp, session.New(c))
}

// unknown names the first argument that is not known yet.
func (g configuration) unknown() string {
	switch {
	case g.Endpoint.IsUnknown():
		return "endpoint"
	case g.Token.IsUnknown():
		return "token"
	case g.CACertFile.IsUnknown():
		return "ca_cert_file"
	}
	return ""
}

func or(given types.String, variable string) string {
	if given.IsNull() {
		return os.Getenv(variable)
	}
	return given.ValueString()
}

func share(resp *provider.ConfigureResponse, s *session.Session) {
	resp.ResourceData = s
	resp.DataSourceData = s
	resp.EphemeralResourceData = s
}
