package cli

import (
	"fmt"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/governance"
)

func (a *app) renderBounds(s screen, b governance.BoundsTrace) string {
	mark := func(holds bool) string {
		if holds {
			return s.green("✓")
		}
		return s.red("✗")
	}
	var out strings.Builder
	line := func(mark, name, text string) { fmt.Fprintf(&out, "  %s %-14s  %s\n", mark, name, text) }
	line(mark(b.Duration.Holds), "duration", durationBound(b.Duration))
	given := "none is given"
	if b.Justification.Given {
		given = "one is given"
	}
	line(mark(b.Justification.Holds), "justification", fmt.Sprintf("%s; %s", b.Justification.Demand, given))
	line(mark(b.BusinessEvent.Holds), "business event", a.eventBound(b.BusinessEvent))
	switch {
	case len(b.Approval.Stages) > 0:
		for i, stage := range b.Approval.Stages {
			line(s.yellow("?"), "approval", fmt.Sprintf("stage %d of %d, %s", i+1, len(b.Approval.Stages), stageBound(stage)))
		}
	case b.Approval.Automatic:
		line(s.green("✓"), "approval", "automatic")
	default:
		line(s.red("✗"), "approval", "neither automatic nor a stage")
	}
	return out.String()
}

func durationBound(d governance.DurationTrace) string {
	text := fmt.Sprintf("the default of %s", min(d.Default, d.Max))
	if d.Asked != nil {
		text = fmt.Sprintf("%s is asked for", d.Asked)
	}
	by := "the template"
	if d.BoundBy != "" {
		by = fmt.Sprintf("%s (the template allows %s)", printable(string(d.BoundBy)), d.TemplateMax)
	}
	return fmt.Sprintf("%s; at most %s, bound by %s", text, d.Max, by)
}

func (a *app) eventBound(e governance.EventTrace) string {
	demand := "none is demanded"
	if len(e.Kinds) > 0 {
		demand = "demanded, of kind " + strings.ReplaceAll(join(e.Kinds), ", ", " or ")
	}
	switch {
	case e.Event != nil && e.Event.ClosedAt != nil:
		return fmt.Sprintf("%s; %s (%s) was closed at %s", demand, printable(e.Event.Name), e.Event.Kind, a.moment(*e.Event.ClosedAt))
	case e.Event != nil:
		return fmt.Sprintf("%s; %s (%s) ends at %s", demand, printable(e.Event.Name), e.Event.Kind, a.moment(e.Event.EndsAt))
	case e.Asked != "":
		return fmt.Sprintf("%s; no open one is %s", demand, printable(e.Asked))
	}
	return demand + "; none is given"
}

func stageBound(stage governance.ApprovalStage) string {
	var who []string
	for _, id := range stage.Approvers.Identities {
		who = append(who, string(id))
	}
	for _, group := range stage.Approvers.Groups {
		who = append(who, "group "+group)
	}
	for _, relation := range stage.Approvers.Relations {
		who = append(who, "the requester's "+string(relation))
	}
	return fmt.Sprintf("%q: %d of %s, within %s", stage.Name, stage.Quorum, join(who), stage.Timeout)
}
