package governance

import (
	"fmt"
	"strings"
)

// describeStages says who would have to approve, stage by stage.
func describeStages(stages []ApprovalStage) string {
	texts := make([]string, len(stages))
	for i, s := range stages {
		texts[i] = fmt.Sprintf("%q by %d of %s", s.Name, s.Quorum, s.Approvers)
		if s.Escalation != nil {
			texts[i] += fmt.Sprintf(" (after %s also %s)", s.Timeout, s.Escalation.Approvers)
		}
	}
	return strings.Join(texts, ", then ")
}

// String lists the ways to be an approver, for people.
func (a Approvers) String() string {
	var ways []string
	for _, id := range a.Identities {
		ways = append(ways, string(id))
	}
	for _, group := range a.Groups {
		ways = append(ways, fmt.Sprintf("group %q", group))
	}
	for _, relation := range a.Relations {
		switch relation {
		case Manager:
			ways = append(ways, "the requester's manager")
		case Owner:
			ways = append(ways, "the requester's owner")
		case EntitlementOwner:
			ways = append(ways, "the owner of what is asked for")
		}
	}
	if a.Condition != "" {
		ways = append(ways, "whoever meets "+strings.Join(strings.Fields(a.Condition), " "))
	}
	return strings.Join(ways, " or ")
}
