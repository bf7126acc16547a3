package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// WriteSchema writes what `terraform providers schema -json` prints for the
// provider, identities included, whatever the installed Terraform knows.
func WriteSchema(ctx context.Context, out io.Writer) error {
	server := providerserver.NewProtocol6(New("dev")())()
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return fmt.Errorf("read the provider's schema: %w", err)
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return fmt.Errorf("read the resources' identity schemas: %w", err)
	}
	for _, d := range append(schemas.Diagnostics, identities.Diagnostics...) {
		return fmt.Errorf("read the provider's schema: %s: %s", d.Summary, d.Detail)
	}
	one := providerJSON{
		Provider:    schemaOf(schemas.Provider),
		Resources:   schemasOf(schemas.ResourceSchemas),
		DataSources: schemasOf(schemas.DataSourceSchemas),
		Ephemerals:  schemasOf(schemas.EphemeralResourceSchemas),
		Identities:  map[string]identityJSON{},
		Functions:   functionsOf(schemas.Functions),
	}
	for name, s := range identities.IdentitySchemas {
		one.Identities[name] = identityOf(s)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	err = encoder.Encode(map[string]any{
		"format_version":   "1.0",
		"provider_schemas": map[string]providerJSON{Address: one, "stint": one},
	})
	if err != nil {
		return fmt.Errorf("write the provider's schema: %w", err)
	}
	return nil
}

type providerJSON struct {
	Provider    schemaJSON              `json:"provider"`
	Resources   map[string]schemaJSON   `json:"resource_schemas"`
	DataSources map[string]schemaJSON   `json:"data_source_schemas"`
	Ephemerals  map[string]schemaJSON   `json:"ephemeral_resource_schemas"`
	Identities  map[string]identityJSON `json:"resource_identity_schemas"`
	Functions   map[string]functionJSON `json:"functions"`
}

type schemaJSON struct {
	Version int64     `json:"version"`
	Block   blockJSON `json:"block"`
}

type blockJSON struct {
	Attributes      map[string]attributeJSON `json:"attributes,omitempty"`
	Description     string                   `json:"description,omitempty"`
	DescriptionKind string                   `json:"description_kind,omitempty"`
}

type attributeJSON struct {
	Type            tftypes.Type `json:"type,omitempty"`
	Nested          *nestedJSON  `json:"nested_type,omitempty"`
	Description     string       `json:"description,omitempty"`
	DescriptionKind string       `json:"description_kind,omitempty"`
	Required        bool         `json:"required,omitempty"`
	Optional        bool         `json:"optional,omitempty"`
	Computed        bool         `json:"computed,omitempty"`
	Sensitive       bool         `json:"sensitive,omitempty"`
}

type nestedJSON struct {
	Attributes map[string]attributeJSON `json:"attributes"`
	Nesting    string                   `json:"nesting_mode"`
}

type identityJSON struct {
	Version    int64                            `json:"version"`
	Attributes map[string]identityAttributeJSON `json:"attributes"`
}

type identityAttributeJSON struct {
	Type              tftypes.Type `json:"type"`
	Description       string       `json:"description,omitempty"`
	RequiredForImport bool         `json:"required_for_import,omitempty"`
	OptionalForImport bool         `json:"optional_for_import,omitempty"`
}

func schemasOf(all map[string]*tfprotov6.Schema) map[string]schemaJSON {
	out := make(map[string]schemaJSON, len(all))
	for name, s := range all {
		out[name] = schemaOf(s)
	}
	return out
}

func schemaOf(s *tfprotov6.Schema) schemaJSON {
	return schemaJSON{Version: s.Version, Block: blockJSON{
		Attributes:      attributesOf(s.Block.Attributes),
		Description:     s.Block.Description,
		DescriptionKind: descriptionKind(s.Block.DescriptionKind),
	}}
}

func attributesOf(all []*tfprotov6.SchemaAttribute) map[string]attributeJSON {
	out := make(map[string]attributeJSON, len(all))
	for _, a := range all {
		one := attributeJSON{
			Type:        a.Type,
			Description: a.Description, DescriptionKind: descriptionKind(a.DescriptionKind),
			Required: a.Required, Optional: a.Optional, Computed: a.Computed, Sensitive: a.Sensitive,
		}
		if a.NestedType != nil {
			one.Nested = &nestedJSON{Attributes: attributesOf(a.NestedType.Attributes), Nesting: nesting(a.NestedType.Nesting)}
		}
		out[a.Name] = one
	}
	return out
}

func descriptionKind(kind tfprotov6.StringKind) string {
	if kind == tfprotov6.StringKindMarkdown {
		return "markdown"
	}
	return "plain"
}

func nesting(mode tfprotov6.SchemaObjectNestingMode) string {
	return strings.ToLower(mode.String())
}

func identityOf(s *tfprotov6.ResourceIdentitySchema) identityJSON {
	attributes := make(map[string]identityAttributeJSON, len(s.IdentityAttributes))
	for _, a := range s.IdentityAttributes {
		attributes[a.Name] = identityAttributeJSON{
			Type: a.Type, Description: a.Description, RequiredForImport: a.RequiredForImport, OptionalForImport: a.OptionalForImport,
		}
	}
	return identityJSON{Version: s.Version, Attributes: attributes}
}

type functionJSON struct {
	Summary     string          `json:"summary,omitempty"`
	Description string          `json:"description,omitempty"`
	Returns     tftypes.Type    `json:"return_type"`
	Parameters  []parameterJSON `json:"parameters"`
}

type parameterJSON struct {
	Name        string       `json:"name"`
	Description string       `json:"description,omitempty"`
	Nullable    bool         `json:"is_nullable,omitempty"`
	Type        tftypes.Type `json:"type"`
}

func functionsOf(all map[string]*tfprotov6.Function) map[string]functionJSON {
	out := make(map[string]functionJSON, len(all))
	for name, f := range all {
		one := functionJSON{Summary: f.Summary, Description: f.Description, Returns: f.Return.Type, Parameters: make([]parameterJSON, len(f.Parameters))}
		for i, p := range f.Parameters {
			one.Parameters[i] = parameterJSON{Name: p.Name, Description: p.Description, Nullable: p.AllowNullValue, Type: p.Type}
		}
		out[name] = one
	}
	return out
}
