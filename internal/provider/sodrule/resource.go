// Package sodrule is stint_sod_rule: duties that one actor must not combine.
package sodrule

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/declared"
)

// NewResource is stint_sod_rule.
func NewResource() resource.Resource {
	return declared.New(api.SoDRules, declared.Definition[api.SoDRule]{
		Type: "sod_rule",
		Noun: "SoD rule",
		Description: "A rule of separation of duties names two or more duties, each a set of entitlements. " +
			"An actor violates it when the duties it touches exceed `limit`. What counts are effective holdings, nested roles included.",
		Attributes: map[string]schema.Attribute{
			"name": declared.Key("Name, unique among SoD rules."),
			"mode": declared.Required("What a violation does to a request: `record` notes it, `approve` demands an approval, `deny` refuses."),
			"limit": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(1),
				MarkdownDescription: "How many of the duties one actor may touch; default `1`.",
			},
			"include_owned": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether the agents, workloads and service accounts that an identity owns count as the same actor; default `true`.",
			},
			"duties": schema.MapNestedAttribute{
				Required:            true,
				MarkdownDescription: "Two or more duties by name. Refusals name the duty. An entitlement belongs to one duty of a rule.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"entitlements": declared.References("Ids of the entitlements that make the duty."),
				}},
			},
		},
		Keys:    []string{"name"},
		Objects: func(s *api.Snapshot) []api.SoDRule { return s.SoDRules },
		Meta:    func(r api.SoDRule) api.Meta { return r.Meta },
	})
}
