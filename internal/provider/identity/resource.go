// Package identity is stint_identity: a person, or a service account, workload
// or agent that somebody owns.
package identity

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// NewResource is stint_identity.
func NewResource() resource.Resource {
	return declared.New(api.Identities, declared.Definition[api.Identity]{
		Type: "identity",
		Noun: "identity",
		Description: "An identity is who holds access: a human, a service account, a workload or an agent. " +
			"Whether it is active, suspended or has left is the engine's knowledge and not declared.",
		Attributes: map[string]schema.Attribute{
			"name":         declared.Key("Name, unique among identities; correlation conditions see it as `identity.name`."),
			"type":         declared.Required("`human`, `service_account`, `workload` or `agent`."),
			"owner":        declared.Optional("Id of the human who answers for this identity. Required unless `type` is `human`."),
			"manager":      declared.Optional("Id of the manager of a human, who may be asked to approve."),
			"groups":       declared.Names("Groups that conditions and approval stages refer to."),
			"valid_until":  declared.OptionalText(fwconv.Instant, "When the identity has left, in RFC 3339, for instance `2031-12-31T17:00:00Z`; its grants end then. A later moment brings it back."),
			"unused_after": declared.OptionalText(fwconv.Duration, "Suspends an identity that is not human once it was not used for as long, in Stint or in a target that tells; for instance `30d`. Its owner brings it back with `stint identity attest`."),
			"attest_every": declared.OptionalText(fwconv.Duration, "Suspends an identity that is not human once its owner has not attested for as long, with `stint identity attest`, that it is needed; for instance `90d`."),
			"attributes":   declared.AttributeValues("identity"),
			"revoke_on_destroy": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether destroying the identity ends its live grants first, and waits until the target was read without them. Without it (default `false`) the destruction is refused while there are any.",
			},
		},
		Keys:    []string{"name"},
		Depends: map[string][]string{"owner": {"type"}, "manager": {"type"}, "unused_after": {"type"}, "attest_every": {"type"}},
		Objects: func(s *api.Snapshot) []api.Identity { return s.Identities },
		Meta:    func(i api.Identity) api.Meta { return i.Meta },

		RevokeGrants: func(i api.Identity) bool { return i.RevokeOnDestroy },
	})
}
