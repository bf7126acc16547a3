package declared

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// Read takes the object from the snapshot; one that is gone leaves the state.
func (m *managed[D, T]) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var id types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...)
	snapshot, err := m.session.Snapshot(ctx)
	if err != nil {
		resp.Diagnostics.Append(fwconv.Refusal(ctx, m.schema, "The declared state was not read", err)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	object := m.find(snapshot, id.ValueString())
	if object == nil {
		resp.Diagnostics.Append(m.identify(ctx, req.State, resp.Identity)...)
		resp.State.RemoveResource(ctx)
		return
	}
	resp.Diagnostics.Append(m.store(ctx, *object, req.State.Raw, &resp.State, resp.Identity, resp.Private)...)
}

// ImportState takes the id, the plain names that make it, or the identity.
func (m *managed[D, T]) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	wanted := req.ID
	if wanted == "" {
		parts := make([]string, len(m.Keys))
		for i, key := range m.Keys {
			resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root(key), &parts[i])...)
		}
		wanted = strings.Join(parts, "/")
	}
	snapshot, err := m.session.Snapshot(ctx)
	if err != nil {
		resp.Diagnostics.Append(fwconv.Refusal(ctx, m.schema, "The declared state was not read", err)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	var ids []string
	for _, object := range m.Objects(snapshot) {
		id := m.Meta(object).ID
		ids = append(ids, id)
		names, err := m.names(object)
		if err != nil {
			resp.Diagnostics.Append(failure("The server's answer cannot be read", err)...)
			return
		}
		if id == wanted || names == wanted {
			resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), id)...)
			return
		}
	}
	detail := fmt.Sprintf("There is no %s %q", m.Noun, wanted)
	if near := fwconv.Nearest(wanted, ids); near != "" {
		detail += fmt.Sprintf("; did you mean %q", near)
	}
	resp.Diagnostics.AddError("Nothing to import", fmt.Sprintf("%s? It is imported by its id (%s), or by the same parts as they are written in HCL.", strings.TrimSuffix(detail, "?"), strings.Join(m.Keys, "/")))
}

// names are the key attributes as the author writes them.
func (m *managed[D, T]) names(object T) (string, error) {
	plain, err := fwconv.Plain(object)
	if err != nil {
		return "", err
	}
	members, _ := plain.(map[string]any)
	parts := make([]string, len(m.Keys))
	for i, key := range m.Keys {
		parts[i], _ = members[key].(string)
	}
	return strings.Join(parts, "/"), nil
}
