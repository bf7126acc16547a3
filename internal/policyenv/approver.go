package policyenv

import (
	"slices"
	"strings"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// OfApprover is the variable under which approver conditions see the custom
// attributes of the identity that would approve.
const OfApprover Owner = "approver"

// approval is what an approver condition looks at.
type approval struct {
	approver Identity
	input    Input
}

// ApproverCondition is a compiled condition that says who may approve a request.
// It is safe for concurrent use.
type ApproverCondition struct {
	program *program[approval]
}

// ApproverVariables lists what approver conditions see beside the variables of
// eligibility conditions.
func ApproverVariables() []Variable { return documented(approverFields(nil)) }

// approverFields are those of an identity, as conditions see the approver.
func approverFields(attributes Attributes) []field[approval] {
	fields := slices.Concat(
		identityFields(func(in *approval) *Identity { return &in.approver }),
		attributeFields(attributes, OfIdentity, func(in *approval) (Values, bool) { return in.approver.Attributes, true }),
	)
	for i, f := range fields {
		fields[i].Name = string(OfApprover) + strings.TrimPrefix(f.Name, string(OfIdentity))
		fields[i].Doc = strings.NewReplacer("The identity's", "The approver's", "the identity's", "the approver's", "the identity", "the approver").Replace(f.Doc)
	}
	return fields
}

func approverSchema(attributes Attributes) (*schema[approval], error) {
	fields := slices.Concat(approverFields(attributes), extensible[approval](OfApprover))
	for _, f := range askedFields(attributes) {
		lifted := field[approval]{Variable: f.Variable, known: f.known, declare: f.declare}
		if fill := f.fill; fill != nil {
			lifted.fill = func(frame *condition.Frame, at condition.Slot, in *approval) { fill(frame, at, &in.input) }
		}
		fields = append(fields, lifted)
	}
	return newSchema(fields)
}

// CompileApprover checks and compiles a condition over approver, and over what
// eligibility conditions see of the request. It returns all findings at once; the
// condition is nil when there is any.
func CompileApprover(src string, attributes Attributes) (*ApproverCondition, condition.Diagnostics) {
	p, diags := compileSided(approverSchema, attributes, src, theApprover())
	if p == nil {
		return nil, diags
	}
	return &ApproverCondition{p}, nil
}

// CheckApprover finds what CompileApprover would before it is known which
// attributes are declared: each that the condition reads may be of any type.
func CheckApprover(src string) condition.Diagnostics {
	return checkSided(approverSchema, src, theApprover())
}

func theApprover() sides {
	return sides{
		roots:      []string{string(OfApprover)},
		message:    "a condition on approvers looks at the approver; this one would name everybody or nobody",
		suggestion: `write contains(approver.groups, "leads"), for example`,
	}
}

// Holds says whether the condition names the approver. An error is always a
// *condition.EvalError and means that it does not.
func (c *ApproverCondition) Holds(approver Identity, asked Input) (bool, error) {
	return c.program.eval(approval{approver, asked})
}
