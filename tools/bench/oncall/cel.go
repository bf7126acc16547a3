package oncall

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

const celCondition = `identity.type == "human"
  && "sre-oncall" in identity.groups
  && event != null && event.kind == "incident" && event.severity != null && event.severity <= 2
  && request.duration <= duration("4h")`

// celGo is a checked and optimised CEL program. Its variables are declared by
// their full names, which spares it a look-up in a map for each dot.
func celGo() (Engine, error) {
	env, err := cel.NewEnv(
		cel.Variable("identity.type", cel.StringType),
		cel.Variable("identity.groups", cel.ListType(cel.StringType)),
		cel.Variable("event", cel.DynType),
		cel.Variable("event.kind", cel.StringType),
		cel.Variable("event.severity", cel.NullableType(cel.IntType)),
		cel.Variable("request.duration", cel.DurationType),
	)
	if err != nil {
		return Engine{}, fmt.Errorf("build the CEL environment: %w", err)
	}
	ast, issues := env.Compile(celCondition)
	if issues.Err() != nil {
		return Engine{}, fmt.Errorf("compile for CEL: %w", issues.Err())
	}
	program, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return Engine{}, fmt.Errorf("prepare the CEL program: %w", err)
	}
	decide := func(variables map[string]any) (bool, error) {
		out, _, err := program.Eval(variables)
		if err != nil {
			return false, fmt.Errorf("evaluate CEL: %w", err)
		}
		return out == types.True, nil
	}
	return Engine{
		Name: "cel-go",
		Ready: func(in *policyenv.Input) func() (bool, error) {
			variables := celVariables(in)
			for name, value := range variables {
				variables[name] = env.CELTypeAdapter().NativeToValue(value)
			}
			return func() (bool, error) { return decide(variables) }
		},
		Filled: func(in *policyenv.Input) (bool, error) { return decide(celVariables(in)) },
	}, nil
}

func celVariables(in *policyenv.Input) map[string]any {
	variables := map[string]any{
		"identity.type":    in.Identity.Type,
		"identity.groups":  in.Identity.Groups,
		"request.duration": in.Request.Duration,
		"event":            ref.Val(types.NullValue),
	}
	if in.Event == nil {
		return variables
	}
	variables["event"] = ref.Val(types.True)
	variables["event.kind"] = in.Event.Kind
	variables["event.severity"] = ref.Val(types.NullValue)
	if in.Event.Severity != nil {
		variables["event.severity"] = *in.Event.Severity
	}
	return variables
}
