package oncall

import (
	"fmt"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// stint is the compiled condition over a frame, and the policy that fills one.
func stint() (Engine, error) {
	policy, diags := policyenv.CompileEligibility(Condition, nil, nil)
	if err := diags.Err(); err != nil {
		return Engine{}, fmt.Errorf("compile the condition: %w", err)
	}
	env, err := policyenv.Eligibility(nil, nil)
	if err != nil {
		return Engine{}, err
	}
	program, diags := condition.Compile(Condition, env)
	if err := diags.Err(); err != nil {
		return Engine{}, fmt.Errorf("compile the condition: %w", err)
	}
	return Engine{
		Name: "Stint",
		Ready: func(in *policyenv.Input) func() (bool, error) {
			frame := frame(env, in)
			return func() (bool, error) { return program.Eval(frame) }
		},
		Filled: policy.Eval,
	}, nil
}

// frame sets what the condition reads.
func frame(env *condition.Env, in *policyenv.Input) *condition.Frame {
	slot := func(name string) condition.Slot {
		at, ok := env.Slot(name)
		if !ok {
			panic("oncall: the schema has no variable " + name)
		}
		return at
	}
	f := env.NewFrame()
	f.SetString(slot("identity.type"), in.Identity.Type)
	f.SetStrings(slot("identity.groups"), in.Identity.Groups)
	f.SetDuration(slot("request.duration"), in.Request.Duration)
	if in.Event == nil {
		f.SetNull(slot("event"))
		return f
	}
	f.SetPresent(slot("event"))
	f.SetString(slot("event.kind"), in.Event.Kind)
	if in.Event.Severity == nil {
		f.SetNull(slot("event.severity"))
		return f
	}
	f.SetInt(slot("event.severity"), *in.Event.Severity)
	return f
}
