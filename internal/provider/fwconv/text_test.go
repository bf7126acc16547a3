package fwconv_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

func TestTextThatMeansTheSameIsNoChange(t *testing.T) {
	for _, c := range []struct {
		grammar     fwconv.Grammar
		before, now string
		same        bool
	}{
		{fwconv.Duration, "1h30m", "90m", true},
		{fwconv.Duration, "1h30m", "91m", false},
		{fwconv.Duration, "1h", "soon", false},
		{fwconv.Condition, "identity.type == \"human\"", "(identity.type\n  ==  \"human\") # people only", true},
		{fwconv.Condition, "identity.type == \"human\"", "identity.type == \"agent\"", false},
		{fwconv.Condition, "(", "( ", false},
		{fwconv.Instant, "2026-12-31T17:00:00Z", "2026-12-31T18:00:00+01:00", true},
		{fwconv.Instant, "2026-12-31T17:00:00Z", "2026-12-31T17:00:01Z", false},
	} {
		v := func(text string) fwconv.Text {
			return fwconv.Text{StringValue: basetypes.NewStringValue(text), Grammar: c.grammar}
		}
		if same, diags := v(c.before).StringSemanticEquals(t.Context(), v(c.now)); same != c.same || diags.HasError() {
			t.Errorf("%s %q and %q: %v, %v", c.grammar, c.before, c.now, same, diags)
		}
		planned := c.now
		if c.same {
			planned = c.before
		}
		resp := planmodifier.StringResponse{PlanValue: types.StringValue(c.now)}
		fwconv.KeepText(c.grammar).PlanModifyString(t.Context(), planmodifier.StringRequest{StateValue: types.StringValue(c.before), PlanValue: types.StringValue(c.now)}, &resp)
		if resp.PlanValue.ValueString() != planned {
			t.Errorf("%s %q over %q plans %q", c.grammar, c.now, c.before, resp.PlanValue.ValueString())
		}
	}
}

func TestTextThatIsNewOrNotKnownIsPlannedAsItIs(t *testing.T) {
	for _, c := range []struct{ state, plan types.String }{
		{types.StringNull(), types.StringValue("90m")},
		{types.StringValue("90m"), types.StringNull()},
		{types.StringValue("90m"), types.StringUnknown()},
	} {
		resp := planmodifier.StringResponse{PlanValue: c.plan}
		fwconv.KeepText(fwconv.Duration).PlanModifyString(t.Context(), planmodifier.StringRequest{StateValue: c.state, PlanValue: c.plan}, &resp)
		if !resp.PlanValue.Equal(c.plan) {
			t.Errorf("%s over %s plans %s", c.plan, c.state, resp.PlanValue)
		}
	}
}

func TestNearestNameIsMeantOnlyWhenItIsNear(t *testing.T) {
	names := []string{"billing_admin", "billing_read", "payments"}
	for given, want := range map[string]string{
		"biling_admin": "billing_admin", "billing_raed": "billing_read", "nothing": "", "": "",
	} {
		if got := fwconv.Nearest(given, names); got != want {
			t.Errorf("%q is taken for %q, not %q", given, got, want)
		}
	}
}
