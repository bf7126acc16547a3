// Package entitlement is stint_entitlement: a right inside an application that
// somebody owns.
package entitlement

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/declared"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/session"
)

// NewResource is stint_entitlement.
func NewResource() resource.Resource {
	return declared.New(api.Entitlements, declared.Definition[api.Entitlement]{
		Type: "entitlement",
		Noun: "entitlement",
		Description: "An entitlement is a right inside an application, found there by discovery and declared here: who owns it, " +
			"how risky it is, whether it may be held without an end. Declaring it changes nothing in the target.",
		Attributes: map[string]schema.Attribute{
			"application":  declared.Key("Id of the application."),
			"kind":         declared.Key("Kind of right. PostgreSQL has `role` (membership), `role_admin` (membership with ADMIN OPTION) and `attribute` (for instance `superuser`)."),
			"native_id":    declared.Key("Name of the right in the application, exactly as the target writes it."),
			"owner":        declared.Optional("Id of the identity that answers for the right."),
			"risk":         declared.Required("`low`, `medium`, `high` or `critical`."),
			"standing":     declared.Required("Whether the right may be held without an end: `allowed` or `forbidden`. Where it is forbidden, standing assignments are findings."),
			"max_duration": declared.OptionalText(fwconv.Duration, "Longest grant of the right, whatever the template; for instance `8h`."),
			"revoke_on_destroy": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether destroying the entitlement ends its live grants first, and waits until the target was read without them. Without it (default `false`) the destruction is refused while there are any.",
			},
		},
		Keys:    []string{"application", "kind", "native_id"},
		Objects: func(s *api.Snapshot) []api.Entitlement { return s.Entitlements },
		Meta:    func(e api.Entitlement) api.Meta { return e.Meta },
		Planned: existsInTarget,

		RevokeGrants: func(e api.Entitlement) bool { return e.RevokeOnDestroy },
	})
}

// existsInTarget refuses a new entitlement that the target does not have. An
// application that was never read cannot tell; there the server finds out at
// create. One that is declared already is left to the findings, so that a role
// dropped in the target does not block every plan.
func existsInTarget(ctx context.Context, s *session.Session, change declared.Change[api.Entitlement]) (diags diag.Diagnostics) {
	if change.Before != nil || change.Unknown.TouchesAny([]string{"application", "kind", "native_id"}) {
		return nil
	}
	wanted := change.After.Entitlement
	target, err := s.Target(ctx, string(wanted.Application))
	if err != nil {
		diags.AddError("The target's entitlements were not read", fwconv.Sentence(err.Error()))
	}
	if target == nil {
		return diags
	}
	var names, kinds []string
	for _, one := range target.Entitlements {
		if one.Kind == wanted.Kind && one.NativeID == wanted.NativeID {
			return nil
		}
		if one.Kind == wanted.Kind {
			names = append(names, one.NativeID)
		} else if !slices.Contains(kinds, one.Kind) {
			kinds = append(kinds, one.Kind)
		}
	}
	at := target.SyncedAt.UTC().Format(time.RFC3339)
	if len(names) == 0 && !slices.Contains(kinds, wanted.Kind) {
		slices.Sort(kinds)
		diags.AddAttributeError(path.Root("kind"), "Unknown kind of entitlement", fmt.Sprintf(
			"%s had no entitlement of kind %q when it was last read (%s). The kinds there: %s.", wanted.Application, wanted.Kind, at, strings.Join(kinds, ", ")))
		return diags
	}
	detail := fmt.Sprintf("%s had no %s %q when it was last read (%s).", wanted.Application, wanted.Kind, wanted.NativeID, at)
	if near := fwconv.Nearest(wanted.NativeID, names); near != "" {
		detail += fmt.Sprintf(" Did you mean %q?", near)
	}
	diags.AddAttributeError(path.Root("native_id"), "Unknown entitlement", detail+fmt.Sprintf(
		" If it was created since, run 'stint sync %s' first.", wanted.Application))
	return diags
}
