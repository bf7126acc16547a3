package declared

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/session"
)

type managed[D governance.Object, T any] struct {
	Definition[T]
	collection api.Collection[D, T]
	schema     schema.Schema
	session    *session.Session
}

type everything interface {
	resource.ResourceWithConfigure
	resource.ResourceWithIdentity
	resource.ResourceWithImportState
	resource.ResourceWithModifyPlan
	resource.ResourceWithValidateConfig
}

var _ everything = (*managed[governance.Identity, any])(nil)

func (m *managed[D, T]) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + m.Type
}

func (m *managed[D, T]) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = m.schema
}

func (m *managed[D, T]) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	attributes := make(map[string]identityschema.Attribute, len(m.Keys))
	for _, key := range m.Keys {
		attributes[key] = identityschema.StringAttribute{
			RequiredForImport: true,
			Description:       m.schema.Attributes[key].GetMarkdownDescription(),
		}
	}
	resp.IdentitySchema = identityschema.Schema{Attributes: attributes}
}

func (m *managed[D, T]) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	configured, diags := session.Of(req.ProviderData)
	m.session = configured
	resp.Diagnostics.Append(diags...)
}

// versionKey is where private state keeps the version that was read.
const versionKey = "version"

type privateState interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// store writes an object to state, with its identity and its version.
func (m *managed[D, T]) store(ctx context.Context, object T, prior tftypes.Value, state *tfsdk.State, identity *tfsdk.ResourceIdentity, private privateState) diag.Diagnostics {
	value, err := fwconv.State(ctx, m.schema, object, prior)
	if err != nil {
		return failure("The server's answer has no place in the schema", err)
	}
	diags := state.Set(ctx, value)
	diags.Append(m.identify(ctx, *state, identity)...)
	diags.Append(private.SetKey(ctx, versionKey, fmt.Appendf(nil, "%d", m.Meta(object).Version))...)
	return diags
}

// identify sets the identity from the natural key in state. Terraform before
// 1.12 keeps no identities, so every answer carries it anew.
func (m *managed[D, T]) identify(ctx context.Context, state tfsdk.State, identity *tfsdk.ResourceIdentity) (diags diag.Diagnostics) {
	for _, key := range m.Keys {
		var part types.String
		diags.Append(state.GetAttribute(ctx, path.Root(key), &part)...)
		diags.Append(identity.SetAttribute(ctx, path.Root(key), part)...)
	}
	return diags
}

func failure(summary string, err error) diag.Diagnostics {
	return diag.Diagnostics{diag.NewErrorDiagnostic(summary, err.Error())}
}
