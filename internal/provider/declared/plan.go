package declared

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// ValidateConfig checks what is known, without a server.
func (m *managed[D, T]) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	document, unknown, err := m.document(ctx, req.Config.Raw)
	if err != nil {
		resp.Diagnostics.Append(failure("The configuration cannot be read", err)...)
		return
	}
	resp.Diagnostics.Append(m.check(ctx, document, unknown)...)
}

// ModifyPlan checks again now that references are known, makes the id known,
// and asks the server what only it can tell.
func (m *managed[D, T]) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	document, unknown, err := m.document(ctx, req.Plan.Raw)
	if err != nil {
		resp.Diagnostics.Append(failure("The plan cannot be read", err)...)
		return
	}
	resp.Diagnostics.Append(m.check(ctx, document, unknown)...)
	if m.keyKnown(unknown) {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), document.Key())...)
	}
	if resp.Diagnostics.HasError() || m.session == nil || m.session.Offline() {
		return
	}
	resp.Diagnostics.Append(m.checkAttributes(ctx, document, unknown)...)
	if resp.Diagnostics.HasError() || m.Planned == nil {
		return
	}
	var before *D
	if !req.State.Raw.IsNull() {
		old, _, err := m.document(ctx, req.State.Raw)
		if err != nil {
			resp.Diagnostics.Append(failure("The state cannot be read", err)...)
			return
		}
		if old.Key() == document.Key() {
			before = &old
		}
	}
	change, err := m.change(before, document)
	if err != nil {
		resp.Diagnostics.Append(failure("The plan cannot be read", err)...)
		return
	}
	change.Unknown = unknown
	resp.Diagnostics.Append(m.Planned(ctx, m.session, change)...)
}

// check is the document's own check.
func (m *managed[D, T]) check(ctx context.Context, document D, unknown fwconv.Unknown) diag.Diagnostics {
	return m.report(ctx, document.Check(), unknown)
}

// checkAttributes holds the document against the custom attributes that are
// declared, or planned to be. Which these are is asked for by documents that use
// any.
func (m *managed[D, T]) checkAttributes(ctx context.Context, document D, unknown fwconv.Unknown) diag.Diagnostics {
	if len(governance.AttributesUsed(document)) == 0 {
		return nil
	}
	attributes, complete, err := m.session.Attributes(ctx)
	if err != nil {
		return fwconv.Refusal(ctx, m.schema, "The declared attributes were not read", err)
	}
	if !complete {
		return nil
	}
	problems := attributes.Check(document)
	for i, problem := range problems {
		if problem.Code == governance.CodeUnknownReference {
			problems[i].Message = fwconv.Sentence(problem.Message) + " If this configuration declares it already, refer to that resource or name it in depends_on, so that it is planned first."
		}
	}
	return m.report(ctx, problems, unknown)
}

// report shows problems, less what cannot be judged yet: fields that are not
// known, and fields that are judged by one that is not known or wrong itself.
func (m *managed[D, T]) report(ctx context.Context, problems governance.Problems, unknown fwconv.Unknown) diag.Diagnostics {
	found := &api.Problem{Detail: "the " + m.Noun + " is not right"}
	for _, problem := range problems {
		field := fwconv.PlainField(problem.Field)
		open := slices.Clone(unknown)
		for _, other := range problems {
			if fwconv.PlainField(other.Field) != field {
				open = append(open, other.Field)
			}
		}
		if !unknown.Holds(problem.Field) && !open.TouchesAny(m.Depends[field]) {
			found.Errors = append(found.Errors, problem)
		}
	}
	if len(found.Errors) == 0 {
		return nil
	}
	return fwconv.Refusal(ctx, m.schema, "Invalid "+m.Noun, found)
}
