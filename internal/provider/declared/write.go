package declared

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/stint-dev/terraform-provider-stint/internal/client"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// Create refuses to take over an object that exists.
func (m *managed[D, T]) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	document, c, diags := m.toWrite(ctx, req.Plan.Raw)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	created, err := client.Create(ctx, c, m.collection, document)
	m.session.Wrote()
	if client.IsAlreadyExists(err) {
		resp.Diagnostics.AddError(m.title(document)+" exists already", fmt.Sprintf(
			"It was not declared by this resource, so it is not overwritten. To manage it from here, import it (NAME is this resource's name):\n\n  terraform import stint_%s.NAME %s",
			m.Type, shellWord(document.Key())))
		return
	}
	if err != nil {
		resp.Diagnostics.Append(fwconv.Refusal(ctx, m.schema, m.title(document)+" was not created", err)...)
		return
	}
	// In state before anything else can fail: what exists is never forgotten.
	resp.Diagnostics.Append(m.store(ctx, created, req.Plan.Raw, &resp.State, resp.Identity, resp.Private)...)
	resp.Diagnostics.Append(m.readBack(ctx, c, document, req.Plan.Raw, &resp.State, resp.Identity, resp.Private)...)
}

// Update writes over the version that was read, and no other.
func (m *managed[D, T]) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	document, c, diags := m.toWrite(ctx, req.Plan.Raw)
	resp.Diagnostics.Append(diags...)
	version, diags := readVersion(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	updated, err := client.Update(ctx, c, m.collection, version, document)
	m.session.Wrote()
	if err != nil {
		resp.Diagnostics.Append(m.refused(ctx, document, "changed", err)...)
		return
	}
	resp.Diagnostics.Append(m.store(ctx, updated, req.Plan.Raw, &resp.State, resp.Identity, resp.Private)...)
	resp.Diagnostics.Append(m.readBack(ctx, c, document, req.Plan.Raw, &resp.State, resp.Identity, resp.Private)...)
}

// Delete removes the version that was read. The server refuses while live
// grants depend on it, and its list is shown.
func (m *managed[D, T]) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	document, c, diags := m.toWrite(ctx, req.State.Raw)
	resp.Diagnostics.Append(diags...)
	version, diags := readVersion(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	change, err := m.change(nil, document)
	if err != nil {
		resp.Diagnostics.Append(failure("The state cannot be read", err)...)
		return
	}
	revoke := m.RevokeGrants != nil && m.RevokeGrants(change.After)
	err = client.Delete(ctx, c, m.collection, document.Key(), version, revoke)
	m.session.Wrote()
	if err != nil && !client.IsNotFound(err) {
		resp.Diagnostics.Append(m.refused(ctx, document, "deleted", err)...)
	}
}

// toWrite reads a document that is completely known, and finds the server.
func (m *managed[D, T]) toWrite(ctx context.Context, raw tftypes.Value) (D, *client.Client, diag.Diagnostics) {
	document, unknown, err := m.document(ctx, raw)
	if err == nil && len(unknown) > 0 {
		err = fmt.Errorf("these are not known or cannot be read: %s", strings.Join(unknown, ", "))
	}
	if err != nil {
		return document, nil, failure("The "+m.Noun+" cannot be written", err)
	}
	c, err := m.session.Client()
	if err != nil {
		return document, nil, failure("The "+m.Noun+" cannot be written", err)
	}
	return document, c, nil
}

// readBack puts into state what the server now has, and fails when that is not
// what was declared.
func (m *managed[D, T]) readBack(ctx context.Context, c *client.Client, document D, plan tftypes.Value, state *tfsdk.State, identity *tfsdk.ResourceIdentity, private privateState) diag.Diagnostics {
	object, err := client.Get(ctx, c, m.collection, document.Key())
	if err != nil {
		return fwconv.Refusal(ctx, m.schema, m.title(document)+" was written but not read back", err)
	}
	diags := m.store(ctx, object, plan, state, identity, private)
	differing, err := m.differing(ctx, document, object)
	if err != nil {
		diags.Append(failure("The server's answer cannot be compared", err)...)
	}
	if len(differing) > 0 {
		diags.AddError(m.title(document)+" is not as it was declared", fmt.Sprintf(
			"After the write, the server holds something else in: %s. Either somebody wrote at the same moment, or the server did not keep it. Run terraform plan to see the difference.", strings.Join(differing, ", ")))
	}
	return diags
}

// differing names the attributes in which what was declared and what is stored
// mean different things.
func (m *managed[D, T]) differing(ctx context.Context, declared, stored any) ([]string, error) {
	first, err := m.attributes(ctx, declared)
	if err != nil {
		return nil, err
	}
	second, err := m.attributes(ctx, stored)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(first)) {
		if name != "id" && !first[name].Equal(second[name]) {
			names = append(names, name)
		}
	}
	return names, nil
}

func (m *managed[D, T]) attributes(ctx context.Context, object any) (map[string]tftypes.Value, error) {
	value, err := fwconv.State(ctx, m.schema, object, tftypes.Value{})
	if err != nil {
		return nil, err
	}
	var attributes map[string]tftypes.Value
	err = value.As(&attributes)
	return attributes, err
}

func (m *managed[D, T]) refused(ctx context.Context, document D, done string, err error) diag.Diagnostics {
	if client.IsVersionMismatch(err) {
		return diag.Diagnostics{diag.NewErrorDiagnostic(m.title(document)+" was changed by someone else since it was read",
			"Nothing was written, so that their change is not lost. Run terraform plan again: it shows what they changed; then apply.")}
	}
	return fwconv.Refusal(ctx, m.schema, m.title(document)+" was not "+done, err)
}

// title names the object at the head of a diagnostic.
func (m *managed[D, T]) title(document D) string {
	return fmt.Sprintf("The %s %q", m.Noun, document.Key())
}

type privateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

func readVersion(ctx context.Context, private privateReader) (int64, diag.Diagnostics) {
	text, diags := private.GetKey(ctx, versionKey)
	if diags.HasError() {
		return 0, diags
	}
	version, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		diags.AddError("The state does not say which version was read", "Run terraform refresh, then apply again.")
	}
	return version, diags
}

// shellWord quotes an id for a command line where it needs that.
func shellWord(id string) string {
	if !strings.ContainsAny(id, "'\"!$&;()<>|*?[]{}`\\ ~#") {
		return id
	}
	return "'" + strings.ReplaceAll(id, "'", `'\''`) + "'"
}
