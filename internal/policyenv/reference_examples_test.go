package policyenv

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/stint-dev/terraform-provider-stint/internal/condition"
)

// judged is a condition with what it comes to in the page's world.
type judged struct{ source, result string }

var operatorExamples = []struct{ operator, takes, example, result string }{
	{"`!`", "a bool", `!contains(identity.groups, "interns")`, "true"},
	{"`<` `<=` `>` `>=`", "two of type int, duration or time", `request.duration < duration("2h")`, "false"},
	{"`==` `!=`", "two of one type that is no list or map; or an optional variable and `null`", `identity.name != "alice"`, "false"},
	{"`&&`", "bools", `identity.type == "human" && identity.name == "bob"`, "false"},
	{"`\\|\\|`", "bools", `identity.type == "human" || identity.name == "bob"`, "true"},
	{"`? :`", "a bool, then two of one type", `request.duration <= (entitlement.risk == "critical" ? duration("1h") : duration("8h"))`, "false"},
}

// functionExamples has at least one for every function.
var functionExamples = map[string][]judged{
	"allof":        {{`allof(identity.groups, ["staff", "sre-oncall"])`, "true"}, {`allof(identity.groups, ["staff", "finance"])`, "false"}},
	"anyof":        {{`anyof(identity.groups, ["finance", "staff"])`, "true"}, {`anyof(identity.groups, ["finance", "audit"])`, "false"}},
	"cidrcontains": {{`identity.attributes.address != null && cidrcontains("10.0.0.0/8", identity.attributes.address)`, "true"}, {`cidrcontains("10.0.0.0/8", identity.name)`, "error bad_address"}},
	"contains":     {{`contains(identity.groups, param.team)`, "true"}, {`contains(["high", "critical"], entitlement.risk)`, "true"}},
	"duration":     {{`request.duration <= duration("1h30m")`, "false"}, {`request.duration <= duration(param.longest)`, "true"}},
	"endswith":     {{`endswith(entitlement.native_id, "_admin")`, "true"}},
	"hour":         {{`hour(now, "UTC") == 17`, "true"}, {`hour(now, "Europe/Berlin") == 18`, "true"}},
	"length":       {{`length(identity.groups) == 2`, "true"}, {`request.justification != null && length(request.justification) >= 10`, "false"}},
	"lower":        {{`request.justification != null && startswith(lower(request.justification), "inc-")`, "true"}},
	"matches":      {{`request.justification != null && matches(request.justification, "^INC-[0-9]+$")`, "true"}, {`matches(entitlement.native_id, "admin|root")`, "true"}},
	"startswith":   {{`startswith(entitlement.id, "billing/")`, "true"}},
	"time":         {{`now < time("2026-03-10T19:00:00+01:00")`, "true"}},
	"weekday":      {{`weekday(now, "UTC") == "tuesday"`, "true"}, {`weekday(now, "Pacific/Auckland") == "wednesday"`, "true"}},
}

var evaluationErrors = []struct {
	code    condition.EvalCode
	example string // in the page's world
	instead string // told where no example can be
}{
	{code: condition.EvalBadAddress, example: `cidrcontains("10.0.0.0/8", identity.name)`},
	{code: condition.EvalUnset, instead: "a stored value that does not fit its attribute, which the server lets nobody write"},
	{code: condition.EvalWrongFrame, instead: "none in a running server"},
}

// refusal is why a code exists, with a condition that meets it.
type refusal struct {
	code   condition.Code
	why    string
	source string

	params      Params // instead of the page's
	correlation bool
	shown       string // instead of a source that is too long to show
}

func (r refusal) text() string {
	if r.shown != "" {
		return r.shown
	}
	return r.source
}

func (r refusal) findings() condition.Diagnostics {
	if r.correlation {
		_, diags := CompileCorrelation(r.source, declared)
		return diags
	}
	params := oncallParams
	if r.params != nil {
		params = r.params
	}
	_, diags := CompileEligibility(r.source, params, declared)
	return diags
}

// refusals has one row for each code.
var refusals = []refusal{
	{code: condition.CodeSyntax, why: "Spellings of other languages are told with what to write instead.", source: `identity.type = "human"`},
	{code: condition.CodeTooLong, why: "A condition is at most 16 KiB long and 64 levels deep, so that nobody can make checking it costly. A chain of `&&` or `||` is one level, however long.",
		source: strings.Repeat("!", 65) + `contains(identity.groups, "sre")`, shown: `!!!…!contains(identity.groups, "sre")`},
	{code: condition.CodeUnsupportedSyntax, why: "There are no loops, objects or functions of your own: a condition ends, and can be read at a glance.", source: `contains([for g in identity.groups : lower(g)], "sre")`},
	{code: condition.CodeUnsupportedOperator, why: "It belongs where the value comes from; pass its result as a parameter.", source: `event != null && event.severity != null && event.severity + 1 <= 3`},
	{code: condition.CodeInterpolation, why: "Whoever can choose a spliced text could choose the condition.", source: `identity.name == "svc-${entitlement.application}"`},
	{code: condition.CodeBadNumber, why: "Numbers are exact.", source: `event != null && event.severity != null && event.severity <= 2.5`},
	{code: condition.CodeUnknownName, why: "A misspelt name is found wherever it stands, also where it would not be evaluated.", source: `identity.type == "human" || identity.departmnet == "sre"`},
	{code: condition.CodeUndeclared, why: "A custom attribute is declared before it is used, so that its name and type are agreed on.", source: `identity.attributes.cost_centre != null`},
	{code: condition.CodeUnknownFunction, why: "The functions are a fixed table.", source: `startwith(identity.name, "svc-")`},
	{code: condition.CodeArgumentCount, why: "No argument has a default; a zone, for instance, is always said.", source: `hour(now) < 17`},
	{code: condition.CodeTypeMismatch, why: "Values of two types are never equal. HCL would call `==` false and `!=` true, which lets everybody in.", source: `request.duration != "4h"`},
	{code: condition.CodeNotBoolean, why: "A decision is yes or no.", source: `identity.name`},
	{code: condition.CodeNotIndexable, why: "An attribute is written behind a dot, and lists have functions.", source: `identity.groups[0] == "sre"`},
	{code: condition.CodeUnguardedOptional, why: "What a comparison with nothing should mean is for the author to say.", source: `event.kind == "incident"`},
	{code: condition.CodeNeverNull, why: "A guard that guards nothing hides a misunderstanding.", source: `identity.name != null && identity.name == "alice"`},
	{code: condition.CodeNullMisuse, why: "Null is only compared with.", source: `event != null && event.severity != null && event.severity > null`},
	{code: condition.CodeEmptyList, why: "It would make the condition always true or always false.", source: `anyof(identity.groups, [])`},
	{code: condition.CodeMixedList, why: "One of the elements could never be found.", source: `contains(["sre", 1], identity.name)`},
	{code: condition.CodeLiteralRequired, why: "Patterns, spans, times, zones and ranges are checked when the condition is written, not when it decides.", source: `hour(now, identity.name) < 17`},
	{code: condition.CodeBadRegex, why: "Expressions are RE2, which cannot be made to run long.", source: `matches(identity.name, "(?=svc)")`},
	{code: condition.CodeBadDuration, why: "There is one way to write a span, everywhere in Stint.", source: `request.duration <= duration("90 minutes")`},
	{code: condition.CodeBadTime, why: "A time without an offset would depend on where it is read.", source: `now < time("2026-12-31 17:00")`},
	{code: condition.CodeBadZone, why: "An offset knows no summer time, and the server's own zone is nobody's intention.", source: `hour(now, "CEST") < 17`},
	{code: condition.CodeBadCIDR, why: "Bits behind the length are a typing mistake.", source: `request.justification != null && cidrcontains("10.1.2.3/8", request.justification)`},
	{code: condition.CodeUnknownValue, why: "A comparison with a value that cannot be is false by mistake, or true for everybody.", source: `identity.type != "humna"`},
	{code: condition.CodeConstantCondition, why: "A part that decides nothing is a mistake; one that is always true opens what the rest would close.", source: `identity.name != "alice" || identity.name != "bob"`},
	{code: CodeBadParameter, why: "Its name must be one that a condition can write, and its value a string, a bool, a whole number or a list of strings.", source: `identity.status == "active"`, params: Params{"my team": "sre"}, shown: `parameters = { "my team" = "sre" }`},
	{code: CodeOneSided, why: "It would give one account to everybody, or every account to one identity.", source: `account.name == "root"`, correlation: true},
}

// differences are conditions that HCL's own evaluator takes for something else.
var differences = []struct{ source, hcl, stint, why string }{
	{`cidrcontains("10.0.0.0/8", identity.name) || identity.type == "human"`, "true", "error bad_address", "an error is never absorbed, on whichever side it stands"},
	{`identity.name == 4711`, "false", "type_mismatch", "types never mix"},
	{`identity.name != 4711`, "true", "type_mismatch", "here HCL fails open"},
	{`identity.groups == ["sre-oncall", "staff"]`, "false", "type_mismatch", "HCL calls a list and a tuple different, whatever they hold"},
	{`"true" && identity.type == "human"`, "true", "type_mismatch", "no text is true or false"},
	{`"10" > 9 && identity.type == "human"`, "true", "type_mismatch", "no text is a number"},
	{`identity.type == "humna"`, "false", "unknown_value", "a closed set of values is known"},
	{`"${identity.name}" == "alice"`, "true", "interpolation", "texts are not templates"},
	{`identity.type == "human" || identity.nmae == "bob"`, "true", "unknown_name", "HCL looks at the right side only when it must"},
}

// hclSays evaluates with HCL itself.
func hclSays(t *testing.T, src string) string {
	t.Helper()
	tree, diags := hclsyntax.ParseExpression([]byte(src), "", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("HCL cannot parse %s: %v", src, diags)
	}
	in := withAttributes()
	groups := make([]cty.Value, len(in.Identity.Groups))
	for i, group := range in.Identity.Groups {
		groups[i] = cty.StringVal(group)
	}
	value, diags := tree.Value(&hcl.EvalContext{
		Variables: map[string]cty.Value{"identity": cty.ObjectVal(map[string]cty.Value{
			"name": cty.StringVal(in.Identity.Name), "type": cty.StringVal(in.Identity.Type), "groups": cty.ListVal(groups),
		})},
		Functions: map[string]function.Function{"cidrcontains": function.New(&function.Spec{
			Params: []function.Parameter{{Name: "range", Type: cty.String}, {Name: "address", Type: cty.String}},
			Type:   function.StaticReturnType(cty.Bool),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				address, err := netip.ParseAddr(args[1].AsString())
				return cty.BoolVal(err == nil && netip.MustParsePrefix(args[0].AsString()).Contains(address)), err
			},
		})},
	})
	if diags.HasErrors() {
		return "error"
	}
	return strconv.FormatBool(value.True())
}

// documentedCodes reads the constants of a type with their comments.
func documentedCodes(t *testing.T, file, typeName string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == typeName {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil || spec.Comment == nil {
				t.Fatalf("%s is not documented: %v", spec.Names[0].Name, err)
			}
			codes[value] = strings.TrimSpace(spec.Comment.Text())
		}
		return true
	})
	return codes
}
