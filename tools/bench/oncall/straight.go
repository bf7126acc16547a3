package oncall

import (
	"slices"

	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// straight is the condition as Go, compiled ahead of time, for orientation.
func straight() (Engine, error) {
	return Engine{
		Name: "straight Go",
		Ready: func(in *policyenv.Input) func() (bool, error) {
			return func() (bool, error) {
				return in.Identity.Type == "human" && slices.Contains(in.Identity.Groups, "sre-oncall") &&
					in.Event != nil && in.Event.Kind == "incident" && in.Event.Severity != nil && *in.Event.Severity <= 2 &&
					in.Request.Duration <= longest, nil
			}
		},
	}, nil
}
