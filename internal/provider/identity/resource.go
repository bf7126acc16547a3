// Package identity is stint_identity: a person, or a service account, workload
// or agent that somebody owns.
package identity

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/declared"
)

// NewResource is stint_identity.
func NewResource() resource.Resource {
	return declared.New(api.Identities, declared.Definition[api.Identity]{
		Type: "identity",
		Noun: "identity",
		Description: "An identity is who holds access: a human, a service account, a workload or an agent. " +
			"Whether it is active, suspended or has left is the engine's knowledge and not declared.",
		Attributes: map[string]schema.Attribute{
			"name":       declared.Key("Name, unique among identities; correlation conditions see it as `identity.name`."),
			"type":       declared.Required("`human`, `service_account`, `workload` or `agent`."),
			"owner":      declared.Optional("Id of the human who answers for this identity. Required unless `type` is `human`."),
			"manager":    declared.Optional("Id of the manager of a human, who may be asked to approve."),
			"groups":     declared.Names("Groups that conditions and approval stages refer to."),
			"attributes": declared.AttributeValues("identity"),
		},
		Keys:    []string{"name"},
		Depends: map[string][]string{"owner": {"type"}, "manager": {"type"}},
		Objects: func(s *api.Snapshot) []api.Identity { return s.Identities },
		Meta:    func(i api.Identity) api.Meta { return i.Meta },
	})
}
