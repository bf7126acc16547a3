package duration

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func call(t *testing.T, text string) (attr.Value, *function.FuncError) {
	t.Helper()
	kinds := map[string]attr.Type{"seconds": types.Int64Type, "text": types.StringType}
	req := function.RunRequest{Arguments: function.NewArgumentsData([]attr.Value{types.StringValue(text)})}
	resp := function.RunResponse{Result: function.NewResultData(types.ObjectNull(kinds))}
	NewFunction().Run(t.Context(), req, &resp)
	return resp.Result.Value(), resp.Error
}

func TestADurationIsReadAsSecondsAndInItsNormalForm(t *testing.T) {
	for text, want := range map[string]struct {
		seconds int64
		text    string
	}{
		"1h30m": {5400, "1h30m"}, "90m": {5400, "1h30m"}, "0s": {0, "0s"}, "36h": {129600, "1d12h"}, "1d1h1m1s": {90061, "1d1h1m1s"},
	} {
		got, err := call(t, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		members := got.(types.Object).Attributes()
		if !members["seconds"].Equal(types.Int64Value(want.seconds)) || !members["text"].Equal(types.StringValue(want.text)) {
			t.Errorf("%s is read as %s", text, got)
		}
	}
}

func TestWhatIsNoDurationIsRefusedWithTheGrammar(t *testing.T) {
	for _, text := range []string{"", "90", "1.5h", "30m1h", "-1h", "1 hour"} {
		got, err := call(t, text)
		if err == nil || err.FunctionArgument == nil || *err.FunctionArgument != 0 || !strings.Contains(err.Text, "1h30m") {
			t.Errorf("%q is read as %s, %v", text, got, err)
		}
	}
}
