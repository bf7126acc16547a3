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
	demand := b.Justification.Demand
	if b.BreakGlass != nil {
		demand = governance.JustificationRequired
	}
	line(mark(b.Justification.Holds), "justification", fmt.Sprintf("%s; %s", demand, given))
	line(mark(b.BusinessEvent.Holds), "business event", a.eventBound(b.BusinessEvent))
	if b.BreakGlass != nil {
		line(mark(b.BreakGlass.Holds), "break-glass", breakGlassBound(b.BreakGlass.Allows))
	}
	if b.Schedule.NotBefore != nil || b.Schedule.Within != nil {
		line(mark(b.Schedule.Holds), "begin", a.scheduleBound(b.Schedule))
	}
	if b.Cooldown != nil {
		line(mark(b.Cooldown.Holds), "cooldown", a.cooldownBound(*b.Cooldown))
	}
	if b.Concurrency != nil {
		line(mark(b.Concurrency.Holds), "concurrency", concurrencyBound(*b.Concurrency))
	}
	switch {
	case b.BreakGlass != nil && b.BreakGlass.Allows != nil:
		line(s.green("✓"), "approval", "break-glass goes past it")
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

func breakGlassBound(b *governance.BreakGlass) string {
	if b == nil {
		return "the template has none"
	}
	return fmt.Sprintf("%d within %s; reviewed by %s within %s", b.Limit, b.Per, printable(b.Reviewers.String()), b.ReviewWithin)
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

func (a *app) scheduleBound(b governance.ScheduleTrace) string {
	text := "at once"
	if b.NotBefore != nil {
		text = a.moment(*b.NotBefore)
	}
	if b.Within == nil {
		return text + "; the template gives access at once only"
	}
	return fmt.Sprintf("%s; at most %s ahead", text, b.Within)
}

func (a *app) cooldownBound(b governance.CooldownTrace) string {
	if b.Until == nil {
		return fmt.Sprintf("%s between the grants of one identity; none stands in the way", b.Cooldown)
	}
	return fmt.Sprintf("%s between the grants of one identity; grant %s stands in the way until %s at the latest", b.Cooldown, shortID(b.Grant), a.moment(*b.Until))
}

func concurrencyBound(b governance.ConcurrencyTrace) string {
	text := plural(int64(b.Asked), "live grant") + " more"
	if b.PerIdentity != nil {
		text += fmt.Sprintf("; the identity has %d of %d", b.Own, *b.PerIdentity)
	}
	if b.Total != nil {
		text += fmt.Sprintf("; all together have %d of %d", b.Live, *b.Total)
	}
	return text
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
