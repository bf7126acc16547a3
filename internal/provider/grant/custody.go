package grant

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/stint-dev/terraform-provider-stint/internal/api"
	"github.com/stint-dev/terraform-provider-stint/internal/condition"
	"github.com/stint-dev/terraform-provider-stint/internal/governance"
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
	var diags diag.Diagnostics
	var entitlements []string
	diags.Append(m.Entitlements.ElementsAs(ctx, &entitlements, false)...)
	slices.Sort(entitlements)
	body := map[string]any{"template": m.Template.ValueString()}
	for name, value := range map[string]types.String{
		"account": m.Account, "business_event": m.BusinessEvent, "duration": m.Duration.StringValue, "justification": m.Justification,
	} {
		if value.ValueString() != "" {
			body[name] = value.ValueString()
		}
	}
	if len(entitlements) > 0 {
		body["entitlements"] = entitlements
	}
	var input api.RequestInput
	text, err := json.Marshal(body)
	if err == nil {
		err = json.Unmarshal(text, &input)
	}
	if err != nil {
		diags.AddError("The request cannot be written", err.Error())
	}
	timeout := defaultTimeout
	if !m.ActivationTimeout.IsNull() {
		if timeout, err = condition.ParseDuration(m.ActivationTimeout.ValueString()); err != nil {
			diags.AddError("Invalid activation_timeout", err.Error())
		}
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
