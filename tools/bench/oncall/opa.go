package oncall

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/stint-dev/terraform-provider-stint/internal/policyenv"
)

// The bound is written in nanoseconds, which spares OPA to parse "4h" anew each
// time.
const regoPolicy = `package stint

default allow := false

allow if {
	input.identity.type == "human"
	"sre-oncall" in input.identity.groups
	input.event.kind == "incident"
	input.event.severity <= 2
	input.request.duration <= 14400000000000
}`

// opa is a prepared query on a module of one rule.
func opa() (Engine, error) {
	query, err := rego.New(
		rego.Query("data.stint.allow"),
		rego.Module("oncall.rego", regoPolicy),
	).PrepareForEval(context.Background())
	if err != nil {
		return Engine{}, fmt.Errorf("prepare the OPA query: %w", err)
	}
	decide := func(input ast.Value) (bool, error) {
		results, err := query.Eval(context.Background(), rego.EvalParsedInput(input))
		if err != nil {
			return false, fmt.Errorf("evaluate OPA: %w", err)
		}
		return results.Allowed(), nil
	}
	return Engine{
		Name: "OPA, prepared query",
		Ready: func(in *policyenv.Input) func() (bool, error) {
			input := regoInput(in)
			return func() (bool, error) { return decide(input) }
		},
		Filled: func(in *policyenv.Input) (bool, error) { return decide(regoInput(in)) },
	}, nil
}

// regoInput builds OPA's own values, which costs less than handing it a Go map.
func regoInput(in *policyenv.Input) ast.Value {
	groups := make([]*ast.Term, len(in.Identity.Groups))
	for i, group := range in.Identity.Groups {
		groups[i] = ast.StringTerm(group)
	}
	input := ast.NewObject(
		ast.Item(ast.InternedTerm("identity"), ast.NewTerm(ast.NewObject(
			ast.Item(ast.InternedTerm("type"), ast.StringTerm(in.Identity.Type)),
			ast.Item(ast.InternedTerm("groups"), ast.ArrayTerm(groups...)),
		))),
		ast.Item(ast.InternedTerm("request"), ast.NewTerm(ast.NewObject(
			ast.Item(ast.InternedTerm("duration"), regoNumber(int64(in.Request.Duration))),
		))),
	)
	if in.Event == nil {
		return input
	}
	event := ast.NewObject(ast.Item(ast.InternedTerm("kind"), ast.StringTerm(in.Event.Kind)))
	if in.Event.Severity != nil {
		event.Insert(ast.InternedTerm("severity"), regoNumber(*in.Event.Severity))
	}
	input.Insert(ast.InternedTerm("event"), ast.NewTerm(event))
	return input
}

func regoNumber(n int64) *ast.Term {
	return ast.NumberTerm(json.Number(strconv.FormatInt(n, 10)))
}
