// Package duration is provider::stint::duration: a duration of Stint's grammar as
// a number and in its normal form.
package duration

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// NewFunction is provider::stint::duration.
func NewFunction() function.Function { return reader{} }

type reader struct{}

// read is what the function returns.
type read struct {
	Seconds int64  `tfsdk:"seconds"`
	Text    string `tfsdk:"text"`
}

func (reader) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "duration"
}

func (reader) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Read a duration",
		MarkdownDescription: "Reads a duration as Stint writes it everywhere: whole numbers with the units `d`, `h`, `m` and `s`, largest first, such as `1h30m`. " +
			"Returns an object: `seconds`, a whole number to compare and to calculate with, and `text`, the duration in its normal form (`90m` becomes `1h30m`). " +
			"Nothing is asked of a server.",
		Parameters: []function.Parameter{
			function.StringParameter{Name: "text", MarkdownDescription: "The duration, such as `1h30m`."},
		},
		Return: function.ObjectReturn{AttributeTypes: map[string]attr.Type{"seconds": types.Int64Type, "text": types.StringType}},
	}
}

func (reader) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var text string
	if resp.Error = req.Arguments.Get(ctx, &text); resp.Error != nil {
		return
	}
	span, err := condition.ParseDuration(text)
	if err != nil {
		resp.Error = function.NewArgumentFuncError(0, err.Error())
		return
	}
	resp.Error = resp.Result.Set(ctx, read{Seconds: int64(span / time.Second), Text: condition.FormatDuration(span)})
}
