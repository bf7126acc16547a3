package fwconv

import (
	"context"
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
)

// KeepText plans the text in state when the configured one means the same, so
// that a new layout is no change. The framework compares meanings after an
// apply only, not in a plan.
func KeepText(g Grammar) planmodifier.String { return keepText{g} }

type keepText struct{ grammar Grammar }

func (keepText) Description(context.Context) string {
	return "A new layout that means the same is no change."
}

func (k keepText) MarkdownDescription(ctx context.Context) string { return k.Description(ctx) }

func (k keepText) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	known := !req.StateValue.IsNull() && !req.PlanValue.IsNull() && !req.PlanValue.IsUnknown()
	if known && k.grammar.same(req.StateValue.ValueString(), req.PlanValue.ValueString()) {
		resp.PlanValue = req.StateValue
	}
}

// KeepDynamic plans the value in state when the configured one makes the same
// document; a list and a tuple of the same strings do, for instance.
func KeepDynamic() planmodifier.Dynamic { return keepDynamic{} }

type keepDynamic struct{}

func (keepDynamic) Description(context.Context) string {
	return "Another type for the same values is no change."
}

func (k keepDynamic) MarkdownDescription(ctx context.Context) string { return k.Description(ctx) }

func (keepDynamic) PlanModifyDynamic(ctx context.Context, req planmodifier.DynamicRequest, resp *planmodifier.DynamicResponse) {
	if req.StateValue.IsNull() || req.PlanValue.IsNull() || req.PlanValue.IsUnknown() {
		return
	}
	state, err := req.StateValue.ToTerraformValue(ctx)
	if err != nil {
		return
	}
	plan, err := req.PlanValue.ToTerraformValue(ctx)
	if err != nil || !plan.IsFullyKnown() {
		return
	}
	first, err := PlainValue(state)
	if err != nil {
		return
	}
	second, err := PlainValue(plan)
	if err == nil && reflect.DeepEqual(first, second) {
		resp.PlanValue = req.StateValue
	}
}
