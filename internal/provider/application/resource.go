// Package application is stint_application: a target system whose rights are
// governed, and how it is reached.
package application

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectdefault"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

const defaultInterval = "15m"

// NewResource is stint_application.
func NewResource() resource.Resource {
	return declared.New(api.Applications, declared.Definition[api.Application]{
		Type: "application",
		Noun: "application",
		Description: "An application is a target system whose rights are governed. Creating it waits for one complete discovery, " +
			"so that entitlements can be declared in the same apply.",
		Attributes: map[string]schema.Attribute{
			"name":      declared.Key("Name, unique among applications: lower-case letters, digits and single hyphens."),
			"connector": connector(),
			"correlation": declared.Text(fwconv.Condition, "Condition that says whose an account is: one that matches exactly one identity belongs to it, for instance `account.name == identity.name`. "+
				fwconv.ConditionReference(variables())),
			"discovery": schema.SingleNestedAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "How the application is read.",
				Default: objectdefault.StaticValue(types.ObjectValueMust(
					map[string]attr.Type{"interval": fwconv.TextType{Grammar: fwconv.Duration}},
					map[string]attr.Value{"interval": fwconv.Text{StringValue: basetypes.NewStringValue(defaultInterval), Grammar: fwconv.Duration}})),
				Attributes: map[string]schema.Attribute{
					"interval": declared.TextDefault(fwconv.Duration, "Time between two discoveries, at least `10s`; default `15m`.", defaultInterval),
				},
			},
		},
		Keys:    []string{"name"},
		Objects: func(s *api.Snapshot) []api.Application { return s.Applications },
		Meta:    func(a api.Application) api.Meta { return a.Meta },
	})
}

func variables() []string {
	all := policyenv.CorrelationVariables()
	names := make([]string, len(all), len(all)+1)
	for i, v := range all {
		names[i] = fwconv.ConditionVariable(v.Name, v.Type, v.Optional)
	}
	return append(names, "`identity.attributes.<name>` (optional, of the type that `stint_attribute` declares)")
}
