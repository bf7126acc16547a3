// Package allows is provider::stint::allows: what a condition of an eligibility
// policy says to given inputs, without a server.
package allows

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// NewFunction is provider::stint::allows.
func NewFunction() function.Function { return judge{} }

type judge struct{}

func (judge) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "allows"
}

func (judge) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Judge a condition",
		MarkdownDescription: "Says whether a condition of an eligibility policy holds for given inputs. It is judged here as the server would judge it, and no server is asked: " +
			"pin what a policy means in `terraform test` and in `check` blocks.\n\n" +
			"A condition with a mistake, inputs that do not fit, and a condition that errs while it is judged (which a server takes for a denial) are errors of the call.",
		Parameters: []function.Parameter{
			function.StringParameter{Name: "condition", MarkdownDescription: "The condition, as in `stint_eligibility_policy`."},
			function.DynamicParameter{Name: "inputs", AllowUnknownValues: true, MarkdownDescription: inputsDescription},
		},
		Return: function.BoolReturn{},
	}
}

const (
	conditionArgument = 0
	inputsArgument    = 1
)

func (judge) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var condition string
	var given types.Dynamic
	if resp.Error = req.Arguments.Get(ctx, &condition, &given); resp.Error != nil {
		return
	}
	raw, err := given.ToTerraformValue(ctx)
	if err != nil {
		resp.Error = function.NewArgumentFuncError(inputsArgument, err.Error())
		return
	}
	if readsUnknown(condition, raw) {
		resp.Error = resp.Result.Set(ctx, types.BoolUnknown())
		return
	}
	holds, err := holdsFor(condition, raw)
	if err != nil {
		resp.Error = refusal(err)
		return
	}
	resp.Error = resp.Result.Set(ctx, holds)
}

// argumentError is an error in one of the arguments.
type argumentError struct {
	argument int64
	err      error
}

func (e *argumentError) Error() string { return e.err.Error() }
func (e *argumentError) Unwrap() error { return e.err }

func refusal(err error) *function.FuncError {
	var argument *argumentError
	if errors.As(err, &argument) {
		return function.NewArgumentFuncError(argument.argument, err.Error())
	}
	return function.NewFuncError(err.Error())
}
