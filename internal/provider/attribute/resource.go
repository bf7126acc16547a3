// Package attribute is stint_attribute: a custom attribute of identities or
// business events, declared once and typed in every condition.
package attribute

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/session"
)

// NewResource is stint_attribute.
func NewResource() resource.Resource {
	return declared.New(api.Attributes, declared.Definition[api.Attribute]{
		Type: "attribute",
		Noun: "attribute",
		Description: "An attribute is something about identities or business events that your organisation knows and Stint does not. " +
			"Once it is declared, `stint_identity` and `stint_business_event` may have a value of it, and conditions see it as " +
			"`identity.attributes.<name>` or `event.attributes.<name>`, which is null where there is no value. " +
			"It cannot be destroyed while a condition reads it or anything has a value of it.\n\n" +
			"Resources that use an attribute of the same configuration must come after it: refer to it " +
			"(`attributes = { (stint_attribute.cost_center.name) = \"4711\" }`), or name it in `depends_on`, as a policy does whose condition reads it.",
		Attributes: map[string]schema.Attribute{
			"object":      declared.Key("What has the attribute: `identity` or `business_event`."),
			"name":        declared.Key("Name as conditions write it, for instance `cost_center`; unique for its object."),
			"type":        declared.Key("`string`, `bool`, `int`, `duration` (a text like `1h30m`), `time` (a text in RFC 3339) or `list(string)`."),
			"description": declared.Required("What the attribute means, in one sentence for those who write conditions."),
		},
		Keys:    []string{"object", "name"},
		Objects: func(s *api.Snapshot) []api.Attribute { return s.Attributes },
		Meta:    func(a api.Attribute) api.Meta { return a.Meta },
		Planned: remember,
	})
}

// remember lets what is planned after the attribute rely on it.
func remember(_ context.Context, s *session.Session, change declared.Change[api.Attribute]) diag.Diagnostics {
	if change.Unknown.TouchesAny([]string{"object", "name", "type"}) {
		s.PlannedUnknownAttribute()
		return nil
	}
	s.PlannedAttribute(change.After.Attribute)
	return nil
}
