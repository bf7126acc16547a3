package oncall

import (
	"errors"
	"fmt"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

const cedarPolicy = `permit (principal, action == Action::"request", resource)
when {
  principal.type == "human"
  && principal.groups.contains("sre-oncall")
  && context has event && context.event.kind == "incident" && context.event has severity && context.event.severity <= 2
  && context.duration <= duration("4h")
};`

// cedarGo is a Cedar policy set of one policy.
func cedarGo() (Engine, error) {
	policies, err := cedar.NewPolicySetFromBytes("oncall.cedar", []byte(cedarPolicy))
	if err != nil {
		return Engine{}, fmt.Errorf("parse the Cedar policy: %w", err)
	}
	decide := func(entities cedar.EntityMap, request cedar.Request) (bool, error) {
		decision, diagnostic := cedar.Authorize(policies, entities, request)
		if len(diagnostic.Errors) > 0 {
			return false, errors.New("evaluate Cedar: " + diagnostic.Errors[0].Message)
		}
		return decision == cedar.Allow, nil
	}
	return Engine{
		Name: "cedar-go",
		Ready: func(in *policyenv.Input) func() (bool, error) {
			entities, request := cedarRequest(in)
			return func() (bool, error) { return decide(entities, request) }
		},
		Filled: func(in *policyenv.Input) (bool, error) { return decide(cedarRequest(in)) },
	}, nil
}

func cedarRequest(in *policyenv.Input) (cedar.EntityMap, cedar.Request) {
	principal := cedar.NewEntityUID("Identity", types.String(in.Identity.ID))
	groups := make([]types.Value, len(in.Identity.Groups))
	for i, group := range in.Identity.Groups {
		groups[i] = types.String(group)
	}
	entities := cedar.EntityMap{principal: cedar.Entity{
		UID: principal,
		Attributes: cedar.NewRecord(cedar.RecordMap{
			"type":   types.String(in.Identity.Type),
			"groups": cedar.NewSet(groups...),
		}),
	}}
	context := cedar.RecordMap{"duration": types.NewDuration(in.Request.Duration)}
	if in.Event != nil {
		event := cedar.RecordMap{"kind": types.String(in.Event.Kind)}
		if in.Event.Severity != nil {
			event["severity"] = types.Long(*in.Event.Severity)
		}
		context["event"] = cedar.NewRecord(event)
	}
	return entities, cedar.Request{
		Principal: principal,
		Action:    cedar.NewEntityUID("Action", "request"),
		Resource:  cedar.NewEntityUID("Entitlement", types.String(in.Entitlement.ID)),
		Context:   cedar.NewRecord(context),
	}
}
