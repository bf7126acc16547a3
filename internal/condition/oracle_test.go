package condition

import (
	"math/big"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// oracle evaluates a condition with HCL's own evaluator. Durations and times are
// its numbers, in nanoseconds. It knows no map whose missing keys are null.
func oracle(t testing.TB, src string, w world) (result, ok bool) {
	t.Helper()
	return oracleParse(t, src).in(&hcl.EvalContext{Variables: w.variables(t), Functions: oracleFunctions()})
}

// oracleCondition is a condition that HCL has parsed.
type oracleCondition struct{ tree hclsyntax.Expression }

func oracleParse(t testing.TB, src string) oracleCondition {
	t.Helper()
	tree, diags := hclsyntax.ParseExpression([]byte(src), "", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("HCL cannot parse %s: %v", src, diags)
	}
	return oracleCondition{tree}
}

// in evaluates; ok is false when HCL errs or comes to something that is not true
// or false.
func (c oracleCondition) in(surroundings *hcl.EvalContext) (result, ok bool) {
	value, diags := c.tree.Value(surroundings)
	if diags.HasErrors() || value.IsNull() || !value.IsKnown() || value.Type() != cty.Bool {
		return false, false
	}
	return value.True(), true
}

func (w world) variables(t testing.TB) map[string]cty.Value {
	objects := map[string]map[string]cty.Value{}
	out := map[string]cty.Value{}
	for name, value := range w {
		object, attribute, nested := strings.Cut(name, ".")
		switch {
		case value.IsNull(): // whatever its type
		case strings.HasSuffix(name, "duration"):
			d, err := ParseDuration(value.AsString())
			if err != nil {
				t.Fatal(err)
			}
			value = cty.NumberIntVal(int64(d))
		case name == "now" || strings.HasSuffix(name, "_at"):
			value = instant(t, value.AsString())
		case value.Type().IsTupleType() && len(value.AsValueSlice()) == 0:
			value = cty.ListValEmpty(cty.String)
		case value.Type().IsTupleType():
			value = cty.ListVal(value.AsValueSlice())
		}
		if !nested {
			out[object] = value
			continue
		}
		if objects[object] == nil {
			objects[object] = map[string]cty.Value{}
		}
		objects[object][attribute] = value
	}
	for name, attributes := range objects {
		typed := cty.ObjectVal(attributes)
		if present, optional := w[name]; optional && present.IsNull() {
			typed = cty.NullVal(typed.Type())
		}
		out[name] = typed
	}
	return out
}

func instant(t testing.TB, written string) cty.Value {
	at, err := time.Parse(time.RFC3339, written)
	if err != nil {
		t.Fatal(err)
	}
	return cty.NumberIntVal(at.UnixNano())
}

func oracleFunctions() map[string]function.Function {
	text := func(v cty.Value) string { return v.AsString() }
	return map[string]function.Function{
		"lower": stdlib.LowerFunc,
		"contains": pure(cty.Bool, func(a []cty.Value) cty.Value {
			return cty.BoolVal(oracleHas(a[0], a[1]))
		}),
		"anyof": pure(cty.Bool, func(a []cty.Value) cty.Value {
			for _, item := range a[1].AsValueSlice() {
				if oracleHas(a[0], item) {
					return cty.True
				}
			}
			return cty.False
		}),
		"allof": pure(cty.Bool, func(a []cty.Value) cty.Value {
			for _, item := range a[1].AsValueSlice() {
				if !oracleHas(a[0], item) {
					return cty.False
				}
			}
			return cty.True
		}),
		"startswith": pure(cty.Bool, func(a []cty.Value) cty.Value {
			return cty.BoolVal(strings.HasPrefix(text(a[0]), text(a[1])))
		}),
		"endswith": pure(cty.Bool, func(a []cty.Value) cty.Value {
			return cty.BoolVal(strings.HasSuffix(text(a[0]), text(a[1])))
		}),
		"matches": pure(cty.Bool, func(a []cty.Value) cty.Value {
			return cty.BoolVal(regexp.MustCompile(text(a[1])).MatchString(text(a[0])))
		}),
		"length": pure(cty.Number, func(a []cty.Value) cty.Value {
			if a[0].Type() == cty.String {
				return cty.NumberIntVal(int64(len([]rune(text(a[0])))))
			}
			return cty.NumberIntVal(int64(len(a[0].AsValueSlice())))
		}),
		"duration": pure(cty.Number, func(a []cty.Value) cty.Value {
			d, _ := ParseDuration(text(a[0]))
			return cty.NumberIntVal(int64(d))
		}),
		"time": pure(cty.Number, func(a []cty.Value) cty.Value {
			at, _ := time.Parse(time.RFC3339, text(a[0]))
			return cty.NumberIntVal(at.UnixNano())
		}),
		"weekday": pure(cty.String, func(a []cty.Value) cty.Value {
			return cty.StringVal(strings.ToLower(oracleTime(a).Format("Monday")))
		}),
		"hour": pure(cty.Number, func(a []cty.Value) cty.Value {
			return cty.NumberIntVal(int64(oracleTime(a).Hour()))
		}),
		"cidrcontains": pure(cty.Bool, func(a []cty.Value) cty.Value {
			return cty.BoolVal(netip.MustParsePrefix(text(a[0])).Contains(netip.MustParseAddr(text(a[1])).Unmap()))
		}),
	}
}

func oracleTime(args []cty.Value) time.Time {
	nanos, accuracy := args[0].AsBigFloat().Int64()
	zone, err := time.LoadLocation(args[1].AsString())
	if accuracy != big.Exact || err != nil {
		panic("not a time in a zone")
	}
	return time.Unix(0, nanos).In(zone)
}

func oracleHas(list, value cty.Value) bool {
	for _, item := range list.AsValueSlice() {
		if item.RawEquals(value) {
			return true
		}
	}
	return false
}

// pure is a function of arguments that are all known and not null.
func pure(result cty.Type, impl func([]cty.Value) cty.Value) function.Function {
	return function.New(&function.Spec{
		VarParam: &function.Parameter{Name: "arguments", Type: cty.DynamicPseudoType},
		Type:     function.StaticReturnType(result),
		Impl:     func(args []cty.Value, _ cty.Type) (cty.Value, error) { return impl(args), nil },
	})
}
