package oncall

import (
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// hclValue evaluates Stint's own text by HCL's interpreter.
func hclValue() (Engine, error) {
	tree, diags := hclsyntax.ParseExpression([]byte(Condition), "condition", hcl.InitialPos)
	if diags.HasErrors() {
		return Engine{}, fmt.Errorf("parse for HCL: %w", diags)
	}
	functions := map[string]function.Function{"contains": stdlib.ContainsFunc, "duration": hclDuration()}
	decide := func(context *hcl.EvalContext) (bool, error) {
		value, diags := tree.Value(context)
		if diags.HasErrors() {
			return false, fmt.Errorf("evaluate HCL: %w", diags)
		}
		return value.True(), nil
	}
	return Engine{
		Name: "hcl .Value",
		Ready: func(in *policyenv.Input) func() (bool, error) {
			context := hclContext(in, functions)
			return func() (bool, error) { return decide(context) }
		},
		Filled: func(in *policyenv.Input) (bool, error) { return decide(hclContext(in, functions)) },
	}, nil
}

// hclDuration is a number of nanoseconds: cty has no durations.
func hclDuration() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			d, err := time.ParseDuration(args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return cty.NumberIntVal(int64(d)), nil
		},
	})
}

func hclContext(in *policyenv.Input, functions map[string]function.Function) *hcl.EvalContext {
	groups := make([]cty.Value, len(in.Identity.Groups))
	for i, group := range in.Identity.Groups {
		groups[i] = cty.StringVal(group)
	}
	list := cty.ListValEmpty(cty.String)
	if len(groups) > 0 {
		list = cty.ListVal(groups)
	}
	event := cty.NullVal(cty.Object(map[string]cty.Type{"kind": cty.String, "severity": cty.Number}))
	if in.Event != nil {
		severity := cty.NullVal(cty.Number)
		if in.Event.Severity != nil {
			severity = cty.NumberIntVal(*in.Event.Severity)
		}
		event = cty.ObjectVal(map[string]cty.Value{"kind": cty.StringVal(in.Event.Kind), "severity": severity})
	}
	return &hcl.EvalContext{
		Functions: functions,
		Variables: map[string]cty.Value{
			"identity": cty.ObjectVal(map[string]cty.Value{"type": cty.StringVal(in.Identity.Type), "groups": list}),
			"event":    event,
			"request":  cty.ObjectVal(map[string]cty.Value{"duration": cty.NumberIntVal(int64(in.Request.Duration))}),
		},
	}
}
