// Package delegation is stint_delegation: who gives approvals in another's place
// for a time.
package delegation

import (
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// NewResource is stint_delegation.
func NewResource() resource.Resource {
	return declared.New(api.Delegations, declared.Definition[api.Delegation]{
		Type: "delegation",
		Noun: "delegation",
		Description: "A delegation lets one person give approvals in another's place for a time: what the one may approve, the other may. " +
			"It is not passed on, it never lets anybody approve a request of their own or of an agent that they own, and both voices count as one person.",
		Attributes: map[string]schema.Attribute{
			"name":      declared.Key("Name, unique among delegations."),
			"from":      declared.Required("Id of the person who delegates."),
			"to":        declared.Required("Id of the person who stands in."),
			"starts_at": declared.OptionalText(fwconv.Instant, "When it begins to hold, in RFC 3339; left out, at once."),
			"ends_at":   declared.Text(fwconv.Instant, "When it ends, in RFC 3339, for instance `2026-08-14T17:00:00Z`. There are no endless delegations."),
			"templates": declared.Names("Ids of grant templates that it is limited to; none is no limit."),
		},
		Keys:    []string{"name"},
		Depends: map[string][]string{"to": {"from"}, "ends_at": {"starts_at"}},
		Objects: func(s *api.Snapshot) []api.Delegation { return s.Delegations },
		Meta:    func(d api.Delegation) api.Meta { return d.Meta },
	})
}
