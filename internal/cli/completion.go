package cli

import (
	"github.com/spf13/cobra"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

// oneOfFlag offers the allowed values of a flag to shell completion.
func oneOfFlag[T ~string](cmd *cobra.Command, flag string, values ...T) {
	texts := make([]cobra.Completion, len(values))
	for i, value := range values {
		texts[i] = string(value)
	}
	// The only error is a flag that is not there or was given values before.
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(texts, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}

func requestStates() []governance.RequestState {
	return []governance.RequestState{
		governance.RequestPending, governance.RequestGranted, governance.RequestDenied, governance.RequestRejected,
		governance.RequestWithdrawn, governance.RequestLapsed, governance.RequestInvalidated,
	}
}

func grantStates() []governance.GrantState {
	return []governance.GrantState{
		governance.GrantScheduled, governance.GrantProvisioning, governance.GrantActive, governance.GrantRevoking,
		governance.GrantEnded, governance.GrantCancelled, governance.GrantProvisionFailed,
	}
}

func eventKinds() []governance.EventKind {
	return []governance.EventKind{governance.Incident, governance.Engagement, governance.Project, governance.Change, governance.Task}
}

func roles() []api.Role {
	return []api.Role{api.RoleAdmin, api.RoleAuthor, api.RoleAuditor, api.RoleMonitor}
}

// allowed refuses a flag's value that is none of the allowed ones; empty means
// that the flag was not given.
func allowed[T ~string](flag, value string, values []T) error {
	if value == "" {
		return nil
	}
	for _, v := range values {
		if value == string(v) {
			return nil
		}
	}
	return usageErrorf("--%s %q is not one of %s", flag, value, join(values))
}
