// Package grant is the ephemeral resource stint_grant: a right that a Terraform
// run holds only while it runs.
package grant

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/session"
)

// NewEphemeralResource is stint_grant; what it takes is noted in open until it is
// given back.
func NewEphemeralResource(open *Open) func() ephemeral.EphemeralResource {
	return func() ephemeral.EphemeralResource { return &grant{open: open} }
}

type grant struct {
	session *session.Session
	open    *Open
}

var (
	_ ephemeral.EphemeralResourceWithConfigure = (*grant)(nil)
	_ ephemeral.EphemeralResourceWithRenew     = (*grant)(nil)
	_ ephemeral.EphemeralResourceWithClose     = (*grant)(nil)
)

func (g *grant) Metadata(_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_grant"
}

func (g *grant) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = grantSchema()
}

func (g *grant) Configure(_ context.Context, req ephemeral.ConfigureRequest, resp *ephemeral.ConfigureResponse) {
	configured, diags := session.Of(req.ProviderData)
	g.session = configured
	resp.Diagnostics.Append(diags...)
}

// Open requests the right and waits until the target has it. When it does not
// come to that, what was granted so far is given back.
func (g *grant) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var wanted model
	resp.Diagnostics.Append(req.Config.Get(ctx, &wanted)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !wanted.Enabled.ValueBool() {
		return
	}
	c, err := g.session.Client()
	if err != nil {
		resp.Diagnostics.AddError("Stint cannot be asked", fwconv.Sentence(err.Error()))
		return
	}
	input, timeout, diags := wanted.ask(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	h := holder{client: c, timeout: timeout}
	request, refused := h.request(ctx, input)
	if refused != nil {
		resp.Diagnostics.Append(refused)
		return
	}
	g.open.add(c, request.Grants)
	held, err := h.activate(ctx, request.Grants)
	if err != nil {
		detail := fwconv.Sentence(err.Error())
		if left := h.giveBack(context.WithoutCancel(ctx), request.Grants); left != nil {
			detail += "\n\n" + fwconv.Sentence(left.Error())
		}
		g.open.drop(request.Grants)
		resp.Diagnostics.AddError("The right did not come", detail)
		return
	}
	resp.Diagnostics.Append(wanted.hold(ctx, request, held)...)
	resp.Diagnostics.Append(resp.Result.Set(ctx, wanted)...)
	kept := custody{Grants: request.Grants, Span: request.Duration, Justification: input.Justification, Timeout: timeout}
	resp.Diagnostics.Append(kept.keep(ctx, resp.Private)...)
	resp.RenewAt = kept.renewAt(earliestEnd(held))
}

// Renew extends the grants before they end, by what was asked for at first. A
// refusal is a warning: the run may be over before they end.
func (g *grant) Renew(ctx context.Context, req ephemeral.RenewRequest, resp *ephemeral.RenewResponse) {
	kept, h, diags := g.resume(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || len(kept.Grants) == 0 {
		return
	}
	ends, err := h.extend(ctx, kept)
	if err != nil {
		resp.Diagnostics.AddWarning("The right is not extended", fwconv.Sentence(err.Error()))
		return
	}
	resp.RenewAt = kept.renewAt(ends)
}

// Close returns the right and waits until the target was read and it is gone.
func (g *grant) Close(ctx context.Context, req ephemeral.CloseRequest, resp *ephemeral.CloseResponse) {
	kept, h, diags := g.resume(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || len(kept.Grants) == 0 {
		return
	}
	err := h.giveBack(ctx, kept.Grants)
	g.open.drop(kept.Grants)
	if err != nil {
		resp.Diagnostics.AddError("The right still stands", fwconv.Sentence(err.Error()))
	}
}

func (g *grant) resume(ctx context.Context, private reader) (custody, holder, diag.Diagnostics) {
	kept, diags := recall(ctx, private)
	if diags.HasError() || len(kept.Grants) == 0 {
		return kept, holder{}, diags
	}
	c, err := g.session.Client()
	if err != nil {
		diags.AddError("Stint cannot be asked", fwconv.Sentence(err.Error()))
	}
	return kept, holder{client: c, timeout: kept.Timeout}, diags
}

// refusal is a decision that is not for a run to wait for.
func refusal(template string, d api.ExplainedDecision) diag.Diagnostic {
	var denials, consents []string
	for _, r := range d.Reasons {
		switch r.Weight {
		case governance.Denies:
			denials = append(denials, r.Message)
		case governance.DemandsConsent:
			consents = append(consents, r.Message)
		}
	}
	if len(denials) > 0 {
		return diag.NewErrorDiagnostic("The request would be denied", bullets("Nothing was requested.", denials))
	}
	return diag.NewErrorDiagnostic("The request would need an approval",
		bullets(fmt.Sprintf("A run does not wait for people, and nothing was requested. Give it a template that approves by itself, or request %q with: stint request.", template), consents))
}

func bullets(head string, items []string) string {
	return head + "\n\n  - " + strings.Join(items, "\n  - ")
}
