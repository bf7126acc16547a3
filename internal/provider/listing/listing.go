// Package listing is the data source that all complete lists share: an optional
// narrowing, the items, and a stamp that says what state they were read from.
// A list is complete or an error.
package listing

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/session"
)

// Definition is one list; T is the item as the server answers it.
type Definition[T any] struct {
	// Type is the data source type without the provider's prefix.
	Type string
	// Description opens the reference page.
	Description string
	// Narrow are optional arguments; their values are handed to List.
	Narrow map[string]schema.StringAttribute
	// Items names the attribute that holds the items, in the names of their
	// JSON.
	Items            string
	ItemsDescription string
	Attributes       map[string]schema.Attribute
	List             func(ctx context.Context, c *client.Client, narrow map[string]string) (client.Listing[T], error)
}

// New is the data source of a definition.
func New[T any](d Definition[T]) datasource.DataSource {
	attributes := map[string]schema.Attribute{
		d.Items: schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: d.ItemsDescription,
			NestedObject:        schema.NestedAttributeObject{Attributes: d.Attributes},
		},
		"stamp": stamp(),
	}
	for name, a := range d.Narrow {
		attributes[name] = a
	}
	return &source[T]{Definition: d, schema: schema.Schema{MarkdownDescription: d.Description, Attributes: attributes}}
}

func stamp() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Computed:            true,
		MarkdownDescription: "What state the list was read from.",
		Attributes: map[string]schema.Attribute{
			"count":       schema.Int64Attribute{Computed: true, MarkdownDescription: "Number of items."},
			"digest":      Text("`sha256:<hex>` over the canonical JSON of the list; equal digests are equal lists."),
			"observed_at": Text("When the oldest observation in the list began."),
			"revision":    schema.Int64Attribute{Computed: true, MarkdownDescription: "Revision of the declared state."},
			"checkpoint": schema.SingleNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The evidence log's latest checkpoint at the time of the read.",
				Attributes: map[string]schema.Attribute{
					"size": schema.Int64Attribute{Computed: true, MarkdownDescription: "Number of records."},
					"root": Text("Base64 of the Merkle root (RFC 6962)."),
				},
			},
		},
	}
}

// Text is a text that the server sets.
func Text(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

// Texts is a map of texts that the server sets.
func Texts(description string) schema.MapAttribute {
	return schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
}

// Argument narrows a list.
func Argument(description string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: description}
}

// ApplicationArgument narrows a list to one application.
func ApplicationArgument() schema.StringAttribute {
	return Argument("Id of an application; without it, all applications.")
}

// OfApplication asks for the list of one application, or of all when none was
// given.
func OfApplication[ID ~string, T any](ctx context.Context, list func(context.Context, ID) (client.Listing[T], error), narrow map[string]string) (client.Listing[T], error) {
	return list(ctx, ID(narrow["application"]))
}

type source[T any] struct {
	Definition[T]
	schema  schema.Schema
	session *session.Session
}

var _ datasource.DataSourceWithConfigure = (*source[attr.Value])(nil)

func (s *source[T]) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + s.Type
}

func (s *source[T]) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = s.schema
}

func (s *source[T]) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	configured, diags := session.Of(req.ProviderData)
	s.session = configured
	resp.Diagnostics.Append(diags...)
}

// Read asks the server for the whole list.
func (s *source[T]) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	narrow := map[string]string{}
	for name := range s.Narrow {
		var value types.String
		resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root(name), &value)...)
		if !value.IsNull() {
			narrow[name] = value.ValueString()
		}
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if err := s.read(ctx, narrow, resp); err != nil {
		resp.Diagnostics.Append(diag.NewErrorDiagnostic("The list was not read", fwconv.Sentence(err.Error())))
	}
}

func (s *source[T]) read(ctx context.Context, narrow map[string]string, resp *datasource.ReadResponse) error {
	c, err := s.session.Client()
	if err != nil {
		return err
	}
	listing, err := s.List(ctx, c, narrow)
	if err != nil {
		return err
	}
	answer := map[string]any{s.Items: listing.Items, "stamp": listing.Stamp}
	for name, value := range narrow {
		answer[name] = value
	}
	plain, err := fwconv.Plain(answer)
	if err != nil {
		return err
	}
	value, err := fwconv.Value(s.schema.Type().TerraformType(ctx), plain)
	if err != nil {
		return fmt.Errorf("the server's answer has no place in the schema: %w", err)
	}
	resp.State.Raw = value
	return nil
}
