// Package eligibilitypolicy is stint_eligibility_policy: which identities may
// request which entitlements, under which condition.
package eligibilitypolicy

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// NewResource is stint_eligibility_policy.
func NewResource() resource.Resource {
	return declared.New(api.EligibilityPolicies, declared.Definition[api.EligibilityPolicy]{
		Type: "eligibility_policy",
		Noun: "eligibility policy",
		Description: "An eligibility policy says which identities may request which entitlements, under which condition. " +
			"An `allow` policy opens the grant templates that list it; a `deny` policy is a guardrail on its entitlements that always wins.",
		Attributes: map[string]schema.Attribute{
			"name":         declared.Key("Name, unique among eligibility policies."),
			"effect":       declared.Required("`allow` or `deny`."),
			"entitlements": declared.References("Ids of the entitlements that the policy speaks about."),
			"parameters": declared.Values("Values that the condition sees as `param.<name>`: an object of strings, bools, whole numbers and lists of strings. " +
				"Pass values here instead of splicing them into the condition."),
			"condition": declared.Text(fwconv.Condition, "Boolean expression in a strict subset of HCL, checked at validate. "+
				"Its layout is not meaning: a reformatted condition plans no change. "+fwconv.ConditionReference(variables())),
		},
		Keys:    []string{"name"},
		Depends: map[string][]string{"condition": {"parameters"}},
		Objects: func(s *api.Snapshot) []api.EligibilityPolicy { return s.EligibilityPolicies },
		Meta:    func(p api.EligibilityPolicy) api.Meta { return p.Meta },
	})
}

func variables() []string {
	all := policyenv.Variables()
	names := make([]string, len(all), len(all)+2)
	for i, v := range all {
		names[i] = fwconv.ConditionVariable(v.Name, v.Type, v.Optional)
	}
	return append(names, "`identity.attributes.<name>` and `event.attributes.<name>` (optional, of the type that `stint_attribute` declares)", "`param.<name>` (as given in `parameters`)")
}
