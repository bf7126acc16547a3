package governance

import (
	"time"

	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// ApproverTest says whether a condition of a stage names a person.
type ApproverTest func(condition string, person Person) bool

// ApproverTest judges conditions on approvers for a request at now: one must hold
// for every entitlement that is asked for. Whatever errs, no longer compiles or
// is no longer declared names nobody.
func (s *PolicySet) ApproverTest(r Request, requester Person, event *OpenEvent, now time.Time) ApproverTest {
	return func(text string, person Person) bool {
		program, diags := policyenv.CompileApprover(text, s.Attributes.list)
		if len(diags) > 0 || len(r.Entitlements) == 0 {
			return false
		}
		approver := s.Attributes.Identity(person)
		in := policyenv.Input{
			Identity: s.Attributes.Identity(requester),
			Request:  policyenv.Request{Duration: r.Duration.Std(), Justification: r.Justification, Template: string(r.Template), NotBefore: r.begins(now), BreakGlass: r.BreakGlass},
			Now:      now,
		}
		if event != nil {
			in.Event = s.Attributes.Event(*event)
		}
		for _, id := range r.Entitlements {
			entitlement := s.Entitlements[id]
			if entitlement == nil {
				return false
			}
			in.Entitlement = entitlement.Input()
			if holds, err := program.Holds(approver, in); err != nil || !holds {
				return false
			}
		}
		return true
	}
}

// meets says whether a condition, if there is one, names the person.
func (p Parties) meets(condition string, person Person) bool {
	return condition != "" && p.Meets != nil && p.Meets(condition, person)
}

// conditions lists the conditions on approvers of a template, with
// their fields.
func (t GrantTemplate) conditions() map[string]string {
	found := map[string]string{}
	for n, stage := range t.Approval.Stages {
		field := stageField(n)
		if text := stage.Approvers.Condition; text != "" {
			found[field+".approvers.condition"] = text
		}
		if stage.Escalation != nil && stage.Escalation.Approvers.Condition != "" {
			found[field+".escalation.approvers.condition"] = stage.Escalation.Approvers.Condition
		}
	}
	if t.BreakGlass != nil && t.BreakGlass.Reviewers.Condition != "" {
		found["break_glass.reviewers.condition"] = t.BreakGlass.Reviewers.Condition
	}
	return found
}

// eitherCondition is both ways to be named.
func eitherCondition(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return "(\n" + a + "\n) || (\n" + b + "\n)"
}
