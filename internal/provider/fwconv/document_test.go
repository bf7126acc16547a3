package fwconv_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

func text(g fwconv.Grammar) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, CustomType: fwconv.TextType{Grammar: g}}
}

func shape() schema.Schema {
	return schema.Schema{Attributes: map[string]schema.Attribute{
		"id":         schema.StringAttribute{Computed: true},
		"name":       schema.StringAttribute{Required: true},
		"note":       schema.StringAttribute{Optional: true},
		"span":       text(fwconv.Duration),
		"when":       text(fwconv.Condition),
		"ends_at":    text(fwconv.Instant),
		"limit":      schema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(1)},
		"automatic":  schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(false)},
		"groups":     schema.SetAttribute{Optional: true, Computed: true, ElementType: types.StringType, Default: setdefault.StaticValue(types.SetValueMust(types.StringType, []attr.Value{}))},
		"parameters": schema.DynamicAttribute{Optional: true},
		"duties": schema.MapNestedAttribute{Optional: true, NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"entitlements": schema.SetAttribute{Required: true, ElementType: types.StringType},
		}}},
		"stages": schema.ListNestedAttribute{Optional: true, NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"name":    schema.StringAttribute{Required: true},
			"timeout": schema.StringAttribute{Optional: true, Computed: true, CustomType: fwconv.TextType{Grammar: fwconv.Duration}, Default: stringdefault.StaticString("1h")},
		}}},
	}}
}

// value makes a value of the shape; what is not given is null.
func value(t *testing.T, given map[string]tftypes.Value) tftypes.Value {
	t.Helper()
	typ := shape().Type().TerraformType(t.Context()).(tftypes.Object)
	values := map[string]tftypes.Value{}
	for name, of := range typ.AttributeTypes {
		values[name] = tftypes.NewValue(of, nil)
		if v, ok := given[name]; ok {
			values[name] = v
		}
	}
	return tftypes.NewValue(typ, values)
}

func str(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }

func strs(all ...string) tftypes.Value {
	values := make([]tftypes.Value, len(all))
	for i, s := range all {
		values[i] = str(s)
	}
	return tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, values)
}

func typeOf(t *testing.T, name string) tftypes.Type {
	t.Helper()
	return shape().Type().TerraformType(t.Context()).(tftypes.Object).AttributeTypes[name]
}

func duties(t *testing.T, all map[string]tftypes.Value) tftypes.Value {
	t.Helper()
	typ := typeOf(t, "duties").(tftypes.Map)
	values := map[string]tftypes.Value{}
	for name, entitlements := range all {
		values[name] = tftypes.NewValue(typ.ElementType, map[string]tftypes.Value{"entitlements": entitlements})
	}
	return tftypes.NewValue(typ, values)
}

func TestDocumentIsWhatWasDeclaredWithDefaultsAndCanonicalTexts(t *testing.T) {
	stage := typeOf(t, "stages").(tftypes.List)
	text, unknown, err := fwconv.Document(t.Context(), shape(), value(t, map[string]tftypes.Value{
		"id":         tftypes.NewValue(tftypes.String, tftypes.UnknownValue),
		"name":       str("n"),
		"span":       str("90m"),
		"when":       str("a\n  == b"),
		"ends_at":    str("2026-12-31T18:00:00+01:00"),
		"groups":     strs("b", "a"),
		"parameters": tftypes.NewValue(tftypes.Object{AttributeTypes: map[string]tftypes.Type{"n": tftypes.Number, "on": tftypes.Bool}}, map[string]tftypes.Value{"n": tftypes.NewValue(tftypes.Number, 12345678901234567), "on": tftypes.NewValue(tftypes.Bool, true)}),
		"duties":     duties(t, map[string]tftypes.Value{"pay": strs("x/role/r")}),
		"stages":     tftypes.NewValue(stage, []tftypes.Value{tftypes.NewValue(stage.ElementType, map[string]tftypes.Value{"name": str("lead"), "timeout": tftypes.NewValue(tftypes.String, nil)})}),
	}))
	if err != nil || len(unknown) > 0 {
		t.Fatalf("unknown %v, %v", unknown, err)
	}
	want := `{"automatic":false,"duties":{"pay":{"entitlements":["x/role/r"]}},"ends_at":"2026-12-31T17:00:00Z","groups":["a","b"],"limit":1,"name":"n","parameters":{"n":12345678901234567,"on":true},"span":"1h30m","stages":[{"name":"lead","timeout":"1h"}],"when":"a\n  == b"}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
}

func TestDocumentNamesWhatIsNotKnownAndKeepsTheRest(t *testing.T) {
	never := tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	text, unknown, err := fwconv.Document(t.Context(), shape(), value(t, map[string]tftypes.Value{
		"name":       never,
		"span":       str("soon"),
		"groups":     tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, []tftypes.Value{str("a"), never}),
		"parameters": tftypes.NewValue(tftypes.Object{AttributeTypes: map[string]tftypes.Type{"a": tftypes.String, "b": tftypes.String}}, map[string]tftypes.Value{"a": never, "b": str("x")}),
		"duties": duties(t, map[string]tftypes.Value{
			"a": tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, tftypes.UnknownValue),
			"b": strs("x"),
		}),
		"stages": tftypes.NewValue(typeOf(t, "stages"), tftypes.UnknownValue),
	}))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(unknown)
	if diff := cmp.Diff(fwconv.Unknown{`duties["a"].entitlements`, "groups", "name", `parameters["a"]`, "span", "stages"}, unknown); diff != "" {
		t.Error(diff)
	}
	want := `{"automatic":false,"duties":{"a":{},"b":{"entitlements":["x"]}},"groups":["a"],"limit":1,"parameters":{"b":"x"}}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
}

func TestStateHasDefaultsForWhatTheAnswerLeavesOut(t *testing.T) {
	answer := json.RawMessage(`{"id":"n","version":3,"name":"n","span":"1h30m","duties":{"pay":{"entitlements":["x"]}},"stages":[{"name":"lead","timeout":"2h"}],"parameters":{"team":"sre","n":3}}`)
	got, err := fwconv.State(t.Context(), shape(), answer, tftypes.Value{})
	if err != nil {
		t.Fatal(err)
	}
	stage := typeOf(t, "stages").(tftypes.List)
	want := value(t, map[string]tftypes.Value{
		"id": str("n"), "name": str("n"), "span": str("1h30m"), "groups": strs(),
		"limit": tftypes.NewValue(tftypes.Number, 1), "automatic": tftypes.NewValue(tftypes.Bool, false),
		"duties":     duties(t, map[string]tftypes.Value{"pay": strs("x")}),
		"stages":     tftypes.NewValue(stage, []tftypes.Value{tftypes.NewValue(stage.ElementType, map[string]tftypes.Value{"name": str("lead"), "timeout": str("2h")})}),
		"parameters": tftypes.NewValue(tftypes.Object{AttributeTypes: map[string]tftypes.Type{"team": tftypes.String, "n": tftypes.Number}}, map[string]tftypes.Value{"team": str("sre"), "n": tftypes.NewValue(tftypes.Number, 3)}),
	})
	if !got.Equal(want) {
		diffs, _ := want.Diff(got)
		t.Errorf("%v", diffs)
	}
}

func TestDynamicValueKeepsItsTypeWhenItMeansTheSame(t *testing.T) {
	list := tftypes.List{ElementType: tftypes.String}
	before := tftypes.NewValue(tftypes.Object{AttributeTypes: map[string]tftypes.Type{"teams": list}}, map[string]tftypes.Value{
		"teams": tftypes.NewValue(list, []tftypes.Value{str("sre")}),
	})
	prior := value(t, map[string]tftypes.Value{"name": str("n"), "parameters": before})
	for answer, kept := range map[string]bool{
		`{"name":"n","parameters":{"teams":["sre"]}}`: true,
		`{"name":"n","parameters":{"teams":["dba"]}}`: false,
	} {
		got, err := fwconv.State(t.Context(), shape(), json.RawMessage(answer), prior)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]tftypes.Value
		if err := got.As(&members); err != nil {
			t.Fatal(err)
		}
		if members["parameters"].Equal(before) != kept {
			t.Errorf("%s gives %s", answer, members["parameters"])
		}
	}
}
