package fwconv

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/defaults"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// defaultOf is the value of an attribute that is not set; ok is false when
// there is none. A configuration at validate has no defaults filled in yet, and
// neither has an answer that leaves out what is empty.
func defaultOf(ctx context.Context, a schema.Attribute) (v tftypes.Value, ok bool, err error) {
	var value attr.Value
	var diags diag.Diagnostics
	switch a := a.(type) {
	case schema.StringAttribute:
		if a.Default != nil {
			var resp defaults.StringResponse
			a.Default.DefaultString(ctx, defaults.StringRequest{}, &resp)
			value, diags = resp.PlanValue, resp.Diagnostics
		}
	case schema.BoolAttribute:
		if a.Default != nil {
			var resp defaults.BoolResponse
			a.Default.DefaultBool(ctx, defaults.BoolRequest{}, &resp)
			value, diags = resp.PlanValue, resp.Diagnostics
		}
	case schema.Int64Attribute:
		if a.Default != nil {
			var resp defaults.Int64Response
			a.Default.DefaultInt64(ctx, defaults.Int64Request{}, &resp)
			value, diags = resp.PlanValue, resp.Diagnostics
		}
	case schema.SetAttribute:
		if a.Default != nil {
			var resp defaults.SetResponse
			a.Default.DefaultSet(ctx, defaults.SetRequest{}, &resp)
			value, diags = resp.PlanValue, resp.Diagnostics
		}
	case schema.ListNestedAttribute:
		if a.Default != nil {
			var resp defaults.ListResponse
			a.Default.DefaultList(ctx, defaults.ListRequest{}, &resp)
			value, diags = resp.PlanValue, resp.Diagnostics
		}
	case schema.SingleNestedAttribute:
		if a.Default != nil {
			var resp defaults.ObjectResponse
			a.Default.DefaultObject(ctx, defaults.ObjectRequest{}, &resp)
			value, diags = resp.PlanValue, resp.Diagnostics
		}
	}
	if diags.HasError() {
		return tftypes.Value{}, false, fmt.Errorf("default: %v", diags)
	}
	if value == nil {
		return tftypes.Value{}, false, nil
	}
	v, err = value.ToTerraformValue(ctx)
	return v, err == nil, err
}
