package grant

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
	"github.com/stint-dev/terraform-provider-stint/internal/provider/fwconv"
)

// custody is what the later calls for one opened resource need to know. It holds
// no secret.
type custody struct {
	Grants []governance.GrantID `json:"grants"`
	// Span is how long was asked for at first.
	Span governance.Duration `json:"span"`
	// Justification is what was said for it.
	Justification string `json:"justification,omitempty"`
	// Timeout bounds every wait for the target.
	Timeout time.Duration `json:"timeout"`
}

const custodyKey = "custody"

type reader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type writer interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

func (c custody) keep(ctx context.Context, private writer) diag.Diagnostics {
	text, err := json.Marshal(c)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("The grants cannot be remembered", err.Error())}
	}
	return private.SetKey(ctx, custodyKey, text)
}

// recall gives an empty custody for a resource that was opened without asking
// for anything.
func recall(ctx context.Context, private reader) (custody, diag.Diagnostics) {
	var c custody
	text, diags := private.GetKey(ctx, custodyKey)
	if diags.HasError() || len(text) == 0 {
		return c, diags
	}
	if err := json.Unmarshal(text, &c); err != nil {
		diags.AddError("The grants are not remembered", fmt.Sprintf("%v; they end by themselves when their time is over.", err))
	}
	return c, diags
}

// renewAt leaves a quarter of the span, and at most five minutes, for the
// extension to come through.
func (c custody) renewAt(ends time.Time) time.Time {
	return ends.Add(-min(c.Span.Std()/4, 5*time.Minute))
}

const defaultTimeout = 2 * time.Minute

// ask is the request that the configuration stands for.
func (m model) ask(ctx context.Context) (api.RequestInput, time.Duration, diag.Diagnostics) {
	input := api.RequestInput{
		Template: governance.TemplateID(m.Template.ValueString()), Account: governance.AccountID(m.Account.ValueString()),
		BusinessEvent: m.BusinessEvent.ValueString(), Justification: m.Justification.ValueString(),
	}
	diags := m.Entitlements.ElementsAs(ctx, &input.Entitlements, false)
	slices.Sort(input.Entitlements)
	span := func(name string, text fwconv.Text) time.Duration {
		d, err := condition.ParseDuration(text.ValueString())
		if err != nil {
			diags.AddAttributeError(path.Root(name), "Invalid "+name, fwconv.Sentence(err.Error()))
		}
		return d
	}
	if !m.Duration.IsNull() {
		asked := governance.Duration(span("duration", m.Duration))
		input.Duration = &asked
	}
	timeout := defaultTimeout
	if !m.ActivationTimeout.IsNull() {
		timeout = span("activation_timeout", m.ActivationTimeout)
	}
	return input, timeout, diags
}

// hold fills in what came of the request.
func (m *model) hold(ctx context.Context, request api.Request, held []api.Grant) diag.Diagnostics {
	slices.SortFunc(held, func(a, b api.Grant) int { return strings.Compare(string(a.Entitlement), string(b.Entitlement)) })
	models := make([]grantModel, len(held))
	for i, g := range held {
		_, name, _ := g.Account.Split()
		models[i] = grantModel{
			ID: types.StringValue(string(g.ID)), Entitlement: types.StringValue(string(g.Entitlement)),
			Account: types.StringValue(string(g.Account)), AccountName: types.StringValue(name),
			NotAfter: types.StringValue(g.NotAfter.UTC().Format(time.RFC3339)),
		}
	}
	m.Request = types.StringValue(string(request.ID))
	m.NotAfter = types.StringValue(earliestEnd(held).UTC().Format(time.RFC3339))
	var diags diag.Diagnostics
	m.Grants, diags = types.ListValueFrom(ctx, grantSchema().Attributes["grants"].GetType().(types.ListType).ElemType, models)
	return diags
}

func earliestEnd(held []api.Grant) time.Time {
	ends := held[0].NotAfter
	for _, g := range held[1:] {
		if g.NotAfter.Before(ends) {
			ends = g.NotAfter
		}
	}
	return ends
}
