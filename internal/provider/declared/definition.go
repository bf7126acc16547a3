// Package declared is the managed resource that all declared objects share:
// create, read, update, delete and import over the HTTP API, with versions as
// preconditions, reads from the session's snapshot, checks at validate and at
// plan, and an identity made of the natural key.
//
// An object's own package gives a [Definition]: its schema and what is special
// about it. Nothing here knows a particular object.
package declared

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/session"
)

// Definition is one type of declared object; T is the object as it is read.
type Definition[T any] struct {
	// Type is the resource type without the provider's prefix.
	Type string
	// Noun is what a diagnostic calls the object.
	Noun string
	// Description opens the reference page.
	Description string
	// Attributes is the schema without id, in the names of the document.
	Attributes map[string]schema.Attribute
	// Keys are the attributes that make the id, in its order.
	Keys []string
	// Depends lists, for a field of the document, the fields that it is judged
	// by, both without indexes: while those are not known, it is not judged.
	Depends map[string][]string
	// Objects picks the objects out of a snapshot.
	Objects func(*api.Snapshot) []T
	// Meta is what the server added to an object.
	Meta func(T) api.Meta

	// Planned adds what only the server can tell about a planned document that
	// is right as far as it is known. Optional.
	Planned func(context.Context, *session.Session, Change[T]) diag.Diagnostics
	// RevokeGrants says whether deleting ends live grants first. Optional.
	RevokeGrants func(T) bool
}

// Change is one planned object, without what the server adds.
type Change[T any] struct {
	// Before is nil when the object is created.
	Before *T
	After  T
	// Unknown lists what is not known of After, and is at its zero value there.
	Unknown fwconv.Unknown
}

// New is the managed resource of a definition.
func New[D governance.Object, T any](in api.Collection[D, T], d Definition[T]) resource.Resource {
	return &managed[D, T]{Definition: d, collection: in, schema: schema.Schema{
		MarkdownDescription: d.Description,
		Attributes:          withID(d.Attributes),
	}}
}

func withID(attributes map[string]schema.Attribute) map[string]schema.Attribute {
	all := maps.Clone(attributes)
	all["id"] = schema.StringAttribute{
		Computed:            true,
		MarkdownDescription: "Identifier, derived from the natural key with each part percent-encoded; known at plan.",
	}
	return all
}
