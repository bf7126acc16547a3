package server

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// newRegistry names the schemas of the OpenAPI document.
func newRegistry() huma.Registry {
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	registry.RegisterTypeAlias(reflect.TypeFor[governance.Duration](), reflect.TypeFor[durationSchema]())
	registry.RegisterTypeAlias(reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[api.Problem]())
	registry.RegisterTypeAlias(reflect.TypeFor[api.AuthZENProperties](), reflect.TypeFor[map[string]any]())
	return registry
}

// schemaName keeps a document that is written apart from the object of the same
// name that is read.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.PkgPath() != reflect.TypeFor[governance.Problem]().PkgPath() {
		return name
	}
	switch {
	case t.Implements(reflect.TypeFor[governance.Object]()):
		return name + "Document"
	case t == reflect.TypeFor[governance.Problem]():
		return "FieldProblem"
	}
	return name
}

// durationSchema describes a duration, so that a bad one is found with its
// place.
type durationSchema struct{}

// Schema implements huma.SchemaProvider.
func (durationSchema) Schema(huma.Registry) *huma.Schema {
	shortest := 2
	return &huma.Schema{
		Type: huma.TypeString, MinLength: &shortest,
		Pattern:            `^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$`,
		PatternDescription: "a duration like 1h30m: whole numbers with the units d, h, m, s, largest first, each once",
		Description:        "A duration like 1h30m: whole numbers with the units d, h, m, s, largest first, each once",
	}
}
